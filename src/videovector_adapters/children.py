"""Killable processes for work that must not run beside the leases: decoding, inference, vectors, user SQL.

The parent speaks to a child over its standard input and output in frames: four bytes of length (big endian), then
MessagePack. The child has its own standard output turned into standard error first, so that nothing a library prints
can break the stream. Nothing but MessagePack crosses, so a child that was taken over can lie, not run code here.

    request   [method, {arguments}]
    answer    ["progress", value]*  then  ["result", value] | ["error", {kind, code, message, details, transient}]

A child dies with its parent: it asks the kernel for that, and it ends when its input closes.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import importlib
import inspect
import os
import resource
import signal
import struct
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, BinaryIO, Final

import msgspec
from attrs import asdict, define, field, frozen

from videovector_core import errors
from videovector_core.errors import ProcessingFailed, VideoVectorError

MAX_FRAME: Final = 512 * 1024 * 1024
_HEADER: Final = struct.Struct(">I")
_PR_SET_PDEATHSIG: Final = 1
PASSED_ON: Final = (
    "PATH",
    "PYTHONPATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "VIRTUAL_ENV",
    "LD_LIBRARY_PATH",
    "OMP_NUM_THREADS",
)
"""Variables of the environment that helping processes inherit: none that holds a secret."""


@frozen
class Limits:
    """What the kernel lets one child have. `None` leaves that limit as it is."""

    memory_bytes: int | None = None
    cpu_seconds: int | None = None
    open_files: int | None = 256
    file_bytes: int | None = None


class ChildLost(ProcessingFailed):
    """The process that did the work died, or was killed at its deadline. Another try may help."""

    default_code = "worker_lost"


@define
class Child:
    """One process serving the methods of one object, one call at a time.

    `target` is `module:factory`; the factory is called in the child with `arguments` and its result's public methods
    are served. A method that is a generator reports progress with each value that it yields; its return value is the
    result. The process starts at the first call, and again at the next call after it was lost.
    """

    target: str
    arguments: Mapping[str, Any] = field(factory=dict)
    limits: Limits = Limits()
    environment: Mapping[str, str] = field(factory=dict)
    _process: asyncio.subprocess.Process | None = field(default=None, init=False)
    _turn: asyncio.Lock = field(factory=asyncio.Lock, init=False)

    @property
    def pid(self) -> int | None:
        """The process id while the child runs."""
        return self._process.pid if self._process and self._process.returncode is None else None

    async def call(
        self, method: str, /, *, deadline: float, progress: Callable[[Any], None] | None = None, **arguments: Any
    ) -> Any:
        """Run `method` in the child and return its result.

        The call has `deadline` seconds without any sign of life; each progress report starts them anew. A child that
        runs over is killed, and so is one whose caller left before the answer (cancelled, or by an error of `progress`)
        or could not read it, since what is left of it would meet the next caller.

        Raises:
            ChildLost: the process died, or was killed at its deadline (code `timeout`).
            VideoVectorError: as raised by the method.
        """
        async with self._turn:
            try:
                process = await self._started()
                kind, value = await self._exchange(process, method, arguments, deadline, progress)
            except TimeoutError as error:
                await self._kill()
                raise ChildLost(
                    f"{self.target} {method} showed no progress for {deadline:g} s.", code="timeout", transient=True
                ) from error
            except (asyncio.IncompleteReadError, ConnectionError) as error:
                code = await self._kill()
                raise ChildLost(
                    f"The process of {self.target} died (status {code}) in {method}.", transient=True
                ) from error
            except BaseException:
                await self._kill()
                raise
        if kind == "error":
            raise _revived(value)
        return value

    async def close(self) -> None:
        """End the process: by closing its input, and by force when it does not follow."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        if process.stdin:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 3)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):  # it may have followed at the last moment
                process.kill()
            await process.wait()

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            setup = msgspec.json.encode(
                {"target": self.target, "arguments": dict(self.arguments), "limits": asdict(self.limits)}
            )
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                "from videovector_adapters.children import main; main()",
                setup.decode(),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env={name: os.environ[name] for name in PASSED_ON if name in os.environ} | dict(self.environment),
                limit=2**20,
                start_new_session=True,
            )
        return self._process

    async def _exchange(
        self,
        process: asyncio.subprocess.Process,
        method: str,
        arguments: Mapping[str, Any],
        deadline: float,
        progress: Callable[[Any], None] | None,
    ) -> tuple[str, Any]:
        """Return how the call ended, `result` or `error`, and what was said with it."""
        if process.stdin is None or process.stdout is None:
            raise ConnectionError("the child has no pipes")
        async with asyncio.timeout(deadline):
            await write_frame(process.stdin, [method, dict(arguments)])
        while True:
            async with asyncio.timeout(deadline):
                kind, value = await read_frame(process.stdout)
            if kind in {"result", "error"}:
                return kind, value
            if progress is not None:
                progress(value)

    async def _kill(self) -> int | None:
        process, self._process = self._process, None
        if process is None:
            return None
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        return await process.wait()


