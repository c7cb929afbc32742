"""Two runs side by side: what changed in the prompt between them, and what came out differently.

Segments are matched by their times, so runs that share their cuts match one to one, and where the cuts differ it shows.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from attrs import frozen

from videovector_core.access.model import Caller, Scope
from videovector_core.fields import FieldPath, leaves, subschema, values
from videovector_core.media.service import find_media
from videovector_core.page import After, Page
from videovector_core.ports import Begin
from videovector_core.runs.model import Run, SegmentResult
from videovector_core.runs.service import RunsUseTx, find_run

BATCH: Final = 500
_OF_RUN: Final = ("effective_model", "segmentation", "enable_transcription", "enable_image_embedding", "prompt_id")
_OF_PROMPT: Final = ("prompt_text", "json_schema", "video_level", "semantic_indexing")


@frozen
class FieldDifference:
    """A field of which two segments say different things; `None` where one says nothing."""

    path: str
    first: Any
    second: Any


@frozen
class SegmentPair:
    """One stretch of a media item in two runs. A result is `None` where that run has no segment with these times."""

    start: float
    end: float
    first: SegmentResult | None
    second: SegmentResult | None
    fields: tuple[FieldDifference, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether both runs have it and say the same."""
        return self.first is not None and self.second is not None and not self.fields


@frozen
class Counts:
    """How many stretches both runs have, say the same about or not, and how often each field differs."""

    equal: int = 0
    different: int = 0
    only_first: int = 0
    only_second: int = 0
    fields: Mapping[str, int] | None = None


@frozen
class Comparison:
    """Two runs, what differs in what was asked, and one page of one media item. `counts` are of all of the item."""

    first: Run
    second: Run
    settings: tuple[str, ...]
    added: tuple[str, ...]
    removed: tuple[str, ...]
    redefined: tuple[str, ...]
    pairs: Page[SegmentPair]
    counts: Counts | None


@frozen
class Comparing:
    """Compare runs."""

    begin: Begin[RunsUseTx]

    async def compare(
        self, caller: Caller, run_id: str, other_id: str, video_id: str, *, limit: int, after: After | None = None
    ) -> Comparison:
        """Compare what two runs found in one media item, in order of time; the first page also counts."""
        caller.require(Scope.READ)
        async with self.begin() as tx:
            first, second = await find_run(tx, caller, run_id), await find_run(tx, caller, other_id)
            await find_media(tx, caller, video_id)
        paths = _paths(first, second)
        shown: list[tuple[SegmentPair, After]] = []
        async for pair, place in self._pairs(first, second, video_id, paths, after):
            shown.append((pair, place))
            if len(shown) > limit:
                break
        page = Page.cut(shown, limit, lambda one: one[1]).map(lambda one: one[0])
        counts = await self._counts(first, second, video_id, paths) if after is None else None
        before, now = _definitions(first), _definitions(second)
        return Comparison(
            first,
            second,
            settings=tuple(n for n in (*_OF_RUN, *_OF_PROMPT) if _setting(first, n) != _setting(second, n)),
            added=tuple(path for path in now if path not in before),
            removed=tuple(path for path in before if path not in now),
            redefined=tuple(path for path in before if path in now and before[path] != now[path]),
            pairs=page,
            counts=counts,
        )

    async def _counts(self, first: Run, second: Run, video_id: str, paths: list[FieldPath]) -> Counts:
        kinds, fields = Counter[str](), Counter[str]()
        async for pair, _ in self._pairs(first, second, video_id, paths, None):
            fields.update(one.path for one in pair.fields)
            kinds[_kind(pair)] += 1
        return Counts(
            kinds["equal"], kinds["different"], kinds["only_first"], kinds["only_second"], dict(fields.most_common())
        )

    async def _pairs(
        self, first: Run, second: Run, video_id: str, paths: list[FieldPath], after: After | None
    ) -> AsyncIterator[tuple[SegmentPair, After]]:
        """Merge the two lists of segments; each place is (ordinal reached in the first, in the second)."""
        at_one, at_other = (int(after[0]), int(after[1])) if after else (-1, -1)
        ones, others = self._rows(first, video_id, at_one), self._rows(second, video_id, at_other)
        one, other = await anext(ones, None), await anext(others, None)
        while one is not None or other is not None:
            left = one if one is not None and (other is None or _times(one) <= _times(other)) else None
            right = other if other is not None and (one is None or _times(other) <= _times(one)) else None
            if left is not None:
                at_one, one = left.ordinal, await anext(ones, None)
            if right is not None:
                at_other, other = right.ordinal, await anext(others, None)
            yield _pair(left, right, paths), (at_one, at_other)

    async def _rows(self, run: Run, video_id: str, at: int) -> AsyncIterator[SegmentResult]:
        while True:
            async with self.begin() as tx:
                rows = await tx.results.page(run.run_id, video_id, limit=BATCH, after=(at,) if at >= 0 else None)
            for row in rows:
                yield row
            if len(rows) < BATCH:
                return
            at = rows[-1].ordinal


def differences(one: Mapping[str, Any], other: Mapping[str, Any], paths: list[FieldPath]) -> list[FieldDifference]:
    """Return the fields of which two documents say different things; a field in an array is compared as a whole."""
    found = []
    for path in paths:
        first, second = _said(one, path), _said(other, path)
        if first != second:
            found.append(FieldDifference(str(path), first, second))
    return found


def _said(document: Mapping[str, Any], path: FieldPath) -> Any:
    every = [instance.value for instance in values(document, path)]
    if any(step.many for step in path.steps):
        return every or None
    return every[0] if every else None


def _pair(one: SegmentResult | None, other: SegmentResult | None, paths: list[FieldPath]) -> SegmentPair:
    known = one or other
    assert known is not None  # noqa: S101 - the merge stops when both lists end
    fields: list[FieldDifference] = []
    if one is not None and other is not None:
        fields = differences(one.metadata or {}, other.metadata or {}, paths)
        if one.spoken != other.spoken:
            fields.append(FieldDifference("transcription", one.spoken or None, other.spoken or None))
    return SegmentPair(known.start, known.end, one, other, tuple(fields))


def _kind(pair: SegmentPair) -> str:
    if pair.first is None:
        return "only_second"
    if pair.second is None:
        return "only_first"
    return "different" if pair.fields else "equal"


def _times(row: SegmentResult) -> tuple[float, float]:
    return (row.start, row.end)


def _paths(first: Run, second: Run) -> list[FieldPath]:
    known = {str(leaf.path): leaf.path for run in (first, second) for leaf in leaves(run.prompt.json_schema)}
    return list(known.values())


def _definitions(run: Run) -> dict[str, str]:
    """Return each field of a run's schema with its definition."""
    schema = run.prompt.json_schema
    return {
        str(leaf.path): json.dumps(dict(subschema(schema, leaf.path) or {}), sort_keys=True) for leaf in leaves(schema)
    }


def _setting(run: Run, name: str) -> Any:
    return getattr(run if name in _OF_RUN else run.prompt, name)
