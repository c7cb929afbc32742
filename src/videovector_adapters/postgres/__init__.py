"""The PostgreSQL adapter: the truth of the server, embedded or behind a DSN."""

from __future__ import annotations

from videovector_adapters.extras import requires

requires("postgres", "psycopg", "psycopg_pool", "msgspec")
