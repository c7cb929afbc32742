"""Connectors: places in storages that imports read and exports write."""
