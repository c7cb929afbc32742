"""Runs, results and calls in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from attrs import define, evolve, field

from videovector_adapters.memory.catalogue import newest, oldest
from videovector_adapters.memory.database import Table
from videovector_core.media.model import MediaItem
from videovector_core.page import After
from videovector_core.runs.model import (
    LlmCall,
    Outcome,
    Retry,
    Run,
    RunCounts,
    RunMedium,
    SegmentResult,
    Spent,
    VideoResult,
)

Pair = tuple[str, str]


def _run_key(run: Run) -> After:
    return (run.executed_at.isoformat(), run.run_id)


@define
class MemoryRuns:
    """`RunStore` in memory."""

    rows: Table[str, Run]
    items: Table[Pair, RunMedium]
    result_rows: Table[Pair, SegmentResult]
    video_rows: Table[Pair, VideoResult]
    media_rows: Table[str, MediaItem]
    places: Table[str, frozenset[str | None]] = field(init=False)
    """The indexes that the media of each run lay in when it was frozen."""

    def __attrs_post_init__(self) -> None:
        self.places = Table(self.rows.journal)

    async def add(self, run: Run, media: Sequence[RunMedium]) -> bool:
        if not self.rows.add(run.run_id, run):
            return False
        for medium in media:
            self.items.put((medium.run_id, medium.video_id), medium)
        items = (self.media_rows.get(medium.video_id) for medium in media)
        self.places.put(run.run_id, frozenset(item.index_id for item in items if item is not None))
        return True

    async def get(self, user_id: str, run_id: str) -> Run | None:
        run = self.rows.get(run_id)
        return run if run and run.user_id == user_id and not run.deleted else None

    async def lock(self, run_id: str) -> Run | None:
        return self.rows.get(run_id)

    async def save(self, run: Run) -> None:
        self.rows.replace(run.run_id, run)

    async def page(
        self,
        user_id: str,
        *,
        index_id: str | None = None,
        video_id: str | None = None,
        limit: int,
        after: After | None = None,
    ) -> list[Run]:
        mine = self.rows.where(
            lambda run: (
                run.user_id == user_id
                and not run.deleted
                and (index_id is None or self._touches(run, index_id))
                and (video_id is None or (run.run_id, video_id) in self.items.rows)
            )
        )
        return newest(mine, _run_key, after=after, limit=limit)

    async def of_prompt(self, user_id: str, prompt_id: str) -> int:
        return sum(run.user_id == user_id and run.prompt_id == prompt_id for run in self.rows.rows.values())

    async def searchable(
        self,
        user_id: str,
        *,
        run_ids: Sequence[str] | None = None,
        index_ids: Sequence[str] | None = None,
        playground: bool = False,
    ) -> list[Run]:
        def wanted(run: Run) -> bool:
            if run.user_id != user_id or run.deleted or not run.searchable:
                return False
            if run_ids is not None and run.run_id not in run_ids:
                return False
            if playground and self._touches(run, None):
                return True
            if index_ids is not None:
                return any(self._touches(run, index_id) for index_id in index_ids)
            return not playground

        return newest(self.rows.where(wanted), _run_key, after=None, limit=10_000)

    async def medium(self, run_id: str, video_id: str) -> RunMedium | None:
        return self.items.get((run_id, video_id))

    async def media(self, run_id: str, *, limit: int, after: After | None = None) -> list[RunMedium]:
        mine = self.items.where(lambda medium: medium.run_id == run_id)
        return oldest(mine, lambda medium: (medium.ordinal,), after=after, limit=limit)

    async def ripe(self, run_id: str, *, limit: int) -> list[RunMedium]:
        waiting = {r.video_id for r in self.result_rows.where(lambda r: r.run_id == run_id and not r.status.final)}
        found = self.items.where(
            lambda m: (
                m.run_id == run_id
                and m.status is Outcome.PROCESSING
                and m.set_id is not None
                and m.video_id not in waiting
            )
        )
        return list(found)[:limit]

    async def save_medium(self, medium: RunMedium) -> None:
        self.items.replace((medium.run_id, medium.video_id), medium)

    async def of_media(self, user_id: str, video_ids: Sequence[str]) -> list[RunMedium]:
        found = self.items.where(
            lambda medium: (
                medium.user_id == user_id and medium.video_id in video_ids and not self.rows.rows[medium.run_id].deleted
            )
        )
        return sorted(found, key=lambda medium: _run_key(self.rows.rows[medium.run_id]), reverse=True)

    async def cancel_media(self, run_id: str, now: datetime) -> int:
        waiting = list(self.items.where(lambda m: m.run_id == run_id and m.status is Outcome.PENDING))
        for medium in waiting:
            self.items.put((run_id, medium.video_id), evolve(medium, status=Outcome.CANCELLED, completed_at=now))
        return len(waiting)

    async def counts(self, run_ids: Sequence[str]) -> dict[str, RunCounts]:
        return {run_id: self._counts(run_id) for run_id in run_ids}

    def _counts(self, run_id: str) -> RunCounts:
        media = list(self.items.where(lambda medium: medium.run_id == run_id))
        results = list(self.result_rows.where(lambda result: result.run_id == run_id))
        levels = self.video_rows.where(lambda result: result.run_id == run_id)
        return RunCounts(
            media=dict(Counter((medium.media_type, medium.status) for medium in media)),
            segments=dict(Counter(result.status for result in results)),
            field_extraction_failures=sum(result.field_extraction is False for result in results),
            transcription_failures=sum(result.transcription is False for result in results),
            image_embedding_failures=sum(result.image_embedding is False for result in results),
            incomplete_segments=sum(bool(result.failed_operations) for result in results),
            video_level=dict(Counter(result.status for result in levels)),
            created_new_segments=any(medium.created_new_segments for medium in media),
        )

    def _touches(self, run: Run, index_id: str | None) -> bool:
        return index_id in (self.places.get(run.run_id) or ())


@define
class MemoryResults:
    """`ResultStore` in memory."""

    rows: Table[Pair, SegmentResult]
    video_rows: Table[Pair, VideoResult]
    run_rows: Table[str, Run]
    hiding: Table[str, bool]

    async def plan(self, results: Sequence[SegmentResult]) -> None:
        for result in results:
            self.rows.add((result.run_id, result.segment_id), result)

    async def get(self, run_id: str, segment_id: str) -> SegmentResult | None:
        return self.rows.get((run_id, segment_id))

    async def save(self, result: SegmentResult) -> None:
        self.rows.replace((result.run_id, result.segment_id), result)

    async def page(self, run_id: str, video_id: str, *, limit: int, after: After | None = None) -> list[SegmentResult]:
        mine = self.rows.where(lambda result: result.run_id == run_id and result.video_id == video_id)
        return oldest(mine, lambda result: (result.ordinal,), after=after, limit=limit)

    async def many(self, user_id: str, pairs: Sequence[Pair]) -> list[SegmentResult]:
        found = (self.rows.get(pair) for pair in pairs)
        return [result for result in found if result and self._shown(user_id, result)]

    async def failed(self, run_id: str, *, limit: int, after: After | None = None) -> list[SegmentResult]:
        mine = self.rows.where(lambda result: result.run_id == run_id and bool(result.failed_operations))
        return oldest(mine, lambda result: (result.video_id, result.ordinal), after=after, limit=limit)

    async def unfinished(self, run_id: str, video_id: str | None = None) -> bool:
        waiting = self.rows.where(
            lambda result: (
                result.run_id == run_id
                and not result.status.final
                and (video_id is None or result.video_id == video_id)
            )
        )
        return next(waiting, None) is not None

    async def cancel_pending(self, run_id: str, now: datetime) -> int:
        waiting = list(self.rows.where(lambda r: r.run_id == run_id and r.status is Outcome.PENDING))
        for result in waiting:
            cancelled = evolve(result, status=Outcome.CANCELLED, failure_code="cancelled", processed_at=now)
            self.rows.put((run_id, result.segment_id), cancelled)
        return len(waiting)

    async def outcomes(self, run_id: str, video_id: str) -> dict[tuple[Outcome, bool], int]:
        mine = self.rows.where(lambda result: result.run_id == run_id and result.video_id == video_id)
        return dict(Counter((result.status, result.whole) for result in mine))

    async def video_result(self, run_id: str, video_id: str) -> VideoResult | None:
        return self.video_rows.get((run_id, video_id))

    async def video_results(self, user_id: str, pairs: Sequence[Pair]) -> list[VideoResult]:
        found = (self.video_rows.get(pair) for pair in pairs)
        return [result for result in found if result and self._shown(user_id, result)]

    async def save_video_result(self, result: VideoResult) -> None:
        self.video_rows.put((result.run_id, result.video_id), result)

    async def remove(self, video_id: str) -> None:
        for pair in [pair for pair, result in self.rows.rows.items() if result.video_id == video_id]:
            self.rows.pop(pair)
        for pair in [pair for pair in self.video_rows.rows if pair[1] == video_id]:
            self.video_rows.pop(pair)

    def _shown(self, user_id: str, result: SegmentResult | VideoResult) -> bool:
        run = self.run_rows.get(result.run_id)
        return (
            result.user_id == user_id
            and run is not None
            and not run.deleted
            and result.video_id not in self.hiding.rows
        )


@define
class MemoryCalls:
    """`CallLog` in memory."""

    rows: Table[str, LlmCall]
    repairs: Table[str, Retry]
    spending: Table[str, Spent]

    async def started(self, call: LlmCall) -> None:
        self.rows.put(call.llm_call_id, call)

    async def ended(self, call: LlmCall) -> None:
        self.rows.replace(call.llm_call_id, call)

    async def calls(self, run_id: str, *, limit: int) -> list[LlmCall]:
        mine = self.rows.where(lambda call: call.run_id == run_id)
        return newest(mine, lambda call: (call.invoked_at.isoformat(), call.llm_call_id), after=None, limit=limit)

    async def abandon(self, run_id: str, segment_id: str | None, now: datetime) -> int:
        open_calls = list(
            self.rows.where(
                lambda call: (
                    call.run_id == run_id
                    and call.status == "started"
                    and (segment_id is None or call.segment_id == segment_id)
                )
            )
        )
        for call in open_calls:
            self.rows.put(call.llm_call_id, evolve(call, status="abandoned", completed_at=now))
        return len(open_calls)

    async def spend(self, more: Spent) -> Spent:
        spent = (self.spending.get(more.run_id) or Spent(more.run_id)).plus(more)
        self.spending.put(more.run_id, spent)
        return spent

    async def add_retry(self, retry: Retry) -> bool:
        if await self.active_retry(retry.run_id, retry.segment_id) is not None:
            return False
        return self.repairs.add(retry.retry_id, retry)

    async def retry(self, run_id: str, segment_id: str, retry_id: str) -> Retry | None:
        retry = self.repairs.get(retry_id)
        return retry if retry and (retry.run_id, retry.segment_id) == (run_id, segment_id) else None

    async def active_retry(self, run_id: str, segment_id: str) -> Retry | None:
        mine = self.repairs.where(lambda r: (r.run_id, r.segment_id) == (run_id, segment_id) and r.active)
        return next(mine, None)

    async def save_retry(self, retry: Retry) -> None:
        self.repairs.replace(retry.retry_id, retry)
