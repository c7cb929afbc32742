"""Runs and their media in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from attrs import define

from videovector_adapters.postgres.rows import Session, Shape, before, beyond
from videovector_core.page import After
from videovector_core.runs.model import Outcome, Run, RunCounts, RunMedium
from videovector_core.signals import MediaType

_MOMENTS: Final = ("created_at", "updated_at")
_PLAYGROUND: Final = ""


def _revived(row: dict[str, Any]) -> dict[str, Any]:
    """Give the frozen prompt its moments back, which JSON holds as text."""
    prompt = row["prompt"]
    moments = {name: datetime.fromisoformat(prompt[name]) for name in _MOMENTS if prompt.get(name)}
    return {**row, "prompt": {**prompt, **moments}}


RUNS: Final = Shape("runs", Run, ("run_id",), ("prompt", "target", "segmentation"), revive=_revived)
MEDIA_OF_RUNS: Final = Shape("run_media", RunMedium, ("run_id", "video_id"))

_PLACES: Final = """
INSERT INTO run_places (user_id, index_id, executed_at, run_id)
SELECT DISTINCT r.user_id, coalesce(m.index_id, ''), r.executed_at, r.run_id
FROM runs r JOIN run_media i USING (run_id) JOIN media m ON m.video_id = i.video_id
WHERE r.run_id = %s
"""

_MEDIA_COUNTS: Final = """
SELECT run_id, media_type, status, count(*), bool_or(created_new_segments) FROM run_media
WHERE run_id = ANY(%s) GROUP BY run_id, media_type, status
"""

_SEGMENT_COUNTS: Final = """
SELECT run_id, status, count(*), count(*) FILTER (WHERE field_extraction IS FALSE),
    count(*) FILTER (WHERE transcription IS FALSE), count(*) FILTER (WHERE image_embedding IS FALSE),
    count(*) FILTER (WHERE flawed)
