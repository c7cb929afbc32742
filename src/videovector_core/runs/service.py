"""The use cases of runs: execute, follow, stop, look at results and failures, repair."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Protocol, TypeVar

from attrs import evolve, frozen

from videovector_core.access.model import Caller, Scope
from videovector_core.errors import Conflict, Invalid, NotFound
from videovector_core.indexes.ports import IndexesTx
from videovector_core.indexes.service import find_own_index
from videovector_core.media.model import MediaItem
from videovector_core.media.service import find_media
from videovector_core.models.table import ModelTable
from videovector_core.page import After, Page
from videovector_core.ports import Begin, Clock, Ids
from videovector_core.prompts.model import Prompt
from videovector_core.prompts.ports import PromptsTx
from videovector_core.prompts.service import active, find_prompt
from videovector_core.runs.estimating import Plan, estimated
from videovector_core.runs.history import Intent, history
from videovector_core.runs.model import (
    LlmCall,
    Outcome,
    Retry,
    Run,
    RunCounts,
    RunMedium,
    RunStatus,
    SegmentResult,
    VideoResult,
    advance,
)
from videovector_core.runs.pipeline import MEDIUM, RETRY, PipelineTx, settle
from videovector_core.runs.settling import LOOK_SECONDS, run_event
from videovector_core.segments.model import Segment, Segmentation, SegmentSet
from videovector_core.signals import MediaType
from videovector_core.work import NewWork

MAX_TARGETS: Final = 1000
Number = TypeVar("Number", int, float)


class RunsUseTx(PipelineTx, IndexesTx, PromptsTx, Protocol):
    """The slice of a transaction that run use cases touch."""


@frozen
class Target:
    """What a run is to work on: an index, named media, or the caller's playground."""

    type: str
    index_id: str | None = None
    video_ids: tuple[str, ...] = ()

    def __attrs_post_init__(self) -> None:
        if self.type not in {"index", "videos", "playground"}:
            raise Invalid("target.type is index, videos or playground.", code="validation_target")
        if self.type == "index" and not self.index_id:
            raise Invalid("target.index_id is needed with target.type index.", code="validation_target")
        if self.type == "videos" and not 1 <= len(self.video_ids) <= MAX_TARGETS:
            raise Invalid(f"target.video_ids names 1 to {MAX_TARGETS} media.", code="validation_target")

    def plain(self) -> dict[str, Any]:
        """Return the echo that runs show as their context."""
        about: dict[str, Any] = {"type": self.type}
        if self.index_id:
            about["index_id"] = self.index_id
        if self.type == "videos":
            about["video_ids"] = list(self.video_ids)
        if self.type == "playground":
            about["is_playground"] = True
        return about


@frozen
class RunView:
    """A run with its counted rows."""

    run: Run
    counts: RunCounts


@frozen
class SegmentsView:
    """Segments of a media item, with the results of the run that was chosen, if any."""

    run: Run | None
    pairs: Page[tuple[Segment, SegmentResult | None]]


@frozen
class Caps:
    """What every run may ask of models, and what that may cost, at the most; `None` is no cap."""

    calls: int | None = None
    cost: float | None = None


