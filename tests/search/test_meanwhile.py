"""Work beside a block: its result is lent, and it does not outlive the block."""

from __future__ import annotations

import asyncio

import pytest

from videovector_core.search.meanwhile import meanwhile


async def seven() -> int:
    return 7


async def failing() -> int:
    raise ValueError("the work broke")


async def test_a_result_is_lent() -> None:
    """The work goes on beside the block, and its result is there where it is awaited."""
    async with meanwhile(seven()) as work:
        assert await work == 7


async def test_work_that_nobody_awaits_is_cancelled() -> None:
    """When the block ends, work that is under way has ended as well."""
    begun, ended = asyncio.Event(), asyncio.Event()

    async def lasting() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with meanwhile(lasting()) as work:
        await begun.wait()
    assert work.cancelled()
    assert ended.is_set()


async def test_an_error_of_the_block_wins() -> None:
    """When both fail, the error is that of the block."""

    async def block() -> None:
        async with meanwhile(failing()) as work:
            await asyncio.wait([work])
            raise KeyError("the block broke")

    with pytest.raises(KeyError, match="the block broke"):
        await block()


async def test_an_error_of_the_work_is_raised_where_it_is_awaited() -> None:
    """Whoever awaits work that failed gets its error there, and whoever does not gets none."""
    async with meanwhile(failing()) as work:
        with pytest.raises(ValueError, match="the work broke"):
            await work
    async with meanwhile(failing()) as work:
        await asyncio.wait([work])
