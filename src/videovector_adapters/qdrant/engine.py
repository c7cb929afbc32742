"""The engine of the embedded store: takes calls from a Unix socket and works them off in turns.

It holds Python's lock while it works, so one task does all the work: first the queries that wait, several at a time, then
one small piece of the writes that wait. A query therefore never waits for a large write, and writes are applied in the
order in which they came.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
from attrs import define, field

from videovector_adapters.children import read_frame
from videovector_adapters.qdrant.calls import Call, answering
from videovector_adapters.qdrant.layout import floats
from videovector_adapters.qdrant.pages import populate
from videovector_adapters.qdrant.parts import Query
from videovector_adapters.qdrant.store import MAIN, Store, check_size
from videovector_core.errors import Invalid

PIECE: Final = 256
"""Points written in one turn: some 40 ms, which is what a query may have to wait for."""
_BATCH: Final = 32
_IDLE_SECONDS: Final = 1.0
_FLUSH_AFTER: Final = 20_000
"""Points written since the last flush that make one due even when there is no quiet moment."""
_FLUSH_WHILE_BUILDING: Final = 200_000
"""The same during a build: a flush waits for a disk that the build keeps busy, and nothing is answered meanwhile."""
_WRITES: Final = frozenset({"upsert", "delete"})
_LONG: Final = frozenset({"copy", "serve", "warm"})


@define(eq=False)
class Engine:
    """Takes calls from all connections and works them off in turns."""

    store: Store
    _asked: deque[Call] = field(factory=deque)
    _written: deque[Call] = field(factory=deque)
    _work: asyncio.Event = field(factory=asyncio.Event)
    _unflushed: int = 0
    _paused: bool = False
    _retired: bool = False
    _stopping: bool = False
    _tasks: set[asyncio.Task[None]] = field(factory=set)
    _warming: asyncio.Task[int] | None = None
    _listening: list[asyncio.Server] = field(factory=list)

    async def listen(self, socket: Path) -> None:
        """Take connections on `socket`, at once and without a gap in place of whoever listened there."""
        aside = socket.with_name(f"{socket.name}~")
        self._listening.append(await asyncio.start_unix_server(self.connected, aside, limit=2**20))
        aside.rename(socket)

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read calls from one client until it goes."""
        # cancelled is how the loop ends connections at the end of the process; streams would log it as a failure
        ends = (asyncio.IncompleteReadError, ConnectionError, msgspec.DecodeError, ValueError, asyncio.CancelledError)
        with contextlib.suppress(*ends):
            while True:
                number, method, arguments = await read_frame(reader)
                self.take(Call(writer, number, method, arguments))
                await writer.drain()
        writer.close()

    def take(self, call: Call) -> None:
        """Put a call in line."""
        if self._stopping:
            call.answer("error", ["Unavailable", "it is stopping"])
        elif self._retired:
            call.answer("moved", None)
        elif call.method in _WRITES:
            self._written.append(call)
        elif call.method in _LONG:
            task = asyncio.create_task(self._long(call))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        else:
            self._asked.append(call)
        self._work.set()

    def warm(self) -> asyncio.Task[int]:
        """Bring what is on disk within reach, once, so that the first queries do not wait for it."""
        if self._warming is None:
            populated = asyncio.to_thread(populate, self.store.directory, lambda: self._stopping)
            self._warming = asyncio.create_task(populated)
        return self._warming

    def stop(self) -> None:
        """Finish what is in line, then return from `run`."""
        self._stopping = True
        self._work.set()

    def close(self) -> None:
        """Stop listening, and let go of the store."""
        for one in self._listening:
            one.close()
        self.store.close()

    async def run(self) -> None:
        """Work until stopped."""
        while not self._stopping or self._busy:
            if not self._busy:
                await self._rest()
                continue
            if self._asked:
                self._answer_some([self._asked.popleft() for _ in range(min(_BATCH, len(self._asked)))])
            if self._written and not self._paused:
                self._write_some()
            if self._unflushed > self._flush_after and not self._paused:
                self._flush()
            await asyncio.sleep(0)

    @property
    def _busy(self) -> bool:
        return bool(self._asked or (self._written and not self._paused))

    @property
    def _flush_after(self) -> int:
        return _FLUSH_AFTER if self.store.changed is None else _FLUSH_WHILE_BUILDING

    async def _rest(self) -> None:
        self._work.clear()
        calm = not self._paused and self.store.changed is None
        quiet = _IDLE_SECONDS if self._unflushed and calm else None
        try:
            await asyncio.wait_for(self._work.wait(), quiet)
        except TimeoutError:
            self._flush()

    async def _long(self, call: Call) -> None:
        """Carry out what takes long, in steps between which queries are answered."""
        with answering([call]):
            if call.method == "copy":
                await self._copy(Path(call.arguments[0]))
            elif call.method == "warm":
                await asyncio.shield(self.warm())
            else:
                await self.listen(Path(call.arguments[0]))
            call.answer("result", None)

    async def _copy(self, aside: Path) -> None:
        """Copy every part while writes wait and queries do not; note what is written from then on.

        Nothing is flushed for it: that would wait for the disk with Python's lock held. The copy is what a killed
        process leaves behind, and whoever opens it applies its logs.
        """
        self._free()
        self._paused = True
        try:
            for source, target in self.store.copy_names(aside):
                await asyncio.to_thread(shutil.copytree, source, target)
            self.store.changed = set()
        finally:
            self._resume()

    def _free(self) -> None:
        if self._paused or self.store.changed is not None:
            raise Invalid("A build is under way already.")

    def _note(self) -> None:
        """Note what is written from now on."""
        self._free()
        self.store.changed = set()

    def _changes(self, most: int) -> dict[str, Any]:
        """Return some of the points that changed since the copy, the ids of those that are gone, and how many more."""
        changed = self.store.changed
        if changed is None:
            raise Invalid("No build is under way.")
        ids = [changed.pop() for _ in range(min(most, len(changed)))]
        points = self.store.read(ids)
        return {"points": points, "gone": list({*ids} - {point[0] for point in points}), "left": len(changed)}

    def _pause(self) -> None:
        """Let writes wait until `retire` or `abandon`; queries go on."""
        self._paused = True

    def _retire(self) -> None:
        """Send everybody to the engine that listens on the socket now; what waits was not carried out."""
        self._retired = True
        while self._written:
            self._written.popleft().answer("moved", None)

    def _abandon(self) -> None:
        self.store.changed = None
        self._resume()

    def _resume(self) -> None:
        self._paused = False
        self._work.set()

    def _flush(self) -> None:
        self.store.flush()
        self._unflushed = 0

    def _answer_some(self, calls: list[Call]) -> None:
        searches: dict[str, list[tuple[Call, Query]]] = {}
        for call in calls:
            with answering([call]):
                if (search := self._search(call)) is not None:
                    searches.setdefault(search[0], []).append((call, search[1]))
                else:
                    call.answer("result", self._other(call))
        for space, together in searches.items():
            waiting = [call for call, _ in together]
            with answering(waiting):
                answers = self.store.nearest(space, [query for _, query in together])
                for call, answer in zip(waiting, answers, strict=True):
                    call.answer("result", answer)

    def _search(self, call: Call) -> tuple[str, Query] | None:
        if call.method == "nearest":
            space, data, where, top_k, exact = call.arguments
            vector = floats(data)
            if space in self.store.parts:
                check_size(space, self.store.parts[space].size, len(vector))
            return space, Query(vector, where, top_k, exact)
        if call.method == "lexical":
            return MAIN, self.store.lexical(*call.arguments)
        return None

    def _other(self, call: Call) -> Any:
        methods: Mapping[str, Callable[..., Any]] = {
            "versions": self.store.parts[MAIN].versions,
            "count": self.store.parts[MAIN].count,
            "status": self._status,
            "optimize": self.store.optimize,
            "note": self._note,
            "changes": self._changes,
            "pause": self._pause,
            "retire": self._retire,
            "abandon": self._abandon,
        }
        if call.method not in methods:
            raise Invalid(f"The engine has no method {call.method!r}.")
        return methods[call.method](*call.arguments)

    def _status(self) -> dict[str, Any]:
        return {"pid": os.getpid(), "parts": self.store.status()}

    def _write_some(self) -> None:
        """Carry out one piece: parts of the calls at the head of the line that are of one kind."""
        method = self._written[0].method
        taken: list[Call] = []
        items: list[Any] = []
        while self._written and self._written[0].method == method and len(items) < PIECE:
            call = self._written[0]
            with answering([call]) as admitted:
                if method == "upsert" and call.done == 0:
                    self.store.admit(call.arguments[0])
            piece = call.arguments[0][call.done : call.done + PIECE - len(items)] if admitted else []
            call.done += len(piece)
            items += piece
            if not admitted or call.done == len(call.arguments[0]):
                self._written.popleft()
            if admitted:
                taken.append(call)
        self._carry_out(method, items, taken)

    def _carry_out(self, method: str, items: list[Any], calls: list[Call]) -> None:
        with answering(calls) as done:
            (self.store.upsert if method == "upsert" else self.store.delete)(items)
        self._unflushed += len(items)
        if not done:
            self._drop(calls)
        for call in calls if done else ():
            if call.done == len(call.arguments[0]):
                call.answer("result", None)

    def _drop(self, calls: Sequence[Call]) -> None:
        """Forget the rest of calls that were answered with an error."""
        if self._written and self._written[0] in calls:
            self._written.popleft()
