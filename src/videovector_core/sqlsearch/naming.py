"""Names of tables and columns: stable for as long as the run and its schema are."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from videovector_core.fields import FieldPath

SHORT: Final = 10
"""Characters of a run id in a table's name: 40 random bits, so that ten thousand runs of a tenant do not meet."""

UNION: Final = "segments"
_ODD: Final = re.compile(r"[^a-z0-9]+")


def short_id(run_id: str) -> str:
    """Return the random end of an id (the beginning is its time, which neighbours share)."""
    return _plain(run_id.partition("_")[2] or run_id)[-SHORT:].strip("_")


def short_ids(run_ids: Collection[str]) -> dict[str, str]:
    """Give every run its short id; runs whose short ids meet keep their whole ids."""
    shorts = [short_id(run_id) for run_id in run_ids]
    return {
        run_id: short if shorts.count(short) == 1 else _plain(run_id.partition("_")[2] or run_id)
        for run_id, short in zip(run_ids, shorts, strict=True)
    }


def run_table(short: str) -> str:
    """Name the table of a run's segment results."""
    return f"run_{short}"


def video_table(short: str) -> str:
    """Name the table of a run's media-level results."""
    return f"video_results_{short}"


def items_view(table: str, array: FieldPath) -> str:
    """Name the view with one row per item of an array of objects: `run_x__scene_people`."""
    return f"{table}__{'_'.join(_plain(step.name) for step in array.steps)}"


def unlike(names: Iterable[str], taken: Iterable[str] = ()) -> Iterator[str]:
    """Yield the names so that no two differ in case only, which a table cannot hold: the later one gets a number."""
    seen = {name.casefold() for name in taken}
    for name in names:
        free, number = name, 2
        while free.casefold() in seen:
            free, number = f"{name}_{number}", number + 1
        seen.add(free.casefold())
        yield free


def quoted(name: str) -> str:
    """Write a name between double quotes."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Write a string between single quotes."""
    return "'" + text.replace("'", "''") + "'"


def _plain(text: str) -> str:
    return _ODD.sub("_", text.lower()).strip("_") or "_"
