"""What runs ask of a store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

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


class RunStore(Protocol):
    """Keeps runs and the media they were frozen to. Runs of hidden prompts stay; runs marked deleted are gone."""

    async def add(self, run: Run, media: Sequence[RunMedium]) -> bool:
        """Keep a run with its media; false when the id is taken."""
        ...

    async def get(self, user_id: str, run_id: str) -> Run | None:
        """Return a run of the tenant."""
        ...

    async def lock(self, run_id: str) -> Run | None:
        """Return a run of any tenant and let nobody else lock it until the end of the transaction."""
        ...

    async def save(self, run: Run) -> None:
        """Replace a run that is kept."""
        ...

    async def page(
        self,
        user_id: str,
        *,
        index_id: str | None = None,
        video_id: str | None = None,
        limit: int,
        after: After | None = None,
    ) -> list[Run]:
        """Return up to `limit` runs, newest first; the key is (executed_at ISO, run_id).

        `index_id` keeps runs that touched media of that index, `video_id` those that touched that item.
        """
        ...

    async def of_prompt(self, user_id: str, prompt_id: str) -> int:
        """Count the runs of a prompt."""
        ...

    async def searchable(
        self,
        user_id: str,
        *,
        run_ids: Sequence[str] | None = None,
        index_ids: Sequence[str] | None = None,
        playground: bool = False,
    ) -> list[Run]:
        """Return finished runs with results, newest first, that touched media of the indexes, or of the playground."""
        ...

    async def medium(self, run_id: str, video_id: str) -> RunMedium | None:
        """Return what a run, of whatever tenant, did with a media item."""
        ...

    async def media(self, run_id: str, *, limit: int, after: After | None = None) -> list[RunMedium]:
        """Return media of a run in order; the key is (ordinal,)."""
        ...

    async def ripe(self, run_id: str, *, limit: int) -> list[RunMedium]:
        """Return media that are being processed, are cut, and have no segment left that waits."""
        ...

    async def save_medium(self, medium: RunMedium) -> None:
        """Replace a media item's row."""
        ...

    async def of_media(self, user_id: str, video_ids: Sequence[str]) -> list[RunMedium]:
        """Return what runs did with the media items, newest run first."""
        ...

    async def cancel_media(self, run_id: str, now: datetime) -> int:
        """Mark media that wait for their turn as cancelled; say how many."""
        ...

    async def counts(self, run_ids: Sequence[str]) -> dict[str, RunCounts]:
        """Count the rows of runs."""
        ...


class ResultStore(Protocol):
    """Keeps the results of runs; one row for each run and segment, one for each run and media item."""

    async def plan(self, results: Sequence[SegmentResult]) -> None:
        """Add rows that wait for their turn; rows that exist stay as they are."""
        ...

    async def get(self, run_id: str, segment_id: str) -> SegmentResult | None:
        """Return the result of a segment in a run, of whatever tenant."""
        ...

    async def save(self, result: SegmentResult) -> None:
        """Replace a segment's row."""
        ...

    async def page(self, run_id: str, video_id: str, *, limit: int, after: After | None = None) -> list[SegmentResult]:
        """Return a media item's results in order of time; the key is (ordinal,)."""
        ...

    async def many(self, user_id: str, pairs: Sequence[tuple[str, str]]) -> list[SegmentResult]:
        """Return the results of `(run_id, segment_id)` pairs that are the tenant's and not deleted, in no order."""
        ...

    async def failed(self, run_id: str, *, limit: int, after: After | None = None) -> list[SegmentResult]:
        """Return results in which something failed; the key is (video_id, ordinal)."""
        ...

    async def unfinished(self, run_id: str, video_id: str | None = None) -> bool:
        """Say whether any segment still waits for its result."""
        ...

    async def cancel_pending(self, run_id: str, now: datetime) -> int:
        """Mark segments that wait for their turn as cancelled; say how many."""
        ...

    async def outcomes(self, run_id: str, video_id: str) -> dict[tuple[Outcome, bool], int]:
        """Count a media item's segments by outcome and by whether everything asked for succeeded."""
        ...

    async def video_result(self, run_id: str, video_id: str) -> VideoResult | None:
        """Return the result of a media item in a run, of whatever tenant."""
        ...

    async def video_results(self, user_id: str, pairs: Sequence[tuple[str, str]]) -> list[VideoResult]:
        """Return the results of `(run_id, video_id)` pairs that are the tenant's, in no order."""
        ...

    async def save_video_result(self, result: VideoResult) -> None:
        """Add or replace a media item's result."""
        ...

    async def remove(self, video_id: str) -> None:
        """Forget all results of a media item."""
        ...


class CallLog(Protocol):
    """Keeps the calls of models and the repairs of segments."""

    async def started(self, call: LlmCall) -> None:
        """Keep a call that is about to be made."""
        ...

    async def ended(self, call: LlmCall) -> None:
        """Replace a call by what it became."""
        ...

    async def calls(self, run_id: str, *, limit: int) -> list[LlmCall]:
        """Return the calls of a run, newest first."""
        ...

    async def abandon(self, run_id: str, segment_id: str | None, now: datetime) -> int:
        """Mark calls that were started and never ended as abandoned; say how many."""
        ...

    async def spend(self, more: Spent) -> Spent:
        """Add to what a run has spent and return the sum; nobody else adds to it before the end of the transaction."""
        ...

    async def add_retry(self, retry: Retry) -> bool:
        """Keep a repair; false when the segment has an active one."""
        ...

    async def retry(self, run_id: str, segment_id: str, retry_id: str) -> Retry | None:
        """Return a repair of a segment of a run, of whatever tenant."""
        ...

    async def active_retry(self, run_id: str, segment_id: str) -> Retry | None:
        """Return the repair of a segment that is under way, if one is; of whatever tenant."""
        ...

    async def save_retry(self, retry: Retry) -> None:
        """Replace a repair that is kept."""
        ...


class RunsTx(Protocol):
    """The slice of a transaction that runs touch."""

    @property
    def runs(self) -> RunStore: ...

    @property
    def results(self) -> ResultStore: ...

    @property
    def calls(self) -> CallLog: ...
