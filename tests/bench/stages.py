"""Stopwatches for the stages of a request that is answered in this process."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from typing import Any
from unittest import mock

from attrs import define


@define
class Stage:
    """Adds up the milliseconds in which at least one of its calls was under way."""

    spent: float = 0.0
    _open: int = 0
    _since: float = 0.0

    def __enter__(self) -> None:
        if not self._open:
            self._since = time.perf_counter()
        self._open += 1

    def __exit__(self, *_: object) -> None:
        self._open -= 1
        if not self._open:
            self.spent += (time.perf_counter() - self._since) * 1000

    def of(self, work: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function `work`, asynchronous or not, whose calls count."""

        async def awaited(*given: Any, **named: Any) -> Any:
            with self:
                return await work(*given, **named)

        def called(*given: Any, **named: Any) -> Any:
            with self:
                return work(*given, **named)

        return awaited if inspect.iscoroutinefunction(work) else called

    def patch(self, where: Any, name: str) -> Any:
        """Return a context in which the function of that name counts; `where` is its class or its module."""
        return mock.patch.object(where, name, self.of(getattr(where, name)))


class Timed:
    """Something whose methods of the given names count for a stage."""

    def __init__(self, whole: Any, stage: Stage, *names: str) -> None:
        self._whole, self._stage, self._names = whole, stage, names

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._whole, name)
        return self._stage.of(found) if name in self._names else found
