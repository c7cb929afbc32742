"""Exports: what runs found, as one file to keep."""
