"""One PostgreSQL for all the tests of a session, and a database of its own for whoever asks.

In a conftest or a test module: `from tests.postgres import postgres_server, postgres_dsn` (fixtures), then ask for
`postgres_dsn`: a migrated and empty database. `fresh` makes further ones.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import functools
import itertools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from videovector_adapters.postgres.embedded import EmbeddedPostgres
from videovector_adapters.postgres.migrate import migrate

# A server that forgets everything at a power cut: what is tested here is not the disk.
QUICK: Final = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}

_numbers = itertools.count(1)
_TEMPLATE: Final = f"migrated_{os.getpid()}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """A DSN of a server that lives as long as the session; `VIDEOVECTOR_TEST_DATABASE_URL` names another one."""
    given = os.environ.get("VIDEOVECTOR_TEST_DATABASE_URL")
    if given:
        _make_template(given)
        yield given
        drop(given, make_conninfo(given, dbname=_TEMPLATE))
        return
    with quick_server() as dsn:
        _make_template(dsn)
        yield dsn


@contextlib.contextmanager
def quick_server() -> Iterator[str]:
    """Start an empty server in a folder that goes with it; yields its DSN."""
    with tempfile.TemporaryDirectory(prefix="videovector-pg-") as folder:
        root = Path(folder)
        root.chmod(0o711)
        server = EmbeddedPostgres(root / "data", QUICK, root=root / "root")
        try:
            yield server.start()
        finally:
            server.stop()


@functools.cache
def lasting_server() -> str:
    """Start a server that lives as long as this process, for what is no test of pytest; returns its DSN."""
    stack = contextlib.ExitStack()
    dsn = stack.enter_context(quick_server())
    atexit.register(stack.close)
    _make_template(dsn)
    return dsn


@pytest.fixture
def postgres_dsn(postgres_server: str) -> Iterator[str]:
    """A migrated, empty database that goes when the test ends."""
    dsn = fresh(postgres_server)
    yield dsn
    drop(postgres_server, dsn)


def fresh(server: str, *, migrated: bool = True) -> str:
    """Make an empty database and return its DSN (some 50 ms); `migrated` says whether it has the tables."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as connection:
        template = _TEMPLATE if migrated else "template1"
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
    return make_conninfo(server, dbname=name)


def drop(server: str, dsn: str) -> None:
    """Remove a database that `fresh` made, whoever is still connected to it."""
    name = psycopg.conninfo.conninfo_to_dict(dsn)["dbname"]
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def wipe(dsn: str) -> None:
    """Empty every table of a database, quicker than making a new one."""
    with psycopg.connect(dsn) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            if table != "migrations":
                connection.execute(f"DELETE FROM {table}")


def _make_template(server: str) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {_TEMPLATE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {_TEMPLATE}")
    asyncio.run(migrate(make_conninfo(server, dbname=_TEMPLATE)))
