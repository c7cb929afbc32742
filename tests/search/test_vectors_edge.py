"""The embedded engine against the exact one, through crashes, and with several clients."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from qdrant_edge import UpdateOperation

from tests.search.embedded import Served, quick_directory
from videovector_adapters.memory.vectors import MemoryVectors
from videovector_adapters.qdrant.edge import EdgeServer, EdgeVectors
from videovector_adapters.qdrant.layout import IN_RUN
from videovector_adapters.qdrant.sockets import MAX_PATH, own, short, trusted
from videovector_adapters.qdrant.store import MAIN, Store
from videovector_core.errors import Conflict, Unavailable
from videovector_core.models.ports import Vector
from videovector_core.testing.vectors import OTHER_SPACE, SPACE, mine, named, point, unit
from videovector_core.vectors.lexical import query_weights
from videovector_core.vectors.ports import Point, PointKind, Scope

pytestmark = pytest.mark.real

Running: TypeAlias = "tuple[asyncio.Runner, EdgeVectors]"

NUMBERS = st.integers(-2, 2).map(float)
VECTORS = st.lists(NUMBERS, min_size=4, max_size=4).filter(any).map(lambda values: unit(*values))
OTHER_VECTORS = st.lists(NUMBERS, min_size=3, max_size=3).filter(any).map(lambda values: unit(*values))
WEIGHTS = st.integers(1, 8).map(lambda number: number / 4)
TERMS = st.dictionaries(st.sampled_from([0, 1, 2, 3, 2**31, 2**32 - 1]), WEIGHTS, max_size=4)
USERS = st.sampled_from(["user_a", "user_b"])
RUNS = st.sampled_from(["run_1", "run_2"])
INDEXES = st.sampled_from(["idx_1", "idx_2"])
PATHS = st.sampled_from([None, "a", "a.b", "é[]"])


@st.composite
def points(draw: st.DrawFn) -> Point:
    dense = {}
    if draw(st.booleans()):
        dense[SPACE] = draw(VECTORS)
    if draw(st.booleans()):
        dense[OTHER_SPACE] = draw(OTHER_VECTORS)
    return Point(
        id=named(str(draw(st.integers(0, 15)))),
        kind=draw(st.sampled_from(PointKind)),
        user_id=draw(USERS),
        run_id=draw(RUNS),
        video_id="vid_1",
        version=draw(st.integers(0, 2**40)),
        index_id=draw(st.none() | INDEXES),
        field_path=draw(PATHS),
        instance_key=draw(st.none() | st.text(max_size=5)),
        time=draw(st.none() | st.floats(0, 1e6)),
        dense=dense,
        sparse=draw(st.none() | TERMS),
    )


@st.composite
def scopes(draw: st.DrawFn) -> Scope:
    return Scope(
        user_id=draw(USERS),
        run_ids=draw(st.none() | st.lists(RUNS, max_size=2).map(tuple)),
        index_ids=draw(st.none() | st.lists(INDEXES, max_size=2).map(tuple)),
        field_paths=draw(st.none() | st.just(("a", "é[]"))),
        kinds=tuple(draw(st.lists(st.sampled_from(PointKind), max_size=4))),
    )


WRITES = st.lists(points(), min_size=1, max_size=12)
DELETES = st.lists(st.integers(0, 15).map(lambda number: named(str(number))), min_size=1, max_size=6)


@pytest.fixture(scope="module")
def engine() -> Iterator[Running]:
    with quick_directory() as folder, asyncio.Runner() as runner:
        server, client = EdgeServer(Path(folder) / "v", Path(folder) / "s"), EdgeVectors(Path(folder) / "s")
        runner.run(server.start())
        yield runner, client
        runner.run(client.close())
        runner.run(server.stop())


async def ready(client: EdgeVectors) -> None:
    """Wait until the engine answers again."""
    async with asyncio.timeout(60):
        while True:
            try:
                await client.count()
            except Unavailable:
                await asyncio.sleep(0.02)
            else:
                return


async def until_done(write: Callable[[], Awaitable[None]]) -> None:
    """Repeat a write until it is acknowledged, as its caller does."""
    async with asyncio.timeout(60):
        while True:
            try:
                await write()
            except Unavailable:
                await asyncio.sleep(0.02)
            else:
                return


async def compare(
    edge: EdgeVectors, memory: MemoryVectors, scope: Scope, query: Vector, other: Vector, terms: dict[int, float]
) -> None:
    for top_k in (1, 3, 20):
        for exact in (True, False):
            for space, vector in ((SPACE, query), (OTHER_SPACE, other)):
                near = await edge.nearest(space, vector, within=scope, top_k=top_k, exact=exact)
                assert near == await memory.nearest(space, vector, within=scope, top_k=top_k)
        for least in (1, 2):
            one, two = [await on.lexical(terms, within=scope, top_k=top_k, least=least) for on in (edge, memory)]
            assert [hit.point for hit in one] == [hit.point for hit in two]
            assert [hit.score for hit in one] == pytest.approx([hit.score for hit in two], abs=1e-4)
    assert await edge.count(within=scope) == await memory.count(within=scope)
    assert await edge.versions(limit=7) == await memory.versions(limit=7)
    assert await edge.versions(after=named("7")) == await memory.versions(after=named("7"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    writes=st.lists(WRITES | DELETES, min_size=1, max_size=4),
    scope=scopes(),
    query=VECTORS,
    other=OTHER_VECTORS,
    terms=TERMS,
)
def test_the_engine_answers_as_the_exact_one(
    engine: Running,
    writes: list[list[Point] | list[str]],
    scope: Scope,
    query: Vector,
    other: Vector,
    terms: dict[int, float],
) -> None:
    """After any writes, every search, count and page is the same as in plain arithmetic: hits, scores and order."""
    runner, edge = engine
    memory = MemoryVectors()

    async def example() -> None:
        for write in writes:
            for one in (edge, memory):
                await one.delete([each for each in write if isinstance(each, str)])
                await one.upsert([each for each in write if isinstance(each, Point)])
        await compare(edge, memory, scope, query, other, terms)
        await edge.delete([named(str(number)) for number in range(16)])

    runner.run(example())


class Restarts(RuleBasedStateMachine):
    """Writes, kills, restarts and clean stops in any order, beside a model that never fails."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = quick_directory()
        self.runner = asyncio.Runner()
        self.memory = MemoryVectors()
        self.checked = False
        self.server = EdgeServer(Path(self.folder.name) / "v", Path(self.folder.name) / "s")
        self.client = EdgeVectors(Path(self.folder.name) / "s")
        self.runner.run(self.server.start())

    @rule(write=WRITES)
    def upsert(self, write: list[Point]) -> None:
        self.runner.run(until_done(lambda: self.client.upsert(write)))
        self.runner.run(self.memory.upsert(write))
        self.checked = False

    @rule(write=DELETES)
    def delete(self, write: list[str]) -> None:
        self.runner.run(until_done(lambda: self.client.delete(write)))
        self.runner.run(self.memory.delete(write))
        self.checked = False

    @rule(write=WRITES)
    def killed_while_writing(self, write: list[Point]) -> None:
        async def both() -> None:
            task = asyncio.create_task(self.client.upsert(write))
            await asyncio.sleep(0)
            if self.server.pid:
                os.kill(self.server.pid, signal.SIGKILL)
            await asyncio.gather(task, return_exceptions=True)
            await until_done(lambda: self.client.upsert(write))

        self.runner.run(both())
        self.runner.run(self.memory.upsert(write))
        self.checked = False

    @rule()
    def stopped_and_started(self) -> None:
        self.runner.run(self.server.stop())
        self.runner.run(self.server.start())
        self.checked = False

    @precondition(lambda self: not self.checked)
    @invariant()
    def same(self) -> None:
        async def check() -> None:
            await ready(self.client)
            query, other = unit(1, 1, 0, 0), unit(0, 1, 1)
            for user in ("user_a", "user_b"):
                scope = Scope(user_id=user, kinds=tuple(PointKind))
                await compare(self.client, self.memory, scope, query, other, {1: 1.0, 2: 0.5})

        self.runner.run(check())
        self.checked = True

    def teardown(self) -> None:
        self.runner.run(self.client.close())
        self.runner.run(self.server.stop())
        self.runner.close()
        self.folder.cleanup()


