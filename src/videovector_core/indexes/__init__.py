"""Indexes: the collections that media belong to."""
