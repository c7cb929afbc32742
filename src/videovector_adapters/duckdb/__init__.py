"""SQL over extracted metadata: typed files, an allow-list for queries, and a box to run them in."""

from __future__ import annotations

from videovector_adapters.extras import requires

requires("sql", "duckdb", "sqlglot", "pyarrow", "msgspec")