def test_acknowledged_writes_survive_any_history() -> None:
    """Whatever is killed or restarted when, the engine equals a model that applied the acknowledged writes."""
    run_state_machine_as_test(
        Restarts, settings=settings(max_examples=5, stateful_step_count=8, deadline=None, print_blob=True)
    )


async def test_a_kill_during_writes_loses_nothing_that_was_acknowledged(served: Served) -> None:
    """Killed four times under load: acknowledged points stay, queries are refused or right, and it comes back."""
    server, client = served
    reader = EdgeVectors(server.socket)
    acknowledged: dict[str, int] = {}
    attempted: dict[str, int] = {}
    outcomes = {"right": 0, "away": 0}
    done = asyncio.Event()

    async def write(lane: int) -> None:
        turn = 0
        while not done.is_set():
            turn += 1
            batch = [point(f"{lane} {n}", 1, n, lane, 0, text="kiosk", version=turn) for n in range(40)]
            attempted.update({one.id: one.version for one in batch})
            try:
                await client.upsert(batch)
            except Unavailable:
                await asyncio.sleep(0.02)
            else:
                acknowledged.update({one.id: one.version for one in batch})

    async def read() -> None:
        while not done.is_set():
            before = dict(acknowledged)
            try:
                found = await reader.nearest(SPACE, unit(1, 1, 1, 0), within=mine(), top_k=100)
                count = await reader.count()
            except Unavailable:
                outcomes["away"] += 1
                await asyncio.sleep(0.02)
                continue
            assert count >= len(before)
            assert len(found) >= min(len(before), 80)
            assert all(before.get(one.point.id, 0) <= one.point.version <= attempted[one.point.id] for one in found)
            outcomes["right"] += 1

    tasks = [asyncio.create_task(one) for one in (write(0), write(1), read())]
    for _ in range(4):
        goal = len(acknowledged) and sum(acknowledged.values()) + 120
        async with asyncio.timeout(60):
            while server.pid is None or not acknowledged or sum(acknowledged.values()) < goal:
                await asyncio.sleep(0.01)
        os.kill(server.pid, signal.SIGKILL)
        await ready(client)
    done.set()
    await asyncio.gather(*tasks)
    await until_done(lambda: client.upsert([point("last", 1, 0, 0, 0)]))
    kept = dict(await client.versions())
    assert all(acknowledged[one] <= kept[one] <= attempted[one] for one in acknowledged)
    assert len(await client.lexical(query_weights("kiosk"), within=mine(), top_k=200)) == 80
    assert outcomes["right"] > 0
    await reader.close()


