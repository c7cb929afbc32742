"""Brings a database to the present schema: numbered SQL files, each applied once and never changed afterwards."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from importlib import resources
from typing import Final

import psycopg
from attrs import frozen

from videovector_adapters.postgres.errors import translated
from videovector_core.errors import Conflict

_LOCK: Final = 0x56_56_01
"""Names the advisory lock under which one process at a time migrates."""

_NAME: Final = re.compile(r"(\d{4})_(\w+)\.sql")

_TABLE: Final = """
CREATE TABLE IF NOT EXISTS migrations (
    number integer PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


@frozen
class Migration:
    """One step of the schema; `checksum` is the SHA-256 of its text, in hex."""

    number: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """What tells a changed file from the one that was applied."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def shipped() -> tuple[Migration, ...]:
    """Return the migrations that come with this version, in order."""
    folder = resources.files(__package__) / "migrations"
    found = [(match, file) for file in folder.iterdir() if (match := _NAME.fullmatch(file.name))]
    steps = [Migration(int(match[1]), match[2], file.read_text()) for match, file in found]
    return tuple(sorted(steps, key=lambda step: step.number))


async def migrate(dsn: str, migrations: Sequence[Migration] | None = None) -> list[Migration]:
    """Apply what is missing and return it; several processes may do so at once, and a second time does nothing.

    Everything that is missing is applied in one transaction, or nothing is.

    Raises:
        Conflict: code `conflict_migrations`, when a migration that was applied has changed since, or is unknown here.
        Unavailable: the database is away.
    """
    steps = shipped() if migrations is None else migrations
    with translated():
        async with await psycopg.AsyncConnection.connect(dsn) as connection:
            await connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            await connection.execute("SET LOCAL client_min_messages = warning")
            await connection.execute(_TABLE)
            rows = await (await connection.execute("SELECT number, name, checksum FROM migrations")).fetchall()
            missing = _missing(steps, {number: (name, checksum) for number, name, checksum in rows})
            for step in missing:
                await connection.execute(step.sql.encode())
                await connection.execute(
                    "INSERT INTO migrations (number, name, checksum) VALUES (%s, %s, %s)",
                    [step.number, step.name, step.checksum],
                )
    return missing


def _missing(steps: Sequence[Migration], applied: dict[int, tuple[str, str]]) -> list[Migration]:
    known = {step.number: step for step in steps}
    if len(known) < len(steps):
        raise Conflict("Two migrations have the same number; rename the newer one.", code="conflict_migrations")
    for number, (name, checksum) in sorted(applied.items()):
        step = known.get(number)
        if step is None:
            raise Conflict(
                f"The database was migrated by a newer version (migration {number}, {name}); run that version.",
                code="conflict_migrations",
            )
        if step.checksum != checksum:
            raise Conflict(
                f"Migration {number} ({name}) changed after it was applied; restore its file and add a new migration.",
                code="conflict_migrations",
            )
    return [step for step in steps if step.number not in applied]
