"""Embedding rows in PostgreSQL: vectors in half precision, and what the engine has yet to learn or forget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from attrs import define

from videovector_adapters.postgres.rows import BATCH, Session
from videovector_core.models.ports import Vector
from videovector_core.vectors.ports import Point, PointKind
from videovector_core.vectors.rows import pack, unpack

_OWED: Final = """
SELECT id, kind, user_id, run_id, video_id, version, index_id, segment_id, field_path, instance_key, time,
    spaces, vectors, terms, weights
FROM embeddings WHERE run_id = %s AND (doomed OR known <> version) AND NOT doomed ORDER BY user_id, id LIMIT %s
"""

_REPLACE: Final = """
INSERT INTO embeddings (id, kind, user_id, run_id, owner, video_id, index_id, segment_id, field_path, instance_key,
    time, spaces, vectors, terms, weights, version)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, nextval('embedding_versions'))
ON CONFLICT (id) DO UPDATE SET
    kind = excluded.kind, user_id = excluded.user_id, run_id = excluded.run_id, owner = excluded.owner,
    video_id = excluded.video_id, index_id = excluded.index_id, segment_id = excluded.segment_id,
    field_path = excluded.field_path, instance_key = excluded.instance_key, time = excluded.time,
    spaces = excluded.spaces, vectors = excluded.vectors, terms = excluded.terms, weights = excluded.weights,
    version = excluded.version, doomed = false
"""

_FIRST: Final = "00000000-0000-0000-0000-000000000000"
_LACKING: Final = """
SELECT id, kind, user_id, run_id, video_id, version, index_id, segment_id, field_path, instance_key, time,
    '{}'::text[], '{}'::bytea[], NULL, NULL
FROM embeddings
WHERE id > %s::uuid AND kind IN ('segment', 'leaf', 'video') AND NOT doomed AND NOT %s = ANY(spaces)
ORDER BY id LIMIT %s
"""
_WIDEN: Final = """
UPDATE embeddings e
SET spaces = e.spaces || %s::text, vectors = e.vectors || g.vector, version = nextval('embedding_versions')
FROM unnest(%s::uuid[], %s::bigint[], %s::bytea[]) AS g (id, version, vector)
WHERE e.id = g.id AND e.version = g.version AND NOT e.doomed AND NOT %s = ANY(e.spaces)
"""
_NARROW: Final = """
WITH page AS MATERIALIZED (
    SELECT id FROM embeddings WHERE id > %s::uuid AND NOT doomed AND %s = ANY(spaces) ORDER BY id LIMIT %s FOR UPDATE
)
UPDATE embeddings e SET version = nextval('embedding_versions'), spaces = array_remove(e.spaces, %s),
    vectors = ARRAY(SELECT v FROM unnest(e.spaces, e.vectors) WITH ORDINALITY AS g (s, v, n) WHERE s <> %s ORDER BY n)
