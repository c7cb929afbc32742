"""In-memory adapters: exact, for tests and for use inside one process; nothing is kept."""
