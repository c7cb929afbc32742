"""What points, scopes and spaces are called inside Qdrant, whichever way it runs."""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Mapping
from functools import lru_cache
from hashlib import blake2b
from itertools import product
from typing import Any, Final
from uuid import UUID

from videovector_core.errors import Invalid
from videovector_core.search.fusion import SCORE_DIGITS
from videovector_core.vectors.lexical import SAMPLE_LEVELS, sample_level
from videovector_core.vectors.ports import Point, PointKind, Scope, Scored

TERMS: Final = "terms"
"""The sparse vector of the main part."""
DENSE: Final = "dense"
"""The vector of a space's part."""
TENANT: Final = "user_id"
SAMPLE: Final = "sample"
_INDEXED: Final = (TENANT, "run_id", "index_id", "video_id", "segment_id", "kind", "field_path")
IN_RUN: Final = "in_run"
IN_INDEX: Final = "in_index"
JOINED: Final = (IN_RUN, IN_INDEX)
"""Fields that stand for several: user, run and kind, and those with the index, as one UUID. A search compares the fields that
it has conditions on at every node of the graph that it passes: four texts take three times as long as one number does (7
and 2.4 ms a search of 100,000 points)."""
MOST_JOINED: Final = 2**15
"""So many values may be looked for in a joined field; a wider scope names its users, runs, kinds and indexes apart."""
HIDDEN: Final = (SAMPLE, *JOINED)
"""Fields of the engine's own, which no hit carries."""
_RESCORED: Final = 256
"""int8 candidates that are scored again with the full vectors, at least: neighbours that differ by less than int8 can
tell are lost otherwise. 20 tight clusters of 150 vectors, recall@10: 0.72 with 36 candidates, 0.97 with 80, 0.99 with 256.
"""
BEAM: Final = 1024
MOST_BEAM: Final = 4096
"""Nodes of the graph that a search keeps in view, at least and at most; see `beam`."""
_SEVERAL: Final = 5
"""Graphs from which a search sees less of each; see `beam`."""
SLACK: Final = 8
"""Hits asked for beyond those wanted, to see whether a tie goes on past the last."""

_SCOPE: Final = {
    "run_ids": "run_id",
    "index_ids": "index_id",
    "video_ids": "video_id",
    "segment_ids": "segment_id",
    "field_paths": "field_path",
    "kinds": "kind",
}
_KINDS: Final = {kind.value: kind for kind in PointKind}
_OPTIONAL: Final = ("index_id", "segment_id", "field_path", "instance_key")


def payload(point: Point) -> dict[str, Any]:
    """Return the fields of a point as Qdrant keeps them; absent ones are left out."""
    fields: dict[str, Any] = {
        "kind": point.kind.value,
        "user_id": point.user_id,
        "run_id": point.run_id,
        "video_id": point.video_id,
        "version": point.version,
    }
    fields |= {name: value for name in _OPTIONAL if (value := getattr(point, name)) is not None}
    if point.time is not None:
        fields["time"] = repr(point.time)  # as text: the engine's log does not keep the last bit of a number
    fields[IN_RUN] = _joined(point.user_id, point.run_id, fields["kind"])
    if point.index_id is not None:
        fields[IN_INDEX] = _joined(point.user_id, point.run_id, fields["kind"], point.index_id)
    if point.sparse:
        fields[SAMPLE] = f"{point.user_id}/{sample_level(point.id)}"
    return fields


def scored(point_id: str, score: float, fields: Mapping[str, Any]) -> Scored:
    """Turn a hit of the engine, whose fields are those that are not `HIDDEN`, into one of the port."""
    known = {**fields, "kind": _KINDS[fields["kind"]]}
    if "time" in known:
        known["time"] = float(known["time"])
    return Scored(Point(id=point_id, **known), round(score, SCORE_DIGITS))


def where(scope: Scope) -> dict[str, list[str]] | None:
    """Return the allowed values by field; `None` when nothing can match."""
    allowed: dict[str, list[str]] = {TENANT: [scope.user_id]}
    for key, name in _SCOPE.items():
        values = getattr(scope, key)
        if values is not None:
            allowed[name] = [str(value) for value in values]
    return _narrowed(allowed) if all(allowed.values()) else None