FROM results WHERE run_id = ANY(%s) GROUP BY run_id, status
"""

_LEVEL_COUNTS: Final = (
    "SELECT run_id, status, count(*) FROM video_results WHERE run_id = ANY(%s) GROUP BY run_id, status"
)


@define
class PgRuns:
    """`RunStore` in PostgreSQL."""

    db: Session

    async def add(self, run: Run, media: Sequence[RunMedium]) -> bool:
        if not await self.db.add(RUNS, run):
            return False
        await self.db.add_many(MEDIA_OF_RUNS, media)
        await self.db.run(_PLACES, [run.run_id])
        return True

    async def get(self, user_id: str, run_id: str) -> Run | None:
        return await self.db.one(RUNS, "WHERE run_id = %s AND user_id = %s AND NOT deleted", [run_id, user_id])

    async def lock(self, run_id: str) -> Run | None:
        return await self.db.one(RUNS, "WHERE run_id = %s FOR UPDATE", [run_id])

    async def save(self, run: Run) -> None:
        await self.db.replace(RUNS, run)

    async def page(
        self,
        user_id: str,
        *,
        index_id: str | None = None,
        video_id: str | None = None,
        limit: int,
        after: After | None = None,
    ) -> list[Run]:
        within, given = "", list[Any]()
        if index_id is not None:
            within += " JOIN run_places p ON (p.user_id, p.index_id, p.executed_at, p.run_id)"
            within += " = (t.user_id, %s, t.executed_at, t.run_id)"
            given.append(index_id)
        if video_id is not None:
            within += " JOIN run_media m ON m.run_id = t.run_id AND m.video_id = %s"
            given.append(video_id)
        on, place = before(after, "t.executed_at, t.run_id")
        rest = (
            f"{within} WHERE t.user_id = %s AND NOT t.deleted {on} ORDER BY t.executed_at DESC, t.run_id DESC LIMIT %s"
        )
        return await self.db.many(RUNS, rest, [*given, user_id, *place, limit])

    async def of_prompt(self, user_id: str, prompt_id: str) -> int:
        counted = "SELECT count(*) FROM runs WHERE user_id = %s AND prompt_id = %s"
        return int(await self.db.value(counted, [user_id, prompt_id]))

    async def searchable(
        self,
        user_id: str,
        *,
        run_ids: Sequence[str] | None = None,
        index_ids: Sequence[str] | None = None,
        playground: bool = False,
    ) -> list[Run]:
        within, given = "", list[Any]([user_id])
        if run_ids is not None:
            within += " AND t.run_id = ANY(%s)"
            given.append(list(run_ids))
        if index_ids is not None or playground:
            within += (
                " AND EXISTS (SELECT FROM run_places p WHERE p.user_id = t.user_id AND p.index_id = ANY(%s)"
                " AND p.executed_at = t.executed_at AND p.run_id = t.run_id)"
            )
            given.append([*(index_ids or ()), *([_PLAYGROUND] if playground else ())])
        done = "WHERE t.user_id = %s AND NOT t.deleted AND t.status IN ('completed', 'completed_with_failures')"
        return await self.db.many(
            RUNS, f"{done} {within} ORDER BY t.executed_at DESC, t.run_id DESC LIMIT 10000", given
        )

    async def medium(self, run_id: str, video_id: str) -> RunMedium | None:
        return await self.db.one(MEDIA_OF_RUNS, "WHERE run_id = %s AND video_id = %s", [run_id, video_id])

    async def media(self, run_id: str, *, limit: int, after: After | None = None) -> list[RunMedium]:
        on, place = beyond(after, "ordinal")
        rest = f"WHERE run_id = %s {on} ORDER BY ordinal LIMIT %s"
        return await self.db.many(MEDIA_OF_RUNS, rest, [run_id, *place, limit])

    async def ripe(self, run_id: str, *, limit: int) -> list[RunMedium]:
        waiting = (
            "SELECT FROM results r WHERE r.run_id = t.run_id AND r.video_id = t.video_id"
            " AND r.status IN ('pending', 'processing')"
        )
        cut = "WHERE t.run_id = %s AND t.status = 'processing' AND t.set_id IS NOT NULL"
        rest = f"{cut} AND NOT EXISTS ({waiting}) ORDER BY t.ordinal LIMIT %s"
        return await self.db.many(MEDIA_OF_RUNS, rest, [run_id, limit])

    async def save_medium(self, medium: RunMedium) -> None:
        await self.db.replace(MEDIA_OF_RUNS, medium)

    async def of_media(self, user_id: str, video_ids: Sequence[str]) -> list[RunMedium]:
        rest = (
            "JOIN runs r USING (run_id) WHERE t.video_id = ANY(%s) AND t.user_id = %s AND NOT r.deleted "
            "ORDER BY r.executed_at DESC, r.run_id DESC, t.ordinal DESC"
        )
        return await self.db.many(MEDIA_OF_RUNS, rest, [list(video_ids), user_id])

    async def cancel_media(self, run_id: str, now: datetime) -> int:
        waiting = "UPDATE run_media SET status = %s, completed_at = %s WHERE run_id = %s AND status = 'pending'"
        return await self.db.run(waiting, [Outcome.CANCELLED, now, run_id])

    async def counts(self, run_ids: Sequence[str]) -> dict[str, RunCounts]:
        about: dict[str, dict[str, Any]] = {run_id: _nothing() for run_id in run_ids}
        for run_id, kind, status, count, new in await self.db.rows(_MEDIA_COUNTS, [list(run_ids)]):
            about[run_id]["media"][MediaType(kind), Outcome(status)] = count
            about[run_id]["created_new_segments"] |= new
        for run_id, status, count, *failures in await self.db.rows(_SEGMENT_COUNTS, [list(run_ids)]):
            about[run_id]["segments"][Outcome(status)] = count
            for name, failed in zip(_FAILURES, failures, strict=True):
                about[run_id][name] += failed
        for run_id, status, count in await self.db.rows(_LEVEL_COUNTS, [list(run_ids)]):
            about[run_id]["video_level"][Outcome(status)] = count
        return {run_id: RunCounts(**counted) for run_id, counted in about.items()}


_FAILURES: Final = (
    "field_extraction_failures",
    "transcription_failures",
    "image_embedding_failures",
    "incomplete_segments",
)


def _nothing() -> dict[str, Any]:
    about: dict[str, Any] = dict.fromkeys(_FAILURES, 0)
    return {**about, "media": {}, "segments": {}, "video_level": {}, "created_new_segments": False}
