"""The rows of finished runs as tables, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from attrs import define

from videovector_adapters.postgres.results import LEVELS, RESULTS
from videovector_adapters.postgres.rows import Session, beyond
from videovector_core.page import After
from videovector_core.ports import Blob
from videovector_core.runs.model import SegmentResult, VideoResult
from videovector_core.runs.tables import TableState

_STATES: Final = """
SELECT a.run_id,
    coalesce((SELECT c.changes FROM run_changes c WHERE c.run_id = a.run_id), 0)
    || '-' || (SELECT count(*) FROM retries y WHERE y.run_id = a.run_id AND y.status NOT IN ('pending', 'processing'))
    || '-' || (SELECT coalesce(sum(extract(epoch FROM v.completed_at)), 0) FROM video_results v
               WHERE v.run_id = a.run_id),
    ARRAY(SELECT p.index_id::text FROM run_places p WHERE p.run_id = a.run_id ORDER BY p.index_id)
FROM unnest(%s::text[]) AS a (run_id)
"""
_NOT_HIDDEN: Final = "NOT EXISTS (SELECT FROM media m WHERE m.video_id = t.video_id AND m.hidden)"
_COUNTS: Final = f"""
SELECT a.run_id,
    (SELECT count(*) FROM results t WHERE t.run_id = a.run_id AND t.status = 'successful' AND {_NOT_HIDDEN}),
    (SELECT count(*) FROM video_results t
     WHERE t.run_id = a.run_id AND t.status IN ('successful', 'partial') AND {_NOT_HIDDEN})
FROM unnest(%s::text[]) AS a (run_id)
"""  # noqa: S608 - a constant
_CHANGED: Final = """
INSERT INTO run_changes (run_id, changes) SELECT run_id, 1 FROM unnest(%s::text[]) AS a (run_id) ORDER BY run_id
ON CONFLICT (run_id) DO UPDATE SET changes = run_changes.changes + 1
"""
_HELD: Final = """
INSERT INTO run_changes (run_id, changes) VALUES (%s, 0)
ON CONFLICT (run_id) DO UPDATE SET changes = run_changes.changes
"""
_KEEP: Final = """
INSERT INTO run_files (run_id, level, version, sha256, size) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (run_id, level) DO UPDATE
SET version = excluded.version, sha256 = excluded.sha256, size = excluded.size
"""
_UNUSED: Final = """
SELECT DISTINCT g.sha256 FROM unnest(%s::text[]) AS g (sha256)
WHERE NOT EXISTS (SELECT FROM run_files f WHERE f.sha256 = g.sha256) ORDER BY 1
"""


@define
class PgTables:
    """`TableStore` in PostgreSQL."""

    db: Session

    async def states(self, run_ids: Sequence[str]) -> dict[str, TableState]:
        found = await self.db.rows(_STATES, [list(run_ids)])
        return {
            run_id: TableState(version, tuple(place or None for place in places)) for run_id, version, places in found
        }

    async def counts(self, run_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
        return {run_id: (rows, levels) for run_id, rows, levels in await self.db.rows(_COUNTS, [list(run_ids)])}

    async def results(self, run_id: str, *, limit: int, after: After | None = None) -> list[SegmentResult]:
        on, place = beyond(after, "video_id, ordinal")
        shown = f"WHERE run_id = %s AND status = 'successful' AND {_NOT_HIDDEN}"
        return await self.db.many(RESULTS, f"{shown} {on} ORDER BY video_id, ordinal LIMIT %s", [run_id, *place, limit])

    async def video_results(self, run_id: str, *, limit: int, after: After | None = None) -> list[VideoResult]:
        on, place = beyond(after, "video_id")
        shown = f"WHERE run_id = %s AND status IN ('successful', 'partial') AND {_NOT_HIDDEN}"
        return await self.db.many(LEVELS, f"{shown} {on} ORDER BY video_id LIMIT %s", [run_id, *place, limit])

    async def changed(self, run_ids: Sequence[str]) -> list[str]:
        await self.db.run(_CHANGED, [list(run_ids)])
        gone = await self.db.rows("DELETE FROM run_files WHERE run_id = ANY(%s) RETURNING sha256", [list(run_ids)])
        return await self._unused(gone)

    async def file(self, run_id: str, level: str, version: str) -> Blob | None:
        named = "SELECT sha256, size FROM run_files WHERE run_id = %s AND level = %s AND version = %s"
        found = await self.db.rows(named, [run_id, level, version])
        return Blob(*found[0]) if found else None

    async def keep(self, run_id: str, level: str, version: str, blob: Blob) -> list[str]:
        # whoever changes the run waits for this, or this for him: a version that was overtaken is never kept
        await self.db.run(_HELD, [run_id])
        state = (await self.states([run_id])).get(run_id)
        if state is None or state.version != version:
            return await self._unused([(blob.sha256,)])
        older = await self.db.rows(
            "SELECT sha256 FROM run_files WHERE run_id = %s AND level = %s FOR UPDATE", [run_id, level]
        )
        await self.db.run(_KEEP, [run_id, level, version, blob.sha256, blob.size])
        return await self._unused(older)

    async def forget(self, run_id: str, level: str) -> None:
        await self.db.run("DELETE FROM run_files WHERE run_id = %s AND level = %s", [run_id, level])

    async def refers(self, sha256: str) -> bool:
        return bool(await self.db.value("SELECT EXISTS (SELECT FROM run_files WHERE sha256 = %s)", [sha256]))

    async def _unused(self, gone: Sequence[tuple[Any, ...]]) -> list[str]:
        if not gone:
            return []
        return [sha256 for (sha256,) in await self.db.rows(_UNUSED, [[sha256 for (sha256,) in gone]])]
