"""Prompts: the user's extraction contracts."""
