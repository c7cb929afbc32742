"""Children of the server: calls that end early."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.worker import Worker
from videovector_adapters.children import Child

ROOT = Path(__file__).parents[2]


async def test_what_is_left_of_an_answer_never_meets_the_next_caller() -> None:
    """A caller that fails over a report leaves no part of its answer behind."""
    child = Child(f"{Worker.__module__}:{Worker.__qualname__}", environment={"PYTHONPATH": str(ROOT)})

    def full(_: object) -> None:
        raise OSError("no room for reports")

    try:
        with pytest.raises(OSError, match="no room"):
            await child.call("count", deadline=30, progress=full, steps=3, pause=0.0)
        assert await child.call("echo", deadline=30, data=b"next") == b"next"
    finally:
        await child.close()