@define
class Children:
    """Several children of one kind; a call takes the next free one."""

    target: str
    count: int = 1
    arguments: Mapping[str, Any] = field(factory=dict)
    limits: Limits = Limits()
    environment: Mapping[str, str] = field(factory=dict)
    _free: asyncio.LifoQueue[Child] = field(factory=asyncio.LifoQueue, init=False)
    _all: list[Child] = field(factory=list, init=False)

    def __attrs_post_init__(self) -> None:
        for _ in range(self.count):
            child = Child(self.target, self.arguments, self.limits, self.environment)
            self._all.append(child)
            self._free.put_nowait(child)

    @contextlib.asynccontextmanager
    async def one(self) -> AsyncIterator[Child]:
        """Lend a child for several calls in a row."""
        child = await self._free.get()
        try:
            yield child
        finally:
            self._free.put_nowait(child)

    async def call(
        self, method: str, /, *, deadline: float, progress: Callable[[Any], None] | None = None, **arguments: Any
    ) -> Any:
        """Run `method` in the next free child; see `Child.call`."""
        async with self.one() as child:
            return await child.call(method, deadline=deadline, progress=progress, **arguments)

    async def close(self) -> None:
        """End all processes."""
        await asyncio.gather(*(child.close() for child in self._all))


async def read_frame(reader: asyncio.StreamReader) -> Any:
    """Read one frame; `IncompleteReadError` at the end of the stream."""
    (length,) = _HEADER.unpack(await reader.readexactly(_HEADER.size))
    if length > MAX_FRAME:
        raise ConnectionError(f"a frame of {length} bytes is over the limit of {MAX_FRAME}")
    return msgspec.msgpack.decode(await reader.readexactly(length))


async def write_frame(writer: asyncio.StreamWriter, value: Any) -> None:
    """Write one frame and wait until the other side keeps up."""
    data = msgspec.msgpack.encode(value)
    writer.write(_HEADER.pack(len(data)))
    writer.write(data)
    await writer.drain()


def described(error: BaseException) -> dict[str, Any]:
    """Turn an error into plain data that `_revived` turns back; a foreign error keeps its name and text only."""
    if not isinstance(error, VideoVectorError):
        text = f"{type(error).__name__}: {error}"[:500]
        return {"kind": "ProcessingFailed", "code": "internal", "message": text, "details": {}, "transient": False}
    return {
        "kind": type(error).__name__,
        "code": error.code,
        "message": error.message,
        "details": error.details,
        "transient": getattr(error, "transient", False),
    }


def _revived(value: Mapping[str, Any]) -> VideoVectorError:
    kind = getattr(errors, str(value["kind"]), ProcessingFailed)
    if not (isinstance(kind, type) and issubclass(kind, VideoVectorError)):
        kind = ProcessingFailed
    if issubclass(kind, ProcessingFailed):
        return kind(value["message"], code=value["code"], transient=bool(value["transient"]), details=value["details"])
    return kind(value["message"], code=value["code"], details=value["details"])


# --- the child's side ---------------------------------------------------------------------------------------------


def main() -> None:
    """Serve calls from standard input until it closes."""
    incoming, outgoing = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    setup = msgspec.json.decode(sys.argv[1])
    _limit(**setup["limits"])
    module, _, factory = setup["target"].partition(":")
    served: Any = None
    while (request := _read(incoming)) is not None:
        method, arguments = request
        try:
            if served is None:
                served = getattr(importlib.import_module(module), factory)(**setup["arguments"])
            answer = ["result", _run(served, method, arguments, outgoing)]
        except MemoryError:
            answer = [
                "error",
                described(ProcessingFailed("The work needed more memory than it may have.", code="resource_limit")),
            ]
        except Exception as error:  # noqa: BLE001 - every failure of the method is an answer, never the end of the child
            answer = ["error", described(error)]
        _write(outgoing, answer)


def die_with_parent() -> None:
    """Ask the kernel to end this process when its parent ends (Linux; elsewhere the closed input does it)."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _limit(memory_bytes: int | None, cpu_seconds: int | None, open_files: int | None, file_bytes: int | None) -> None:
    wanted = {
        resource.RLIMIT_AS: memory_bytes,
        resource.RLIMIT_CPU: cpu_seconds,
        resource.RLIMIT_NOFILE: open_files,
        resource.RLIMIT_FSIZE: file_bytes,
        resource.RLIMIT_CORE: 0,
    }
    for which, value in wanted.items():
        if value is not None:
            _, hard = resource.getrlimit(which)
            most = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(which, (most, most))


def _run(served: Any, method: str, arguments: dict[str, Any], outgoing: BinaryIO) -> Any:
    if method.startswith("_"):
        raise ProcessingFailed(f"{method} is not served.")
    result = getattr(served, method)(**arguments)
    if not inspect.isgenerator(result):
        return result
    while True:
        try:
            _write(outgoing, ["progress", next(result)])
        except StopIteration as end:
            return end.value


def _read(stream: BinaryIO) -> Any:
    header = stream.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    return msgspec.msgpack.decode(stream.read(_HEADER.unpack(header)[0]))


def _write(stream: BinaryIO, value: Any) -> None:
    data = msgspec.msgpack.encode(value)
    stream.write(_HEADER.pack(len(data)))
    stream.write(data)
    stream.flush()
