"""Vectors: points, the rows they are copies of, and what is asked of an engine."""