async def test_a_killed_engine_comes_back_by_itself(served: Served) -> None:
    """After a kill the supervisor starts the engine again, and the same client goes on."""
    server, client = served
    await client.upsert([point("one", 1, 0, 0, 0)])
    first = server.pid
    assert first  # 0 would be everything in the group of the tests
    os.kill(first, signal.SIGKILL)
    with pytest.raises(Unavailable):
        await client.upsert([point(f"big {number}", 1, 0, 0, number) for number in range(2000)])
    await ready(client)
    assert server.restarts == 1
    assert server.pid not in {None, first}
    assert await client.count() in range(1, 2002)


async def test_calls_from_many_clients_are_answered_each_to_its_own(served: Served) -> None:
    """Concurrent clients get the answers to their own questions, whole, while others write."""
    server, client = served
    await client.upsert([point(f"own {number}", 1, number, 0, 0, user=f"user_{number}") for number in range(32)])
    clients = [EdgeVectors(server.socket) for _ in range(4)]

    async def ask(number: int) -> None:
        scope = Scope(user_id=f"user_{number}")
        (found,) = await clients[number % 4].nearest(SPACE, unit(1, number, 0, 0), within=scope, top_k=3)
        assert found.point.id == named(f"own {number}")
        assert found.score == pytest.approx(1)

    bulk = asyncio.create_task(
        clients[0].upsert([point(f"bulk {n}", 1, n, 1, 1, text=f"text {n}", user="bulk") for n in range(3000)])
    )
    for _ in range(5):
        await asyncio.gather(*(ask(number) for number in range(32)))
    await bulk
    assert await client.count(within=Scope(user_id="bulk")) == 3000
    for one in clients:
        await one.close()


