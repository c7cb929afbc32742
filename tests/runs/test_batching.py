"""Which segments are put together: never too many, nobody left behind, and nobody stopped by another who is."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from videovector_core.errors import ProcessingFailed
from videovector_core.models.table import Terms
from videovector_core.runs import batching
from videovector_core.runs.batching import Batches


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait no longer for those that come next than it takes to look once."""
    monkeypatch.setattr(batching, "LINGER", 0.001)


async def echo(members: Sequence[int]) -> Mapping[int, int]:
    """Answer everybody with what was asked."""
    return dict(enumerate(members))


@given(st.lists(st.sampled_from(["join", "leave", "late"]), max_size=12), st.integers(2, 5))
@settings(max_examples=30, deadline=None)
def test_whoever_joins_is_answered_or_asked_alone(ways: list[str], most: int) -> None:
    """Answers come to whom they belong, no batch is larger than it may be, and nothing is kept of it afterwards."""
    batches, sizes = Batches(), list[int]()

    async def asked(members: Sequence[int]) -> Mapping[int, int]:
        sizes.append(len(members))
        return await echo(members)

    async def one(number: int, way: str) -> int | None:
        with batches.coming("run", "video", seconds=1, terms=Terms(batch=most)) as place:
            assert place is not None
            await asyncio.sleep(0.005 if way == "late" else 0)
            return None if way == "leave" else await place.join(number, tokens=1, send=asked)

    async def all_of_them() -> list[int | None]:
        return await asyncio.gather(*(one(number, way) for number, way in enumerate(ways)))

    found = asyncio.run(all_of_them())
    assert all(answer in (None, number) for number, answer in enumerate(found))
    assert all(2 <= size <= most for size in sizes)
    assert sum(sizes) == sum(answer is not None for answer in found)
    assert not batches._gatherings


async def started(batches: Batches, number: int, send: batching.Send[int], tokens: int = 1, room: int | None = None):
    """Let one segment join, in a task of its own."""

    async def joined() -> int | None:
        with batches.coming("run", "video", seconds=1, terms=Terms(batch=3, context=room)) as place:
            assert place is not None
            return await place.join(number, tokens=tokens, send=send)

    task = asyncio.create_task(joined())
    await asyncio.sleep(0)
    return task


@pytest.mark.parametrize("stopped", [0, 1])
async def test_who_is_stopped_takes_nobody_along(stopped: int) -> None:
    """A worker may lose one lease of a batch: the others get their answer, or are asked alone where that one led."""
    going = asyncio.Event()

    async def slow(members: Sequence[int]) -> Mapping[int, int]:
        going.set()
        await asyncio.sleep(0.01)
        return await echo(members)

    batches = Batches()
    tasks = [await started(batches, number, slow) for number in range(3)]
    await going.wait()
    tasks[stopped].cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(found[stopped], asyncio.CancelledError)
    rest = [answer for number, answer in enumerate(found) if number != stopped]
    assert rest == ([None, None] if stopped == 0 else [0, 2])


@pytest.mark.parametrize(("code", "alone"), [("rate_limited", False), ("timeout", True), ("model_error", True)])
async def test_a_failure_is_everybodys_only_where_asking_alone_repeats_it(code: str, alone: bool) -> None:
    """An endpoint that is asked too often fails all; what may lie in the batch itself has each asked alone."""

    async def failing(members: Sequence[int]) -> Mapping[int, int]:
        raise ProcessingFailed("no", code=code)

    batches = Batches()
    tasks = [await started(batches, number, failing) for number in range(3)]
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [answer is None for answer in found] == [alone] * 3
    assert not batches._gatherings


async def test_a_batch_fits_its_model() -> None:
    """A segment that would not fit in beside the others begins a batch of its own."""
    batches, sizes = Batches(), list[int]()

    async def asked(members: Sequence[int]) -> Mapping[int, int]:
        sizes.append(len(members))
        return await echo(members)

    tasks = [await started(batches, number, asked, tokens=40, room=100) for number in range(4)]
    assert await asyncio.gather(*tasks) == [0, 1, 2, 3]
    assert sizes == [2, 2]
