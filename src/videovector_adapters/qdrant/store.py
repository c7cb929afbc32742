"""The embedded store: a directory of parts with one owner. Synchronous; the engine process is its only caller.

`parts.json` names the directories that are in use and is replaced by renaming, so a part is there whole or not at all;
directories that it does not name are left from work that did not end and are removed at the start.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from array import array
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final
from uuid import uuid4

import msgspec
import qdrant_edge as qe
from attrs import define, field

from videovector_adapters.qdrant.layout import DENSE, SAMPLE, TERMS, corpus, floats, part_name
from videovector_adapters.qdrant.parts import Hit, Part, Query, Where
from videovector_core.errors import Conflict, Invalid
from videovector_core.vectors.lexical import CORPUS, corpus_level

NAMES: Final = "parts.json"
MAIN: Final = ""
"""The name of the main part; no space is called so."""
Packed = tuple[str, dict[str, Any], dict[str, bytes], list[int], list[float]]
"""A point on its way: id, fields, vectors by space as 32-bit floats, term ids and weights."""


@define
class Store:
    """All parts of one directory."""

    directory: Path
    _lock: BinaryIO
    parts: dict[str, Part] = field(factory=dict)
    changed: set[str] | None = None
    """While a part is built aside: the ids that were written or removed since."""
    _writes: int = 0
    _levels: dict[str, tuple[int, int]] = field(factory=dict)

    @classmethod
    def open(cls, directory: Path) -> Store:
        """Become the owner of a directory and load what is there; an empty one gets a main part.

        Raises:
            Conflict: another process owns the directory, or an older version wrote what is there.
        """
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        store = cls(directory, locked(directory))
        named = _read_names(directory)
        store._sweep({directory / name for name, _ in named.values()})
        store.parts = {space: Part.load(directory / name, size) for space, (name, size) in named.items()}
        if MAIN not in store.parts:
            store._add(MAIN, None)
        return store

    def admit(self, points: Sequence[Packed]) -> None:
        """Make parts for spaces that are new; `Invalid` when a vector has not the size of its space."""
        sizes = {space: part.size for space, part in self.parts.items()}
        for _, _, dense, _, _ in points:
            for space, data in dense.items():
                check_size(space, sizes.setdefault(space, len(data) // 4), len(data) // 4)
        for space in sizes.keys() - self.parts.keys():
            self._add(space, sizes[space])

    def upsert(self, points: Sequence[Packed]) -> None:
        """Write whole points that were admitted; of equal ids the last one stays."""
        latest = {point[0]: point for point in points}
        self._note(latest)
        self.parts[MAIN].upsert([_main_point(point) for point in latest.values()])
        for space, part in self.parts.items():
            if space == MAIN:
                continue
            having = {one: point for one, point in latest.items() if space in point[2]}
            part.upsert([qe.Point(p[0], {DENSE: floats(p[2][space])}, _fields(p)) for p in having.values()])
            part.delete(latest.keys() - having.keys())

    def delete(self, ids: Sequence[str]) -> None:
        """Remove points from every part, the main part last."""
        self._note(ids)
        for space in sorted(self.parts, reverse=True):
            self.parts[space].delete(dict.fromkeys(ids))

    def nearest(self, space: str, queries: Sequence[Query]) -> list[list[Hit]]:
        """Search one space; a space that nothing was written to has no hits."""
        part = self.parts.get(space)
        return part.search(queries) if part else [[] for _ in queries]

    def lexical(self, user: str, terms: list[int], weights: list[float], where: Where, top_k: int, least: int) -> Query:
        """Prepare a search of the main part for a user, whose texts tell how rare a term is."""
        level = self._level(user)
        return Query(qe.SparseVector(terms, weights), where, top_k, corpus=corpus(user, level), least=least)

    def status(self) -> dict[str, dict[str, int]]:
        """Return, by part, how many points there are and how many of their vectors have an index."""
        return {space: {"points": part.count(), "indexed": part.indexed()} for space, part in self.parts.items()}

    def flush(self) -> None:
        """Bring everything to disk, which shortens the logs to apply at the next start."""
        for part in self.parts.values():
            part.shard.flush()

    def close(self) -> None:
        """Flush, let go of the shards and of the directory."""
        for part in self.parts.values():
            part.shard.close()
        self.parts = {}
        self._lock.close()

    def read(self, ids: Sequence[str]) -> list[Packed]:
        """Return those of the points that are there, as they were written (dense vectors scaled to length 1)."""
        found = {one: _packed(record) for one, record in self.parts[MAIN].read(list(ids)).items()}
        for space, part in self.parts.items():
            for one, record in part.read(list(found)).items() if space != MAIN else ():
                found[one][2][space] = array("f", _vectors(record)[DENSE]).tobytes()
        return list(found.values())

    def optimize(self) -> None:
        """Build the indexes of every part, here and now: minutes of work in which nothing else is answered."""
        for space, part in list(self.parts.items()):
            built = part.built(partial(self.fresh, space))
            if built is not part:
                self.parts[space] = built
                self._write_names()
                part.shard.close()
                shutil.rmtree(part.directory)

    def copy_names(self, aside: Path) -> list[tuple[Path, Path]]:
        """Name in `aside` a copy of every part; return which directories are to be copied where."""
        aside.mkdir(mode=0o700)
        names = {space: (self.fresh(space).name, part.size) for space, part in self.parts.items()}
        replace_file(aside / NAMES, msgspec.json.encode(names))
        return [(part.directory, aside / names[space][0]) for space, part in self.parts.items()]

    def fresh(self, space: str) -> Path:
        """Return a directory name that was never used, for a part of `space`."""
        return self.directory / f"{part_name(space) if space else 'main'}.{uuid4().hex[:8]}"

    def _add(self, space: str, size: int | None) -> None:
        self.parts[space] = Part.create(self.fresh(space), size)
        self._write_names()

    def _note(self, ids: Sequence[str] | Mapping[str, Any]) -> None:
        self._writes += len(ids)
        if self.changed is not None:
            self.changed.update(ids)

    def _level(self, user: str) -> int:
        """Return the sample level of a user's texts, counted anew after some thousand writes."""
        known = self._levels.get(user)
        if known is None or self._writes - known[1] > CORPUS // 8:
            main = self.parts[MAIN]
            known = (corpus_level(lambda level: main.count({SAMPLE: corpus(user, level)[SAMPLE]})), self._writes)
            self._levels[user] = known
        return known[0]

    def _write_names(self) -> None:
        names = {space: (part.directory.name, part.size) for space, part in self.parts.items()}
        replace_file(self.directory / NAMES, msgspec.json.encode(names))

    def _sweep(self, used: set[Path]) -> None:
        for one in self.directory.iterdir():
            if one.is_dir() and one not in used:
                shutil.rmtree(one)