@frozen
class Runs:
    """Execute prompts and look at what came of it."""

    begin: Begin[RunsUseTx]
    clock: Clock
    ids: Ids
    models: ModelTable
    caps: Caps = Caps()

    async def execute(
        self,
        caller: Caller,
        *,
        prompt_id: str,
        target: Target,
        segmentation: Segmentation | None = None,
        processing_model: str | None = None,
        enable_transcription: bool = True,
        enable_image_embedding: bool = True,
        max_calls: int | None = None,
        max_cost: float | None = None,
        snapshot: Prompt | None = None,
    ) -> RunView:
        """Freeze the target and start a run; media that come later are not part of it.

        `snapshot` is run in place of the prompt as it is now, which may have changed or gone since. `max_calls` and
        `max_cost` cap what it may ask of models and what that may cost; the operator's caps stay.
        """
        caller.require(Scope.WRITE)
        effective = self.models.resolve(processing_model)
        self._check_cost(effective, max_cost)
        async with self.begin() as tx:
            prompt = snapshot or active(await find_prompt(tx, caller, prompt_id))
            media = await self._frozen(tx, caller, target)
            now = self.clock.now()
            run = Run(
                run_id=self.ids.new("run"),
                user_id=caller.user_id,
                prompt_id=prompt.prompt_id,
                prompt=prompt,
                target=target.plain(),
                segmentation=segmentation or Segmentation(),
                executed_at=now,
                executed_by=caller.user_id,
                index_id=target.index_id or _common_index(media),
                processing_model=processing_model,
                effective_model=effective,
                enable_transcription=enable_transcription,
                enable_image_embedding=enable_image_embedding,
                total_seconds=sum(item.duration for item in media),
                max_calls=_least(max_calls, self.caps.calls),
                max_cost=_least(max_cost, self.caps.cost),
                started_at=now,
                status=advance(RunStatus.PENDING, RunStatus.PROCESSING),
            )
            rows = [
                RunMedium(run.run_id, item.video_id, caller.user_id, item.media_type, place, item.duration)
                for place, item in enumerate(media)
            ]
            await tx.runs.add(run, rows)
            await tx.work.add([_medium_work(run, row) for row in rows])
            await tx.work.add([settle(run, delay=LOOK_SECONDS)])
            counts = (await tx.runs.counts([run.run_id]))[run.run_id]
            await tx.events.append(caller.user_id, [run_event("prompt_run.started", run, counts)])
        # accepted and not begun: that is how the answer shows it
        return RunView(evolve(run, status=RunStatus.PENDING), counts)

    async def estimate(
        self,
        caller: Caller,
        *,
        prompt_id: str,
        target: Target,
        segmentation: Segmentation | None = None,
        processing_model: str | None = None,
        enable_transcription: bool = True,
        enable_image_embedding: bool = True,
        max_calls: int | None = None,
        max_cost: float | None = None,
    ) -> dict[str, Any]:
        """Say what a run would come to, by the same checks; nothing is started."""
        caller.require(Scope.READ)
        effective = self.models.resolve(processing_model)
        self._check_cost(effective, max_cost)
        how, terms = segmentation or Segmentation(), self.models.terms_of(effective)
        async with self.begin() as tx:
            prompt = active(await find_prompt(tx, caller, prompt_id))
            media = await self._frozen(tx, caller, target)
            intent = Intent(prompt, how, effective, enable_transcription, batched=terms.batch > 1)
            known = await history(tx, caller, intent, media)
        found = estimated(Plan(prompt, how, media, effective, terms, enable_transcription, known))
        return {
            "media": {kind.value: sum(item.media_type is kind for item in media) for kind in MediaType},
            "total_seconds": sum(item.duration for item in media),
            "expected_segments": found.segments.whole()["expected"],
            "expected_model_calls": found.calls.whole()["expected"],
            "effective_model": effective,
            "transcribed_seconds": sum(i.duration for i in media if i.has_audio) if enable_transcription else 0.0,
            "image_embedding": enable_image_embedding,
            "caps": {"model_calls": _least(max_calls, self.caps.calls), "cost": _least(max_cost, self.caps.cost)},
            **found.plain(),
        }

    async def get(self, caller: Caller, run_id: str) -> RunView:
        """Return one of the caller's runs."""
        caller.require(Scope.READ)
        async with self.begin() as tx:
            return await _view(tx, await find_run(tx, caller, run_id))

    async def page(
        self,
        caller: Caller,
        *,
        index_id: str | None = None,
        video_id: str | None = None,
        limit: int = 200,
        after: After | None = None,
    ) -> Page[RunView]:
        """List runs, newest first: all, those that touched an index, or those that touched a media item."""
        caller.require(Scope.READ)
        async with self.begin() as tx:
            if index_id is not None:
                await find_own_index(tx, caller, index_id)
            if video_id is not None:
                await find_media(tx, caller, video_id)
            rows = await tx.runs.page(
                caller.user_id, index_id=index_id, video_id=video_id, limit=limit + 1, after=after
            )
            counts = await tx.runs.counts([run.run_id for run in rows])
        page = Page.cut(rows, limit, lambda run: (run.executed_at.isoformat(), run.run_id))
        return page.map(lambda run: RunView(run, counts[run.run_id]))

    async def cancel(self, caller: Caller, run_id: str) -> RunView:
        """Ask a run to stop: what was not begun is not done, what is under way may finish."""
        caller.require(Scope.WRITE)
        async with self.begin() as tx:
            await find_run(tx, caller, run_id)
            run = await tx.runs.lock(run_id)
            if run is None or run.terminal:
                raise Conflict("This run has ended and cannot be cancelled.", code="conflict_run_terminal")
            if not run.stopping:
                run = evolve(run, stop_requested_at=self.clock.now(), stop_requested_by=caller.user_id)
                await tx.runs.save(run)
            await tx.work.add([settle(run)])
            return await _view(tx, run)

    async def results(
        self, caller: Caller, run_id: str, video_id: str, *, limit: int, after: After | None
    ) -> tuple[Run, MediaItem, Page[SegmentResult]]:
        """List what a run found in a media item so far, in order of time."""
        caller.require(Scope.READ)
        async with self.begin() as tx:
            run = await find_run(tx, caller, run_id)
            item = await find_media(tx, caller, video_id)
            rows = await tx.results.page(run_id, video_id, limit=limit + 1, after=after)
        return run, item, Page.cut(rows, limit, _place)

    async def video_result(self, caller: Caller, run_id: str, video_id: str) -> tuple[Run, MediaItem, VideoResult]:
        """Return what a run says about a whole media item."""
        caller.require(Scope.READ)
        async with self.begin() as tx:
            run = await find_run(tx, caller, run_id)
            item = await find_media(tx, caller, video_id)
            result = await tx.results.video_result(run_id, video_id)
        if result is None:
            raise NotFound(
                "This run has no media-level result for this item; it has one when its prompt has video_level and is done.",
                code="resource_video_result_not_found",
            )
        return run, item, result

    async def failures(self, caller: Caller, run_id: str) -> tuple[RunView, list[SegmentResult], list[RunMedium]]:
        """Return the results in which something failed, and the media that failed as a whole."""
        caller.require(Scope.READ)
        async with self.begin() as tx:
            view = await _view(tx, await find_run(tx, caller, run_id))
            rows = await tx.results.failed(run_id, limit=100_000)
            media = [
                m for m in await tx.runs.media(run_id, limit=100_000) if m.status is Outcome.FAILED and not m.set_id
            ]
        return view, rows, media

    async def retry(
        self, caller: Caller, run_id: str, video_id: str, segment_id: str, *, idempotency_key: str | None = None
    ) -> Retry:
        """Repair one failed segment of a finished run; while a repair is active, that one is the answer."""
        caller.require(Scope.WRITE)
        async with self.begin() as tx:
            await find_run(tx, caller, run_id)
            run = await tx.runs.lock(run_id)
            # asked for before the row is read: a repair that ends between the two must not leave a row that still failed
            known = await tx.calls.active_retry(run_id, segment_id)
            row = await tx.results.get(run_id, segment_id)
            if run is None or row is None or row.video_id != video_id:
                raise NotFound.of("segment", segment_id)
            if known is not None:
                return known
            if not run.terminal:
                raise Conflict("The run has not ended; wait for it, then retry.", code="conflict_run_active")
            if not row.failed_operations:
                raise Conflict("Nothing failed in this segment.", code="conflict_segment_not_failed")
            retry = Retry(
                self.ids.new("retry"),
                run_id,
                video_id,
                segment_id,
                caller.user_id,
                self.clock.now(),
                idempotency_key=idempotency_key,
            )
            await tx.calls.add_retry(retry)
            payload = {"run_id": run_id, "video_id": video_id, "segment_id": segment_id, "retry_id": retry.retry_id}
            await tx.work.add([NewWork(RETRY, caller.user_id, retry.retry_id, payload)])
        return retry

    async def retry_status(
        self, caller: Caller, run_id: str, video_id: str, segment_id: str, retry_id: str
    ) -> tuple[Retry, SegmentResult]:
        """Return a repair with the segment as it stands."""
        caller.require(Scope.READ)
        async with self.begin() as tx:
            await find_run(tx, caller, run_id)
            retry = await tx.calls.retry(run_id, segment_id, retry_id)
            row = await tx.results.get(run_id, segment_id)
        if retry is None or row is None or row.video_id != video_id:
            raise NotFound.of("retry", retry_id)
        return retry, row

    async def calls(self, caller: Caller, run_id: str, *, limit: int = 1000) -> list[LlmCall]:
        """Return the newest model calls of a run."""
        caller.require(Scope.READ)
        async with self.begin() as tx:
            await find_run(tx, caller, run_id)
            return await tx.calls.calls(run_id, limit=limit)

    async def segments(
        self,
        caller: Caller,
        video_id: str,
        *,
        run_id: str | None = None,
        latest_run: bool = False,
        limit: int = 50,
        after: After | None = None,
    ) -> tuple[MediaItem, SegmentsView]:
        """List a media item's segments: as one run saw them, as the newest run did, or the newest searchable one."""
        caller.require(Scope.READ)
        if run_id is not None and latest_run:
            raise Invalid("Give either run_id or latest_run=true, not both.", code="validation_run_choice")
        async with self.begin() as tx:
            item = await find_media(tx, caller, video_id)
            run = await self._run_for(tx, caller, video_id, run_id, latest=latest_run)
            medium = await tx.runs.medium(run.run_id, video_id) if run else None
            known: SegmentSet | None = None if medium else await tx.segments.latest_set(video_id)
            set_id = medium.set_id if medium else known.set_id if known else None
            rows = await tx.segments.page(set_id, limit=limit + 1, after=after) if set_id else []
            pairs = [(run.run_id, s.segment_id) for s in rows] if run else []
            results = {row.segment_id: row for row in await tx.results.many(caller.user_id, pairs)}
        page = Page.cut(rows, limit, lambda segment: (segment.ordinal,))
        return item, SegmentsView(run, page.map(lambda segment: (segment, results.get(segment.segment_id))))

    async def of_media(
        self, caller: Caller, video_ids: Sequence[str]
    ) -> dict[str, list[tuple[Run, RunMedium, list[SegmentResult], VideoResult | None]]]:
        """Return, for each item, what its ten newest runs did with it."""
        caller.require(Scope.READ)
        found: dict[str, list[tuple[Run, RunMedium, list[SegmentResult], VideoResult | None]]] = {}
        async with self.begin() as tx:
            for medium in await tx.runs.of_media(caller.user_id, video_ids):
                entries = found.setdefault(medium.video_id, [])
                run = await tx.runs.get(caller.user_id, medium.run_id) if len(entries) < 10 else None
                if run is not None:
                    rows = await tx.results.page(run.run_id, medium.video_id, limit=1000)
                    level = await tx.results.video_result(run.run_id, medium.video_id)
                    entries.append((run, medium, rows, level))
        return found

    async def _run_for(
        self, tx: RunsUseTx, caller: Caller, video_id: str, run_id: str | None, *, latest: bool
    ) -> Run | None:
        if run_id is not None:
            run = await find_run(tx, caller, run_id)
            if await tx.runs.medium(run_id, video_id) is None:
                raise NotFound.of("run", run_id)
            return run
        for candidate in await tx.runs.page(caller.user_id, video_id=video_id, limit=50):
            if candidate.searchable or latest:
                return candidate
        return None

    def _check_cost(self, model: str, max_cost: float | None) -> None:
        if max_cost is not None and self.models.terms_of(model).prices is None:
            raise Invalid(
                f"There are no prices for {model}, so its cost cannot be capped; give max_model_calls instead.",
                code="validation_no_prices",
            )

    async def _frozen(self, tx: RunsUseTx, caller: Caller, target: Target) -> list[MediaItem]:
        if target.index_id is not None:
            await find_own_index(tx, caller, target.index_id)
        if target.type == "videos":
            return await _named(tx, caller, target)
        ids = await tx.media.ids(caller.user_id, target.index_id)
        media = await tx.media.many(caller.user_id, ids)
        if not media:
            raise Invalid("There is no media to run on here; upload some first.", code="validation_empty_target")
        return media


