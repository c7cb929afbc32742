"""The short way: upload, define, process, search."""
