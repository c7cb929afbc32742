"""Blocks that join the transaction of their task."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import pytest

from videovector_adapters import memory
from videovector_core.testing import stores_room as make
from videovector_core.transactions import Joining

pytestmark = pytest.mark.asyncio


class _Broken(Exception):
    """Something went wrong in the middle."""


@pytest.mark.parametrize("apart", [False, True])
async def test_an_inner_block_joins_a_transaction_whichever_way_it_begins(apart: bool) -> None:
    """What was done inside is undone with the outer block."""
    begin = Joining(memory.ports().begin)
    with pytest.raises(_Broken):  # noqa: PT012 - the block is the transaction
        async with begin():
            async with begin(apart=apart) as tx:
                await tx.indexes.add(make.index())
            raise _Broken
    async with begin() as tx:
        assert await tx.indexes.get(make.USER, "idx_1") is None


async def test_a_block_apart_is_none_that_could_be_joined() -> None:
    """Statements that stand by themselves keep nothing together, so an inner block is a transaction of its own."""
    began: list[bool] = []

    @contextlib.asynccontextmanager
    async def start(*, apart: bool = False) -> AsyncIterator[int]:
        began.append(apart)
        yield len(began)

    begin: Joining[int] = Joining(start)
    async with begin(apart=True) as outer, begin() as inner, begin() as innermost:
        assert (outer, inner, innermost) == (1, 2, 2)
    assert began == [True, False]
