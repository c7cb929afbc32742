"""Segments: the time slices of a media item, and how they are cut."""
