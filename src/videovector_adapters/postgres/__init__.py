"""The PostgreSQL adapter: the truth of the server, embedded or behind a DSN."""
