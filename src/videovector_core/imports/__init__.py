"""Import jobs: how media came in."""
