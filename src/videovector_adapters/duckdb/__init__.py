"""SQL over extracted metadata: typed files, an allow-list for queries, and a box to run them in."""