FROM page WHERE e.id = page.id RETURNING e.id::text
"""
_OWE: Final = """
WITH page AS MATERIALIZED (
    SELECT id FROM embeddings WHERE id > %s::uuid AND NOT doomed ORDER BY id LIMIT %s FOR UPDATE
)
UPDATE embeddings e SET known = 0 FROM page WHERE e.id = page.id RETURNING e.id::text
"""

# Runs with a debt, found by skipping from one to the next.
_INDEBTED: Final = """
WITH RECURSIVE run AS (
    (SELECT run_id, user_id FROM embeddings WHERE (doomed OR known <> version) ORDER BY run_id, user_id LIMIT 1)
    UNION ALL
    SELECT next.run_id, next.user_id FROM run, LATERAL (
        SELECT run_id, user_id FROM embeddings WHERE (doomed OR known <> version) AND (run_id, user_id) > (run.run_id, run.user_id)
        ORDER BY run_id, user_id LIMIT 1
    ) next
)
SELECT user_id, run_id FROM run LIMIT %s
"""


@define
class PgEmbeddings:
    """`EmbeddingStore` in PostgreSQL. Versions come from one sequence, so that none is ever used again."""

    db: Session

    async def replace(self, run_id: str, owner: str, points: Sequence[Point]) -> None:
        ids = [point.id for point in points]
        await self.db.run(
            "UPDATE embeddings SET doomed = true WHERE run_id = %s AND owner = %s AND NOT doomed AND id <> ALL(%s::uuid[])",
            [run_id, owner, ids],
        )
        if points:
            ordered = sorted(points, key=lambda point: point.id)
            async with self.db.connection.cursor() as cursor:
                await cursor.executemany(_REPLACE, [_values(owner, point) for point in ordered])

    async def owed(self, run_id: str, *, limit: int) -> list[Point]:
        found = await self.db.rows(_OWED, [run_id, limit])
        return [_point(row) for row in found]

    async def learned(self, points: Sequence[Point]) -> None:
        for start in range(0, len(points), BATCH):
            batch = points[start : start + BATCH]
            await self.db.run(
                "UPDATE embeddings e SET known = g.version FROM unnest(%s::uuid[], %s::bigint[]) AS g (id, version) "
                "WHERE e.id = g.id",
                [[point.id for point in batch], [point.version for point in batch]],
            )

    async def doomed(self, *, limit: int, run_id: str | None = None) -> list[str]:
        # `id` alone would be the text that is returned, in whose order no index lies
        every, one = (
            "SELECT id::text FROM embeddings WHERE doomed ORDER BY embeddings.id LIMIT %s",
            "SELECT id::text FROM embeddings WHERE run_id = %s AND doomed ORDER BY user_id, embeddings.id LIMIT %s",
        )
        found = await (self.db.rows(every, [limit]) if run_id is None else self.db.rows(one, [run_id, limit]))
        return [identity for (identity,) in found]

    async def forgotten(self, ids: Sequence[str]) -> None:
        await self.db.run("DELETE FROM embeddings WHERE id = ANY(%s::uuid[]) AND doomed", [list(ids)])

    async def debt(self, run_id: str) -> int:
        counted = "SELECT count(*) FROM embeddings WHERE run_id = %s AND (doomed OR known <> version)"
        return int(await self.db.value(counted, [run_id]))

    async def indebted(self, *, limit: int) -> list[tuple[str, str]]:
        return [(user_id, run_id) for user_id, run_id in await self.db.rows(_INDEBTED, [limit])]

    async def doom(self, video_id: str) -> int:
        return await self.db.run("UPDATE embeddings SET doomed = true WHERE video_id = %s AND NOT doomed", [video_id])

    async def scan(self, *, after: str | None, limit: int) -> list[tuple[str, int, bool]]:
        start = after or _FIRST
        found = await self.db.rows(
            "SELECT id::text, version, known = version FROM embeddings "
            "WHERE id > %s::uuid AND NOT doomed ORDER BY embeddings.id LIMIT %s",
            [start, limit],
        )
        return [(identity, version, learned) for identity, version, learned in found]

    async def spaces(self) -> dict[str, int]:
        counted = "SELECT space, count(*) FROM embeddings, unnest(spaces) AS space WHERE NOT doomed GROUP BY 1"
        return dict(await self.db.rows(counted, []))

    async def lacking(self, space: str, *, after: str | None, limit: int) -> list[Point]:
        return [_point(row) for row in await self.db.rows(_LACKING, [after or _FIRST, space, limit])]

    async def widen(self, space: str, vectors: Sequence[tuple[Point, Vector]]) -> int:
        ids, versions = [point.id for point, _ in vectors], [point.version for point, _ in vectors]
        packed = [pack({space: vector})[space] for _, vector in vectors]
        return await self.db.run(_WIDEN, [space, ids, versions, packed, space])

    async def narrow(self, space: str, *, after: str | None, limit: int) -> list[str]:
        return sorted(one for (one,) in await self.db.rows(_NARROW, [after or _FIRST, space, limit, space, space]))

    async def owe(self, *, after: str | None, limit: int) -> list[str]:
        return sorted(one for (one,) in await self.db.rows(_OWE, [after or _FIRST, limit]))


def _values(owner: str, point: Point) -> list[Any]:
    packed, sparse = pack(point.dense), point.sparse
    return [
        point.id,
        point.kind,
        point.user_id,
        point.run_id,
        owner,
        point.video_id,
        point.index_id,
        point.segment_id,
        point.field_path,
        point.instance_key,
        point.time,
        list(packed),
        list(packed.values()),
        None if sparse is None else list(sparse),
        None if sparse is None else [float(weight) for weight in sparse.values()],
    ]


def _point(row: tuple[Any, ...]) -> Point:
    identity, kind, *names, time, spaces, vectors, terms, weights = row
    user_id, run_id, video_id, version, index_id, segment_id, field_path, instance_key = names
    dense = unpack(dict(zip(spaces, vectors, strict=True)))
    sparse = None if terms is None else dict(zip(terms, weights, strict=True))
    return Point(
        str(identity),
        PointKind(kind),
        user_id,
        run_id,
        video_id,
        version,
        index_id,
        segment_id,
        field_path,
        instance_key,
        time,
        dense,
        sparse,
    )