async def test_an_absent_engine_is_unavailable_and_says_when_to_come_back(tmp_path: Path) -> None:
    """With nobody on the socket every method raises `Unavailable` with a time to wait."""
    client = EdgeVectors(tmp_path / "nobody.sock")
    for attempt in (
        client.upsert([point("one", 1, 0, 0, 0)]),
        client.delete([named("one")]),
        client.nearest(SPACE, unit(1, 0, 0, 0), within=mine(), top_k=1),
        client.lexical({1: 1.0}, within=mine(), top_k=1),
        client.versions(),
        client.count(),
    ):
        with pytest.raises(Unavailable) as caught:
            await attempt
        assert caught.value.retry_after >= 1


async def test_a_directory_has_one_owner(served: Served) -> None:
    """A second engine on the same directory is refused, and the first goes on."""
    server, client = served
    with pytest.raises(Conflict, match="owns"):
        await EdgeServer(server.directory, server.socket.with_name("t")).start()
    assert await client.count() == 0


async def test_vectors_of_an_older_version_are_refused_with_what_to_do(tmp_path: Path) -> None:
    """Points without the fields that searches look at now would be found by none: the engine does not start on them."""
    server = EdgeServer(tmp_path / "v", tmp_path / "s", optimize_after=None)
    await server.start()
    client = EdgeVectors(tmp_path / "s")
    await client.upsert([point("old", text="kiosk")])
    await client.close()
    await server.stop()
    store = Store.open(tmp_path / "v" / (tmp_path / "v" / "current").read_text())
    store.parts[MAIN].shard.update(UpdateOperation.delete_field_index(IN_RUN))
    store.close()
    with pytest.raises(Conflict, match="videovector reindex"):
        await server.start()


async def test_a_long_socket_path_works_all_the_same() -> None:
    """A path beyond what the system allows leads both sides to the same short one, private to this user."""
    with quick_directory() as folder:
        socket = Path(folder) / ("x" * 120) / "v.sock"
        assert len(os.fsencode(short(socket))) <= MAX_PATH
        server, client = EdgeServer(Path(folder) / "v", socket), EdgeVectors(socket)
        await server.start()
        assert await client.count() == 0
        await client.close()
        await server.stop()
        place = short(socket).parent
        assert place.stat().st_mode & 0o777 == 0o700
        place.chmod(0o755)
        for path in (own, trusted):
            with pytest.raises(Conflict, match="belongs to somebody else"):
                path(socket)
        for left in (*place.iterdir(), place):
            left.rmdir() if left.is_dir() else left.unlink()


def test_the_engine_dies_with_its_parent() -> None:
    """When the process that started it is killed, the engine goes too and lets the directory go."""
    code = """
import asyncio, sys
from videovector_adapters.qdrant.edge import EdgeServer
async def main():
    server = EdgeServer(sys.argv[1] + "/v", sys.argv[1] + "/s")
    await server.start()
    print(server.pid, flush=True)
    await asyncio.sleep(600)
asyncio.run(main())
"""
    with quick_directory() as folder:
        parent = subprocess.Popen([sys.executable, "-c", code, folder], stdout=subprocess.PIPE)
        assert parent.stdout is not None
        assert int(parent.stdout.readline()) > 0
        parent.kill()
        parent.wait()
        parent.stdout.close()

        async def takes_over() -> None:
            server = EdgeServer(Path(folder) / "v", Path(folder) / "s")
            async with asyncio.timeout(30):
                while True:
                    try:
                        await server.start()
                        break
                    except Conflict:
                        await asyncio.sleep(0.05)
            await server.stop()

        asyncio.run(takes_over())