def _least(one: Number | None, other: Number | None) -> Number | None:
    known = [value for value in (one, other) if value is not None]
    return min(known) if known else None


async def _named(tx: RunsUseTx, caller: Caller, target: Target) -> list[MediaItem]:
    wanted = list(dict.fromkeys(target.video_ids))
    media = await tx.media.many(caller.user_id, wanted)
    missing = sorted(set(wanted) - {item.video_id for item in media})
    if missing:
        raise NotFound.of("video", missing[0])
    elsewhere = [item.video_id for item in media if target.index_id and item.index_id != target.index_id]
    if elsewhere:
        raise Invalid(
            "Some of the media lie outside target.index_id; name media of that index only.",
            code="validation_target",
            details={"video_ids": elsewhere},
        )
    return media


async def find_run(tx: PipelineTx, caller: Caller, run_id: str) -> Run:
    """Return one of the caller's runs, or raise `NotFound`."""
    run = await tx.runs.get(caller.user_id, run_id)
    if run is None:
        raise NotFound.of("run", run_id)
    return run


async def _view(tx: PipelineTx, run: Run) -> RunView:
    return RunView(run, (await tx.runs.counts([run.run_id]))[run.run_id])


def _place(row: SegmentResult) -> After:
    return (row.ordinal,)


def _medium_work(run: Run, row: RunMedium) -> NewWork:
    payload = {"run_id": run.run_id, "video_id": row.video_id}
    return NewWork(MEDIUM, run.user_id, f"{run.run_id}/{row.video_id}", payload)


def _common_index(media: Sequence[MediaItem]) -> str | None:
    indexes = {item.index_id for item in media}
    return indexes.pop() if len(indexes) == 1 else None
