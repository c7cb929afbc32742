"""Results of runs, calls of models, and kept results of models in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from attrs import define

from videovector_adapters.postgres.rows import Session, Shape, beyond, encoded
from videovector_core.page import After
from videovector_core.runs.model import LlmCall, Outcome, Retry, SegmentResult, Spent, VideoResult

RESULTS: Final = Shape("results", SegmentResult, ("run_id", "segment_id"), ("metadata",))
LEVELS: Final = Shape("video_results", VideoResult, ("run_id", "video_id"), ("metadata",))
CALLS: Final = Shape("llm_calls", LlmCall, ("llm_call_id",))
RETRIES: Final = Shape("retries", Retry, ("retry_id",))

_SHOWN: Final = """
JOIN runs r ON r.run_id = t.run_id AND NOT r.deleted
WHERE t.user_id = %s AND NOT EXISTS (SELECT FROM media m WHERE m.video_id = t.video_id AND m.hidden)
"""

_SPEND: Final = """
INSERT INTO run_spending AS s (run_id, calls, input_tokens, output_tokens, cost) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (run_id) DO UPDATE SET calls = s.calls + excluded.calls, input_tokens = s.input_tokens + excluded.input_tokens,
    output_tokens = s.output_tokens + excluded.output_tokens, cost = s.cost + excluded.cost