def _narrowed(allowed: dict[str, list[str]]) -> dict[str, list[str]]:
    """Put a joined field in place of those that it stands for, where runs are named and not too many.

    Of several indexes each would make as many values again, of which most stand for nothing: they stay a condition of their own.
    """
    joined, names = IN_RUN, [TENANT, "run_id", "kind"]
    if len(allowed.get("index_id", ())) == 1:
        joined, names = IN_INDEX, [*names, "index_id"]
    if "run_id" not in allowed or math.prod(len(allowed[name]) for name in names) > MOST_JOINED:
        return allowed
    together = [_joined(*values) for values in product(*(allowed[name] for name in names))]
    return {joined: together} | {name: values for name, values in allowed.items() if name not in names}


@lru_cache(2 * MOST_JOINED)
def _joined(*values: str) -> str:
    return str(UUID(bytes=blake2b(repr(values).encode(), digest_size=16).digest()))


def corpus(user_id: str, level: int) -> dict[str, list[str]]:
    """Return the filter for the texts over which inverse document frequency is taken; see `lexical`."""
    return {SAMPLE: [f"{user_id}/{one}" for one in range(level, SAMPLE_LEVELS)]}


def check(point: Point) -> None:
    """Refuse what no engine may be given: an id that is no UUID, a space without a name, numbers that are not finite."""
    check_id(point.id)
    for space, vector in point.dense.items():
        if not space or not vector or not math.isfinite(sum(vector)):
            raise Invalid(f"The vector of the space {space!r} is empty or holds a number that is not finite.")
    if point.sparse and not all(0 <= term < 2**32 for term in point.sparse):
        raise Invalid("Term ids of a sparse vector lie between 0 and 2**32 - 1.")


def check_id(point_id: str) -> None:
    """Refuse an id that is not a UUID in canonical form."""
    try:
        canonical = str(UUID(point_id))
    except ValueError:
        canonical = ""
    if canonical != point_id:
        raise Invalid(f"A point's id is a UUID in canonical form, not {point_id[:80]!r}.")


def indexed(*, main: bool) -> tuple[str, ...]:
    """Return the fields that have an index; the main part has one more."""
    return (*_INDEXED, *JOINED, *((SAMPLE,) if main else ()))


def older(place: str) -> str:
    """Say what to do about points that lack the `JOINED` fields, which no search would find."""
    return (
        f"The vectors in {place} were written by an older version; remove them while no server runs, and have them "
        "written anew with: videovector reindex"
    )


def part_name(space: str) -> str:
    """Return a name for a space's part that is safe as a directory or collection, and readable."""
    digest = blake2b(space.encode(), digest_size=6).hexdigest()
    return f"{re.sub(r'[^a-z0-9]+', '-', space.lower()).strip('-')[:32] or 'space'}-{digest}"


def floats(data: bytes) -> list[float]:
    """Unpack 32-bit floats."""
    return array("f", data).tolist()


def oversampling(limit: int) -> float:
    """Return how many int8 candidates are scored again for each of `limit` hits."""
    return max(2.0, _RESCORED / limit)


def beam(vectors: int, graphs: int = 1) -> int:
    """Return how many nodes of each of so many graphs a search keeps in view, each over so many vectors.

    A question that is like nothing there is has its nearest in as many places as there are vectors. Clusters of 200, recall@10:
    of 100,000 vectors 0.97 with 512 nodes and 0.99 with 1,024; of 1,000,000 0.92 with 1,024 and 0.99 with 3,906. Several
    graphs need see less of each: ten of 100,000 vectors, 0.978 with 512, 0.986 with 768 and 0.992 with 1,024.
    """
    whole = min(MOST_BEAM, max(BEAM, vectors // 256))
    return whole * 3 // 4 if graphs >= _SEVERAL else whole


def settled(scores: list[float], wanted: int, asked: int) -> bool:
    """Say whether a longer answer cannot change which hits are the `wanted` best, ties by id included."""
    if len(scores) < asked or wanted <= 0:
        return True
    return round(scores[wanted - 1], SCORE_DIGITS) > round(scores[-1], SCORE_DIGITS)


def tie(scores: list[float], wanted: int) -> slice:
    """Return where those stand that are as good as the last one wanted; `scores` are in falling order."""
    same = [
        at for at, score in enumerate(scores) if round(score, SCORE_DIGITS) == round(scores[wanted - 1], SCORE_DIGITS)
    ]
    return slice(same[0], same[-1] + 1)
