"""A whole plant of real processes to be broken: server, worker, database, vector engine, and a model outside of it.

Media are quiet sound cut into slices of one second, so a file of 500 s is a run of 500 segments.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import io
import itertools
import json
import os
import random
import re
import shutil
import subprocess
import tempfile
import time
import wave
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import httpx
import psycopg
from attrs import define, field
from psycopg.conninfo import make_conninfo

from tests.brokers import Broker
from tests.faults.processes import below
from tests.server import Server
from tests.stub_model import Call, Reply, StubModel
from videovector_adapters.postgres.database import Database
from videovector_adapters.postgres.installation import installation
from videovector_adapters.qdrant.edge import EdgeVectors
from videovector_adapters.wiring import RandomIds
from videovector_core.search.checker import Checker

SCHEMA = {"type": "object", "properties": {"place": {"type": "string"}}, "required": ["place"]}
ENDS = {"completed", "completed_with_failures", "failed", "cancelled"}
_START = re.compile(r'"start_seconds": ([0-9.]+)')
_marks = itertools.count(1)


@define
class Plant:
    """The processes, and what is asked of them."""

    folder: Path
    lease: float = 3.0
    latency: float = 0.05
    concurrency: int = 16
    broker: Broker | None = None
    more: Mapping[str, str] = field(factory=dict)
    stub: StubModel = field(init=False)
    server: Server = field(init=False)
    _worker: subprocess.Popen[bytes] | None = field(default=None, init=False)
    _media: dict[int, tuple[str, str]] = field(factory=dict, init=False)
    _marks: dict[str, int] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self.stub = StubModel(latency=self.latency)
        environment = {
            "VIDEOVECTOR_OPENAI_BASE_URL": self.stub.url,
            "VIDEOVECTOR_EXTRACTION_MODEL": "openai:toy",
            "VIDEOVECTOR_TRANSCRIPTION_MODEL": "none",
            "VIDEOVECTOR_IMAGE_EMBEDDING_MODEL": "none",
            "VIDEOVECTOR_PICTURE_MODEL": "none",
            "VIDEOVECTOR_LEASE_SECONDS": str(self.lease),
            "VIDEOVECTOR_SEGMENT_CONCURRENCY": str(self.concurrency),
            **({"VIDEOVECTOR_BROKER_URL": self.broker.url} if self.broker else {}),
            **self.more,
        }
        self.server = Server(self.folder / "data", environment)

    def __enter__(self) -> Self:
        """Start everything."""
        self.stub.__enter__()
        try:
            self.server.start()
            self.start_worker()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Stop everything."""
        if self._worker is not None:
            self._worker.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._worker.wait(30)
            self._worker.kill()
        with contextlib.suppress(AssertionError, subprocess.TimeoutExpired, ProcessLookupError):
            self.server.stop()
        self.stub.__exit__()

    # --- its processes ---

    @property
    def server_pid(self) -> int:
        """The API process."""
        assert self.server.process is not None
        return self.server.process.pid

    @property
    def worker_pid(self) -> int:
        """The process that owns leases: the child of the server, or the supervisor of dramatiq."""
        if self._worker is not None:
            return self._worker.pid
        return below(self.server_pid, "worker", "--child")

    @property
    def engine_pid(self) -> int:
        """The vector engine."""
        return below(self.server_pid, "qdrant")

    @property
    def database_pid(self) -> int:
        """The postmaster."""
        return int((installation(self.server.data_dir.absolute()).data / "postmaster.pid").read_text().split("\n")[0])

    @property
    def dsn(self) -> str:
        """Where the database listens."""
        place = installation(self.server.data_dir.absolute())
        return make_conninfo(host=str(place.sockets), user="videovector", dbname="postgres")

    def start_worker(self) -> None:
        """With a broker, start the workers."""
        if self.broker is None:
            return
        with self.server.log.open("ab") as log:
            self._worker = subprocess.Popen(
                self.server.command("worker"), env=self.server.settings(), stdout=log, stderr=log
            )

    def restart_server(self) -> None:
        """Kill the API and start it again; its children die with it."""
        self.server.kill()
        self.server.start()

    # --- what is asked of it ---

    def media(self, seconds: int) -> tuple[str, str]:
        """Return index and item of a sound file of so many seconds, uploaded once."""
        if seconds not in self._media:
            self._media[seconds] = self.upload(seconds)
        return self._media[seconds]

    def upload(self, seconds: int) -> tuple[str, str]:
        """Upload a sound file into an index of its own."""
        with self.server.http() as http:
            index = _json(http.post("/indexes", json={"name": f"Sound {seconds} {time.time()}"}))["index_id"]
            files = {"file": (f"{seconds}.wav", sound(seconds, seed=index), "audio/wav")}
            job = _json(http.post("/videos/upload", files=files, data={"index_id": index}))
            found = self.ask("SELECT video_id FROM media WHERE index_id = %s", index)
            until = time.monotonic() + 60
            while not found and time.monotonic() < until:
                time.sleep(0.2)
                found = self.ask("SELECT video_id FROM media WHERE index_id = %s", index)
            assert found, job
            return index, found[0][0]

    def execute(self, *, seconds: int, media: tuple[str, str] | None = None) -> str:
        """Start a run whose questions no kept answer fits, and return its id."""
        index, _ = media or self.media(seconds)
        mark = next(_marks) * 1000 + os.getpid() % 1000
        with self.server.http() as http:
            prompt = _json(
                http.post(
                    "/prompts",
                    json={"name": f"Mark {mark}", "prompt_text": f"Name the place. mark-{mark}", "json_schema": SCHEMA},
                )
            )["prompt_id"]
            run = _json(
                http.post(
                    "/prompt-runs/execute",
                    json={
                        "prompt_id": prompt,
                        "target": {"type": "index", "index_id": index},
                        "audio_segmentation_type": "fixed",
                        "audio_segment_duration": 1,
                        "enable_transcription": False,
                        "enable_image_embedding": False,
                    },
                )
            )["run_id"]
        self._marks[run] = mark
        return str(run)

    def status(self, run: str) -> str:
        """Return how a run stands, from the database."""
        return str(self.ask("SELECT status FROM runs WHERE run_id = %s", run)[0][0])

    def wait(self, run: str, *, seconds: float = 120) -> float:
        """Wait until a run has ended; return how long that took."""
        began = time.monotonic()
        while True:
            with contextlib.suppress(psycopg.Error):
                if self.status(run) in ENDS:
                    return time.monotonic() - began
            if time.monotonic() - began > seconds:
                raise AssertionError(f"run {run} has not ended after {seconds:.0f} s: {self.standing(run)}")
            time.sleep(0.1)

    def settled(self, run: str) -> int:
        """Count the segments of a run that have a result."""
        done = "SELECT count(*) FROM results WHERE run_id = %s AND status NOT IN ('pending', 'processing')"
        return int(self.ask(done, run)[0][0])

    def wait_for(self, run: str, share: float, segments: int, *, seconds: float = 60) -> None:
        """Wait until a share of the segments has a result, or the run has ended."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            with contextlib.suppress(psycopg.Error):
                if self.settled(run) >= share * segments or self.status(run) in ENDS:
                    return
            time.sleep(0.02)

    def calls(self, run: str) -> list[Call]:
        """Return the model calls of a run, as the model saw them."""
        mark = f"mark-{self._marks[run]}"
        return [call for call in list(self.stub.calls) if mark in call.text]

    def ask(self, sql: str, *given: Any) -> list[Any]:
        """Ask the database."""
        with psycopg.connect(self.dsn, autocommit=True, connect_timeout=5) as connection:
            return connection.execute(sql, given).fetchall()

    def standing(self, run: str) -> str:
        """Say how a run stands, for a report of what went wrong."""
        results = self.ask("SELECT status, failure_code, count(*) FROM results WHERE run_id = %s GROUP BY 1, 2", run)
        work = self.ask("SELECT kind, state, count(*), min(due_at - now()), max(error) FROM work GROUP BY 1, 2")
        return f"{self.status(run)} {results} {work}"

    # --- what must be true of it ---

    def wrong_with(self, run: str, *, segments: int, failed: int = 0) -> str | None:
        """Say what is wrong with a run that has ended: results missing or doubled, points that differ."""
        results = self.ask("SELECT segment_id, status, metadata FROM results WHERE run_id = %s", run)
        outcomes = Counter(status for _, status, _ in results)
        if len(results) != segments or outcomes["successful"] != segments - failed or outcomes["failed"] != failed:
            return f"{len(results)} results for {segments} segments: {self.standing(run)}"
        if any(status == "successful" and not metadata.get("place") for _, status, metadata in results):
            return "a successful segment has no document"
        told = "SELECT segment_id, count(*) FROM events WHERE run_id = %s AND event_type LIKE 'segment.processing.%%'"
        events = dict(self.ask(f"{told} GROUP BY 1", run))
        if len(events) != segments or set(events.values()) != {1}:
            return f"segments were told of {Counter(events.values())} times, {len(events)} of {segments}"
        ends = self.ask(
            "SELECT event_type FROM events WHERE run_id = %s AND event_type = ANY(%s)",
            run,
            ["prompt_run.completed", "prompt_run.partial_completed", "prompt_run.failed", "prompt_run.cancelled"],
        )
        if len(ends) != 1:
            return f"the end of the run was told {len(ends)} times: {ends}"
        rows = self.ask("SELECT count(*) FROM embeddings WHERE run_id = %s", run)[0][0]
        if rows < segments - failed:
            return f"{rows} embedding rows for {segments - failed} results"
        left = self._left(run, seconds=60)
        return f"work is left: {left}" if left else self.unequal()

    def _left(self, run: str, *, seconds: float) -> list[Any]:
        """Return the work that a run still has after a while; a last look at a run that has ended may be due later."""
        until = time.monotonic() + seconds
        told = "SELECT kind, state FROM work WHERE key LIKE %s AND state <> 'failed'"
        while (left := self.ask(told, f"{run}%")) and time.monotonic() < until:
            time.sleep(0.5)
        return left

    def unequal(self) -> str | None:
        """Say how the vector engine differs from the rows."""
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            return pool.submit(lambda: asyncio.run(self._checked())).result()

    async def _checked(self) -> str | None:
        vectors = EdgeVectors(self.server.data_dir.absolute() / "vectors" / "engine.sock")
        try:
            async with Database.open(self.dsn, RandomIds(), size=2) as database:
                report = await Checker(database.begin, vectors).check()
        finally:
            await vectors.close()
        return None if report.clean else report.sentence

    def hit_something(self, chance: random.Random, choices: tuple[str, ...]) -> str:
        """Kill one of the processes, and start again what nobody else would start."""
        which = chance.choice(choices)
        if which == "api":
            self.restart_server()
        else:
            with contextlib.suppress(ProcessLookupError, FileNotFoundError):
                os.kill(getattr(self, f"{which}_pid"), 9)
        return which


def start_of(call: Call) -> float:
    """Return where the segment of a call begins, in seconds."""
    found = _START.search(call.text)
    return float(found[1]) if found else -1.0


def scripted(decide: Any) -> Any:
    """Make a script for the stub of a function of the call that returns a reply or nothing."""

    def script(call: Call, _: int) -> Reply | None:
        found: Reply | None = decide(call)
        return found

    return script


def sound(seconds: int, *, seed: str = "") -> bytes:
    """Make a WAV file of quiet noise, 4 kHz mono; another seed, other bytes."""
    noise = random.Random(seed).randbytes(4000)
    second = b"".join(bytes((byte % 64, 0)) for byte in noise)
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(4000)
        file.writeframes(second * seconds)
    return out.getvalue()


@contextlib.contextmanager
def temporary() -> Iterator[Path]:
    """Lend a directory for one plant, and remove it with what the embedded database kept elsewhere."""
    folder = Path(tempfile.mkdtemp(prefix="videovector-plant-"))
    try:
        yield folder
    finally:
        with contextlib.suppress(Exception):
            place = installation((folder / "data").absolute())
            if place.tree.is_relative_to("/var/lib/videovector"):
                shutil.rmtree(place.tree, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def _json(answer: httpx.Response) -> Any:
    assert answer.is_success, (answer.status_code, answer.text[:500])
    return json.loads(answer.text)