RETURNING run_id, calls, input_tokens, output_tokens, cost
"""


@define
class PgResults:
    """`ResultStore` in PostgreSQL."""

    db: Session

    async def plan(self, results: Sequence[SegmentResult]) -> None:
        await self.db.add_many(RESULTS, results)

    async def get(self, run_id: str, segment_id: str) -> SegmentResult | None:
        return await self.db.one(RESULTS, "WHERE run_id = %s AND segment_id = %s", [run_id, segment_id])

    async def save(self, result: SegmentResult) -> None:
        await self.db.replace(RESULTS, result)

    async def page(self, run_id: str, video_id: str, *, limit: int, after: After | None = None) -> list[SegmentResult]:
        on, place = beyond(after, "ordinal")
        rest = f"WHERE run_id = %s AND video_id = %s {on} ORDER BY ordinal LIMIT %s"
        return await self.db.many(RESULTS, rest, [run_id, video_id, *place, limit])

    async def many(self, user_id: str, pairs: Sequence[tuple[str, str]]) -> list[SegmentResult]:
        asked = "JOIN unnest(%s::text[], %s::text[]) AS asked (run_id, segment_id)"
        on = "ON t.run_id = asked.run_id AND t.segment_id = asked.segment_id"
        return await self.db.many(RESULTS, f"{asked} {on} {_SHOWN}", [*_split(pairs), user_id])

    async def failed(self, run_id: str, *, limit: int, after: After | None = None) -> list[SegmentResult]:
        on, place = beyond(after, "video_id, ordinal")
        rest = f"WHERE run_id = %s AND flawed {on} ORDER BY video_id, ordinal LIMIT %s"
        return await self.db.many(RESULTS, rest, [run_id, *place, limit])

    async def unfinished(self, run_id: str, video_id: str | None = None) -> bool:
        if video_id is None:
            waiting = "SELECT EXISTS (SELECT FROM results WHERE run_id = %s AND status IN ('pending', 'processing'))"
            return bool(await self.db.value(waiting, [run_id]))
        waiting = (
            "SELECT EXISTS (SELECT FROM results"
            " WHERE run_id = %s AND video_id = %s AND status IN ('pending', 'processing'))"
        )
        return bool(await self.db.value(waiting, [run_id, video_id]))

    async def cancel_pending(self, run_id: str, now: datetime) -> int:
        return await self.db.run(
            "UPDATE results SET status = 'cancelled', failure_code = 'cancelled', processed_at = %s "
            "WHERE run_id = %s AND status = 'pending'",
            [now, run_id],
        )

    async def outcomes(self, run_id: str, video_id: str) -> dict[tuple[Outcome, bool], int]:
        found = await self.db.rows(
            "SELECT status, status = 'successful' AND NOT flawed AS whole, count(*) FROM results "
            "WHERE run_id = %s AND video_id = %s GROUP BY 1, 2",
            [run_id, video_id],
        )
        return {(Outcome(status), whole): count for status, whole, count in found}

    async def video_result(self, run_id: str, video_id: str) -> VideoResult | None:
        return await self.db.one(LEVELS, "WHERE run_id = %s AND video_id = %s", [run_id, video_id])

    async def video_results(self, user_id: str, pairs: Sequence[tuple[str, str]]) -> list[VideoResult]:
        asked = "JOIN unnest(%s::text[], %s::text[]) AS asked (run_id, video_id)"
        on = "ON t.run_id = asked.run_id AND t.video_id = asked.video_id"
        return await self.db.many(LEVELS, f"{asked} {on} {_SHOWN}", [*_split(pairs), user_id])

    async def save_video_result(self, result: VideoResult) -> None:
        await self.db.run(LEVELS.insert(LEVELS.overwrite()), LEVELS.values(result))

    async def remove(self, video_id: str) -> None:
        await self.db.run("DELETE FROM results WHERE video_id = %s", [video_id])
        await self.db.run("DELETE FROM video_results WHERE video_id = %s", [video_id])


def _split(pairs: Sequence[tuple[str, str]]) -> tuple[list[str], list[str]]:
    return [first for first, _ in pairs], [second for _, second in pairs]


@define
class PgCalls:
    """`CallLog` in PostgreSQL."""

    db: Session

    async def started(self, call: LlmCall) -> None:
        await self.db.add(CALLS, call)

    async def ended(self, call: LlmCall) -> None:
        await self.db.replace(CALLS, call)

    async def calls(self, run_id: str, *, limit: int) -> list[LlmCall]:
        newest = "WHERE run_id = %s ORDER BY invoked_at DESC, llm_call_id DESC LIMIT %s"
        return await self.db.many(CALLS, newest, [run_id, limit])

    async def abandon(self, run_id: str, segment_id: str | None, now: datetime) -> int:
        every = "UPDATE llm_calls SET status = 'abandoned', completed_at = %s WHERE run_id = %s AND status = 'started'"
        if segment_id is None:
            return await self.db.run(every, [now, run_id])
        return await self.db.run(f"{every} AND segment_id = %s", [now, run_id, segment_id])

    async def spend(self, more: Spent) -> Spent:
        given = [more.run_id, more.calls, more.input_tokens, more.output_tokens, more.cost]
        (sum_of,) = await self.db.rows(_SPEND, given)
        return Spent(*sum_of)

    async def add_retry(self, retry: Retry) -> bool:
        return await self.db.add(RETRIES, retry)

    async def retry(self, run_id: str, segment_id: str, retry_id: str) -> Retry | None:
        named = "WHERE retry_id = %s AND run_id = %s AND segment_id = %s"
        return await self.db.one(RETRIES, named, [retry_id, run_id, segment_id])

    async def active_retry(self, run_id: str, segment_id: str) -> Retry | None:
        active = "WHERE run_id = %s AND segment_id = %s AND status IN ('pending', 'processing')"
        return await self.db.one(RETRIES, active, [run_id, segment_id])

    async def save_retry(self, retry: Retry) -> None:
        await self.db.replace(RETRIES, retry)


_FREED: Final = """
SELECT DISTINCT blob FROM unnest(%s::text[]) AS g (blob)
WHERE NOT EXISTS (SELECT FROM kept_results WHERE blobs @> ARRAY[g.blob]) ORDER BY blob
"""


@define
class PgCache:
    """`ResultCache` in PostgreSQL."""

    db: Session

    async def get(self, user_id: str, key: str) -> Any | None:
        return await self.db.value("SELECT value FROM kept_results WHERE user_id = %s AND key = %s", [user_id, key])

    async def put(self, user_id: str, key: str, *, sha256: str, value: Any, blobs: tuple[str, ...] = ()) -> None:
        await self.db.run(
            "INSERT INTO kept_results (user_id, key, sha256, value, blobs) VALUES (%s, %s, %s, %s::json, %s) "
            "ON CONFLICT DO NOTHING",
            [user_id, key, sha256, encoded(value), list(blobs)],
        )

    async def forget(self, user_id: str, key: str) -> None:
        await self.db.run("DELETE FROM kept_results WHERE user_id = %s AND key = %s", [user_id, key])

    async def purge(self, user_id: str, sha256: str) -> list[str]:
        gone = await self.db.rows(
            "DELETE FROM kept_results WHERE user_id = %s AND sha256 = %s RETURNING blobs", [user_id, sha256]
        )
        blobs = [blob for (found,) in gone for blob in found]
        return [blob for (blob,) in await self.db.rows(_FREED, [blobs])] if blobs else []