def check_size(space: str, expected: int | None, given: int) -> None:
    """Refuse a vector that has not the size of its space."""
    if expected != given:
        raise Invalid(f"Vectors of the space {space!r} have {expected} dimensions, not {given}.")


def _read_names(directory: Path) -> dict[str, tuple[str, int | None]]:
    with contextlib.suppress(FileNotFoundError):
        return msgspec.json.decode((directory / NAMES).read_bytes(), type=dict[str, tuple[str, int | None]])
    return {}


def _packed(record: qe.Record) -> Packed:
    terms = _vectors(record).get(TERMS)
    indices, values = (terms.indices, terms.values) if isinstance(terms, qe.SparseVector) else ([], [])
    return str(record.id), dict(record.payload or {}), {}, list(indices), list(values)


def _vectors(record: qe.Record) -> dict[str, Any]:
    return record.vector if isinstance(record.vector, dict) else {}


def _fields(point: Packed) -> dict[str, Any]:
    return {name: value for name, value in point[1].items() if name != SAMPLE}


def _main_point(point: Packed) -> qe.Point:
    one, fields, _, terms, weights = point
    return qe.Point(one, {TERMS: qe.SparseVector(terms, weights)} if terms else {}, fields)


def locked(directory: Path) -> BinaryIO:
    """Become the owner of a directory for as long as the returned file is open; `Conflict` when there is one."""
    lock = (directory / "lock").open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise Conflict(
            f"Another process owns the vectors in {directory}; stop it, or use another directory."
        ) from error
    return lock


def replace_file(path: Path, data: bytes) -> None:
    """Put a file in place whole or not at all, also when the power fails."""
    aside = path.with_suffix(".new")
    with aside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
