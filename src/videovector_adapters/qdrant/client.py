"""The client of the engine process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import define, field

from videovector_adapters.children import read_frame, write_frame
from videovector_adapters.qdrant.layout import check, check_id, payload, scored, where
from videovector_adapters.qdrant.sockets import trusted
from videovector_core.errors import Invalid, Unavailable
from videovector_core.models.ports import Vector
from videovector_core.vectors.ports import Indexing, Point, Scope, Scored

WRITE_AT_ONCE: Final = 2_000
"""Points in one frame, so that frames stay some megabytes."""


@define
class EdgeVectors:
    """Implements `VectorIndex` over the engine's socket; any number of clients may be connected.

    It connects at the first call and again after the connection was lost. A call whose connection is lost, or that
    gets no answer within `patience` seconds, raises `Unavailable`; a write may then have been carried out or not.
    """

    socket: Path = field(converter=Path)
    patience: float = 60
    retry_after: int = 2
    _link: _Link | None = field(default=None, init=False)
    _turn: asyncio.Lock = field(factory=asyncio.Lock, init=False)

    async def upsert(self, points: Sequence[Point]) -> None:
        """Write whole points."""
        for point in points:
            check(point)
        for start in range(0, len(points), WRITE_AT_ONCE):
            await self._call("upsert", [_packed(point) for point in points[start : start + WRITE_AT_ONCE]])

    async def delete(self, ids: Sequence[str]) -> None:
        """Remove points; ids that are not there are no error."""
        for one in ids:
            check_id(one)
        if ids:
            await self._call("delete", list(ids))

    async def nearest(
        self, space: str, vector: Vector, *, within: Scope, top_k: int, exact: bool = False
    ) -> list[Scored]:
        """Return the points of `space` that are nearest by cosine, best first."""
        allowed = where(within)
        if allowed is None or top_k < 1:
            return []
        return _hits(await self._call("nearest", space, vector.tobytes(), allowed, top_k, exact))

    async def lexical(self, terms: Mapping[int, float], *, within: Scope, top_k: int, least: int = 1) -> list[Scored]:
        """Return the points that share a term with `terms`, best first, less those that share fewer than `least`."""
        allowed = where(within)
        if allowed is None or not terms or top_k < 1:
            return []
        weights = list(terms.values())
        return _hits(await self._call("lexical", within.user_id, list(terms), weights, allowed, top_k, least))

    async def versions(self, *, after: str | None = None, limit: int = 1000) -> list[tuple[str, int]]:
        """Return ids and versions in order of id."""
        return [(one, version) for one, version in await self._call("versions", after, limit)]

    async def count(self, *, within: Scope | None = None) -> int:
        """Count points, exactly."""
        allowed = where(within) if within else {}
        return 0 if allowed is None else int(await self._call("count", allowed or None))

    async def indexing(self) -> dict[str, Indexing]:
        """Count the vectors of each space, and how many of them an index knows."""
        parts = (await self.status())["parts"]
        return {space: Indexing(one["points"], one["indexed"]) for space, one in parts.items() if space}

    async def status(self) -> dict[str, Any]:
        """Return the engine's process id and, by part, its points and how many of them are indexed."""
        status: dict[str, Any] = await self._call("status")
        return status

    async def ask(self, method: str, *arguments: Any) -> Any:
        """Call a method of the engine that only building needs; see `engine.Engine`."""
        return await self._call(method, *arguments)

    async def close(self) -> None:
        """Close the connection; the engine goes on."""
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    async def _call(self, method: str, *arguments: Any) -> Any:
        try:
            async with asyncio.timeout(self.patience):
                return await self._asked(method, list(arguments))
        except TimeoutError as error:
            raise self._away(f"gave no answer within {self.patience:g} s") from error
        except (OSError, EOFError) as error:
            raise self._away("is away") from error

    async def _asked(self, method: str, arguments: list[Any]) -> Any:
        """Ask, and once more when the connection was lost or another engine took over: every call can be repeated."""
        for last in (False, False, True):
            link = await self._connected()
            try:
                return await link.call(method, arguments)
            except (OSError, EOFError):
                link.lost = True
                if last:
                    raise
        raise AssertionError

    def _away(self, what: str) -> Unavailable:
        return Unavailable(f"The vector engine {what}; try again.", retry_after=self.retry_after)

    async def _connected(self) -> _Link:
        async with self._turn:
            if self._link is None or self._link.lost:
                # a link that was lost is not closed here: answers to earlier calls may still be on their way
                reader, writer = await asyncio.open_unix_connection(trusted(self.socket), limit=2**20)
                self._link = _Link(reader, writer)
            return self._link


@define(eq=False)
class _Link:
    """One connection: calls go out as they come, and answers find their callers by number."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    lost: bool = field(default=False, init=False)
    _waiting: dict[int, asyncio.Future[Any]] = field(factory=dict, init=False)
    _number: int = field(default=0, init=False)
    _listening: asyncio.Task[None] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._listening = asyncio.create_task(self._listen())

    async def call(self, method: str, arguments: list[Any]) -> Any:
        if self.lost:
            raise ConnectionResetError("the connection was lost")
        self._number += 1
        number = self._number
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            await write_frame(self.writer, [number, method, arguments])
            return await answer
        finally:
            self._waiting.pop(number, None)

    async def close(self) -> None:
        self._listening.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._listening
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()

    async def _listen(self) -> None:
        try:
            while True:
                number, kind, value = await read_frame(self.reader)
                answer = self._waiting.get(number)
                if answer is None or answer.done():
                    continue
                if kind == "result":
                    answer.set_result(value)
                elif kind == "moved":
                    self.lost = True
                    answer.set_exception(ConnectionResetError("another engine took over"))
                else:
                    answer.set_exception(_error(*value))
        except (OSError, EOFError):
            pass
        finally:
            self.lost = True
            self.writer.close()
            for answer in self._waiting.values():
                if not answer.done():
                    answer.set_exception(ConnectionResetError("the connection was lost"))


def _error(kind: str, message: str) -> Invalid | Unavailable:
    return Invalid(message) if kind == "Invalid" else Unavailable(f"The vector engine failed: {message}")


def _hits(found: Sequence[tuple[str, float, dict[str, Any]]]) -> list[Scored]:
    return [scored(*one) for one in found]


def _packed(point: Point) -> tuple[Any, ...]:
    dense = {space: vector.tobytes() for space, vector in point.dense.items()}
    sparse = point.sparse or {}
    return point.id, payload(point), dense, list(sparse), list(sparse.values())
