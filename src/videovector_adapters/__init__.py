"""Outside systems behind the core's ports: one folder each, and no folder imports another."""
