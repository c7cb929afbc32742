"""Work items as a state machine: whatever is done in whatever order, a store behaves like the model.

machine = work_machine(open_room)   # a function that returns an empty `Room` and how to run its coroutines
TestWork = machine.TestCase
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

from attrs import define, field
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from videovector_core.testing.stores_room import Room
from videovector_core.work import NewWork, WorkItem, WorkState

KEYS: Final = st.sampled_from(["a/1", "a/2", "b/1"])
DELAYS: Final = st.sampled_from([0, 100, 1000])
LEASE: Final = 495
"""Never a sum of pauses, since a store's own time goes on a little between them."""
KIND: Final = "kind"


class Stage(Protocol):
    """An empty room, and the way to run coroutines in it."""

    room: Room

    def run(self, steps: Coroutine[Any, Any, Any]) -> Any:
        """Run to the end."""
        ...

    def close(self) -> None:
        """Leave the room."""
        ...


@define
class Model:
    """What is known of one item: seconds count from the beginning, and the time is `now`."""

    due: float
    state: WorkState = WorkState.QUEUED
    attempt: int = 0
    until: float = 0
    again: bool = False
    held: WorkItem | None = field(default=None, eq=False)

    def queue(self, due: float, *, attempt: int) -> None:
        """Wait for a worker."""
        self.state, self.due, self.attempt, self.again = WorkState.QUEUED, due, attempt, False


class WorkMachine(RuleBasedStateMachine):
    """Adds, claims, ends and forgets work, and compares what it sees with a dictionary of models."""

    stage: Stage

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.items: dict[str, Model] = {}
        self.old: list[tuple[str, WorkItem]] = []

    def work(self, steps: Callable[[Any], Coroutine[Any, Any, Any]]) -> Any:
        """Run steps with the work store in a transaction of their own."""

        async def inside() -> Any:
            async with self.stage.room.begin() as tx:
                return await steps(tx.work)

        return self.stage.run(inside())

    @rule(key=KEYS, delay=DELAYS)
    def add(self, key: str, delay: float) -> None:
        """Ask for work."""
        self.work(lambda work: work.add([NewWork(KIND, f"user_{key[0]}", key, delay=delay)]))
        due, known = self.now + delay, self.items.get(key)
        if known is None or known.state is WorkState.FAILED:
            self.items[key] = Model(due)
        elif known.state is WorkState.QUEUED or known.again:
            known.due = min(known.due, due)
        else:
            known.due, known.again = due, True

    @rule(seconds=st.sampled_from([50, 200, 600]))
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.stage.run(self.stage.room.advance(seconds))
        self.now += seconds

    @rule(room=st.integers(1, 4))
    def claim(self, room: int) -> None:
        """Claim: as many as are due and fit, and only such."""
        items: list[WorkItem] = self.work(lambda work: work.claim({KIND: room}, seconds=LEASE))
        due = {key for key, item in self.items.items() if item.state is WorkState.QUEUED and item.due <= self.now}
        assert len(items) == min(room, len(due))
        assert {item.key for item in items} <= due
        for item in items:
            known = self.items[item.key]
            known.attempt += 1
            assert item.attempt == known.attempt
            known.state, known.until, known.held = WorkState.LEASED, self.now + LEASE, item

    @precondition(lambda self: any(item.state is WorkState.LEASED for item in self.items.values()))
    @rule(pick=st.integers(0, 2), how=st.sampled_from(["finish", "retry", "postpone", "fail", "renew"]), delay=DELAYS)
    def end(self, pick: int, how: str, delay: float) -> None:
        """Do something with a lease that is held; afterwards its item is an old one."""
        leased = [key for key in sorted(self.items) if self.items[key].state is WorkState.LEASED]
        key = leased[pick % len(leased)]
        known = self.items[key]
        assert known.held is not None
        assert self.work(lambda work: _ended(work, how, known.held, delay))
        if how == "renew":
            known.until = self.now + LEASE
            return
        self.old.append((key, known.held))
        self._ended(key, known, how, delay)

    def _ended(self, key: str, known: Model, how: str, delay: float) -> None:
        later = self.now + delay
        if how == "retry":
            known.queue(later, attempt=known.attempt)
        elif how == "postpone":
            known.queue(min(later, known.due) if known.again else later, attempt=known.attempt - 1)
        elif known.again:
            known.queue(known.due, attempt=0)
        elif how == "finish":
            del self.items[key]
        else:
            known.state = WorkState.FAILED

    @precondition(lambda self: self.old)
    @rule(pick=st.integers(0, 9), how=st.sampled_from(["finish", "retry", "postpone", "fail", "renew"]))
    def end_again(self, pick: int, how: str) -> None:
        """Whoever held a lease once can do nothing with it later."""
        _, item = self.old[pick % len(self.old)]
        assert not self.work(lambda work: _ended(work, how, item, 0))

    @rule(prefix=st.sampled_from(["a/", "b/", "a/1", ""]))
    def drop(self, prefix: str) -> None:
        """Remove queued work."""
        queued = [key for key, item in self.items.items() if item.state is WorkState.QUEUED and key.startswith(prefix)]
        assert self.work(lambda work: work.drop(KIND, prefix=prefix)) == len(queued)
        for key in queued:
            del self.items[key]

    @invariant()
    def what_has_expired_is_known(self) -> None:
        """Exactly the leases that ran out are expired."""
        late: list[WorkItem] = self.work(lambda work: work.expired(10))
        expected = {k for k, item in self.items.items() if item.state is WorkState.LEASED and item.until < self.now}
        assert {item.key for item in late} == expected

    @invariant()
    def counts_agree(self) -> None:
        """The store counts what the model holds."""
        expected: dict[tuple[str, WorkState], int] = {}
        for item in self.items.values():
            expected[KIND, item.state] = expected.get((KIND, item.state), 0) + 1
        assert self.work(lambda work: work.counts()) == expected

    def teardown(self) -> None:
        """Leave the room."""
        self.stage.close()


def work_machine(open_stage: Callable[[], Stage]) -> type[WorkMachine]:
    """Return the machine for a kind of store."""

    class Machine(WorkMachine):
        def __init__(self) -> None:
            super().__init__()
            self.stage = open_stage()

    return Machine


async def _ended(work: Any, how: str, item: WorkItem | None, delay: float) -> bool:
    if how == "finish":
        return bool(await work.finish(item))
    if how == "fail":
        return bool(await work.fail(item, error="given up"))
    if how == "retry":
        return bool(await work.retry(item, seconds=delay, error="once more"))
    return bool(await getattr(work, how)(item, seconds=LEASE if how == "renew" else delay))
