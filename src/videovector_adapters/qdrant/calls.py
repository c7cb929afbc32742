"""What clients ask of the engine process, and how it is answered.

Clients send frames `[number, method, [arguments]]` and get `[number, "result", value]` or `[number, "error", [kind,
message]]`, in any order; `[number, "moved", null]` means that another engine listens on the socket now.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from typing import Any, Final, Self

import msgspec
from attrs import define

from videovector_core.errors import Invalid

_HEADER: Final = struct.Struct(">I")


@define(eq=False)
class Call:
    """One request. `done` counts the points of a write that were carried out."""

    writer: asyncio.StreamWriter
    number: int
    method: str
    arguments: list[Any]
    done: int = 0

    def answer(self, kind: str, value: Any) -> None:
        """Send the answer; a client that is gone does not get one."""
        data = msgspec.msgpack.encode([self.number, kind, value])
        if not self.writer.is_closing():
            self.writer.write(_HEADER.pack(len(data)) + data)


class answering:  # noqa: N801 - a context manager that reads as a verb
    """Answers calls with the error when the block fails; true while it has not."""

    def __init__(self, calls: Sequence[Call]) -> None:
        self._calls = calls
        self._failed = False

    def __enter__(self) -> Self:
        return self

    def __bool__(self) -> bool:
        return not self._failed

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> bool:
        if not isinstance(error, Exception):
            return False
        self._failed = True
        name = "Invalid" if isinstance(error, Invalid) else "Unavailable"
        for call in self._calls:
            call.answer("error", [name, str(error)[:500]])
        return True
