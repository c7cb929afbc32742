"""Answers from the values of the domain: by name through `out`, and here only what is not a name of the same thing."""
