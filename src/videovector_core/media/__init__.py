"""Media items: what was uploaded or registered, and what its bytes turned out to hold."""
