"""What PostgreSQL must keep beyond the contracts: many writers at once, several processes, and a server that goes away."""

from __future__ import annotations

import asyncio
import contextlib
import random

import psycopg
import pytest

from tests.contracts.conftest import PostgresRoom
from tests.postgres import drop, fresh
from videovector_adapters.postgres.database import Database, PgBuckets
from videovector_adapters.postgres.migrate import Migration, migrate, shipped
from videovector_adapters.postgres.usage import PgUsage
from videovector_adapters.wiring import RandomIds
from videovector_core.access.ratelimit import Limits, Returned
from videovector_core.errors import Conflict, Invalid, Unavailable
from videovector_core.events.model import EventFilter, NewEvent
from videovector_core.idempotency import Slot
from videovector_core.testing import stores_room as make
from videovector_core.usage import SEARCHES, Count
from videovector_core.work import NewWork

pytestmark = pytest.mark.real
ALL = EventFilter()


class TestClaims:
    """Claims of many workers at the same time."""

    async def test_two_claims_never_lease_the_same_item_and_never_wait(self, postgres_room: PostgresRoom):
        """While one claim is not committed, another takes the next items at once."""
        async with postgres_room.begin() as tx:
            await tx.work.add([NewWork("kind", f"user_{n % 2}", f"key {n}") for n in range(8)])
        async with postgres_room.begin() as one, asyncio.timeout(5), postgres_room.begin() as two:
            first = await one.work.claim({"kind": 4}, seconds=30)
            second = await two.work.claim({"kind": 8}, seconds=30)
        keys = [item.key for item in (*first, *second)]
        assert len(first) == 4
        assert len(keys) == len(set(keys)) == 8
        fences = [item.fence for item in (*first, *second)]
        assert len(set(fences)) == 8

    async def test_a_storm_of_claims_leases_everything_once(self, postgres_room: PostgresRoom):
        """Eight workers empty a queue that others fill, and every item is done exactly once."""
        done: list[str] = []

        async def fill(worker: int) -> None:
            for n in range(20):
                async with postgres_room.begin() as tx:
                    await tx.work.add([NewWork("kind", f"user_{n % 3}", f"{worker}/{n}/{m}") for m in range(3)])

        async def empty() -> None:
            while len(done) < 120:
                async with postgres_room.begin() as tx:
                    items = await tx.work.claim({"kind": 3}, seconds=30)
                for item in items:
                    async with postgres_room.begin() as tx:
                        assert await tx.work.finish(item)
                        done.append(item.key)
                await asyncio.sleep(0)

        async with asyncio.timeout(60):
            await asyncio.gather(fill(1), fill(2), *(empty() for _ in range(6)))
        assert len(done) == len(set(done)) == 120

    async def test_adders_of_the_same_keys_do_not_lock_crosswise(self, postgres_room: PostgresRoom):
        """Transactions that add the same keys in opposite orders all commit."""
        items = [NewWork("kind", make.USER, f"key {n}") for n in range(50)]

        async def add(order: list[NewWork]) -> None:
            async with postgres_room.begin() as tx:
                await tx.work.add(order)

        async with asyncio.timeout(30):
            await asyncio.gather(*(add(items if n % 2 else items[::-1]) for n in range(10)))


class TestEvents:
    """The log under many writers."""

    async def test_no_reader_skips_an_event(self, postgres_room: PostgresRoom):
        """Sixteen writers commit when they like; a reader that only goes forward sees every event that was kept."""
        seen: list[int] = []
        chance = random.Random(7)

        async def write() -> None:
            for _ in range(6):
                with contextlib.suppress(ZeroDivisionError):
                    async with postgres_room.begin() as tx:
                        await asyncio.sleep(chance.random() / 200)
                        await tx.events.append(make.USER, [NewEvent("media.created")] * chance.randrange(1, 4))
                        await asyncio.sleep(chance.random() / 200)
                        if chance.random() < 0.2:
                            raise ZeroDivisionError

        async def read(writers: asyncio.Future[list[None]]) -> None:
            while True:
                over = writers.done()
                async with postgres_room.begin() as tx:
                    found = await tx.events.after(make.USER, seen[-1] if seen else 0, wanted=ALL, limit=5)
                seen.extend(event.sequence for event in found)
                if over and not found:
                    return

        async with asyncio.timeout(60):
            writers = asyncio.gather(*(write() for _ in range(16)))
            await asyncio.gather(writers, read(writers))
        async with postgres_room.begin() as tx:
            assert await tx.events.last(make.USER) == len(seen)
        assert seen == list(range(1, len(seen) + 1))


class TestReceipts:
    """Receipts under many claims."""

    async def test_of_fifty_claims_at_once_one_wins(self, postgres_room: PostgresRoom):
        """All claims of a slot learn of the same holder."""
        slot = Slot(make.USER, "POST", "/", "key")

        async def claim(n: int) -> str:
            async with postgres_room.begin() as tx:
                return (await tx.receipts.claim(slot, "f", token=f"token {n}", seconds=30)).token

        assert len(set(await asyncio.gather(*(claim(n) for n in range(50))))) == 1


class TestDoorbell:
    """The doorbell between two processes."""

    async def test_a_ring_is_heard_elsewhere(self, postgres_room: PostgresRoom):
        """Work that is added in one process wakes a waiter of another, and only waiters of that topic."""
        async with Database.open(postgres_room.dsn, RandomIds()) as other:
            work = asyncio.create_task(other.doorbell.wait("work", 20))
            own = asyncio.create_task(postgres_room.database.doorbell.wait("work", 20))
            events = asyncio.create_task(other.doorbell.wait("events:user_b", 0.5))
            await asyncio.sleep(0)
            async with postgres_room.begin() as tx:
                await tx.work.add([NewWork("kind", make.USER, "key")])
            assert await work
            assert await own
            assert not await events

    async def test_nothing_rings_before_the_commit(self, postgres_room: PostgresRoom):
        """A transaction that fails wakes nobody."""
        waiting = asyncio.create_task(postgres_room.database.doorbell.wait("work", 0.2))
        with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the block is the transaction
            async with postgres_room.begin() as tx:
                await tx.work.add([NewWork("kind", make.USER, "key")])
                raise ZeroDivisionError
        assert not await waiting


class TestErrors:
    """What the driver says becomes an error of the house."""

    async def test_a_lost_connection_is_unavailable_and_mended(self, postgres_room: PostgresRoom, postgres_server: str):
        """When the server ends the connections, the transaction under way fails as unavailable and the next one works."""
        with pytest.raises(Unavailable) as caught:  # noqa: PT012 - as above
            async with postgres_room.begin() as tx:
                await tx.work.counts()
                with psycopg.connect(postgres_server, autocommit=True) as connection:
                    connection.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s",
                        [psycopg.conninfo.conninfo_to_dict(postgres_room.dsn)["dbname"]],
                    )
                await tx.work.counts()
        assert isinstance(caught.value.__cause__, psycopg.OperationalError)
        async with asyncio.timeout(15), postgres_room.begin() as tx:
            assert await tx.work.counts() == {}

    async def test_a_database_that_is_away_is_unavailable(self):
        """Opening a database that nobody serves says so within the patience, and says no more."""
        with pytest.raises(Unavailable):
            async with Database.open("host=/nonexistent connect_timeout=1", RandomIds(), patience=0.5):
                pass

    async def test_text_that_cannot_be_kept_is_refused(self, postgres_room: PostgresRoom):
        """NUL and half a surrogate pair are the caller's mistake, not a failure."""
        for title in ("a\u0000b", "a\ud800b"):
            with pytest.raises(Invalid):
                async with postgres_room.begin() as tx:
                    await tx.media.add(make.medium(title=title))

    async def test_only_counts_that_need_not_last_spare_the_way_to_the_disk(self, postgres_room: PostgresRoom):
        """The setting holds for one transaction, and for none that counts what has to last."""
        told = []
        for lasting in (False, True):
            async with postgres_room.database.session() as session:
                await session.run("SET LOCAL synchronous_commit = on")  # the servers of tests do without it
                await PgUsage(session, RandomIds()).count("user_1", [Count(SEARCHES)], lasting=lasting)
                told.append(await session.value("SHOW synchronous_commit"))
        assert told == ["off", "on"]


class TestMigrations:
    """The schema moves forward, once."""

    async def test_several_at_once_apply_each_step_once(self, postgres_server: str):
        """Four processes migrate together: every step is applied by one of them, and later nothing is left to do."""
        dsn = fresh(postgres_server, migrated=False)
        applied = await asyncio.gather(*(migrate(dsn) for _ in range(4)))
        assert [step.number for steps in applied for step in steps] == [step.number for step in shipped()]
        assert await migrate(dsn) == []
        drop(postgres_server, dsn)

    async def test_a_changed_or_unknown_step_is_refused(self, postgres_server: str):
        """A step that changed after it was applied stops the start, and so does a database from the future."""
        dsn = fresh(postgres_server, migrated=False)
        one, two = Migration(1, "one", "CREATE TABLE one ()"), Migration(2, "two", "CREATE TABLE two ()")
        assert await migrate(dsn, [one, two]) == [one, two]
        with pytest.raises(Conflict, match="changed"):
            await migrate(dsn, [one, Migration(2, "two", "CREATE TABLE other ()")])
        with pytest.raises(Conflict, match="newer"):
            await migrate(dsn, [one])
        with pytest.raises(Conflict, match="same number"):
            await migrate(dsn, [one, two, Migration(2, "too", "")])
        drop(postgres_server, dsn)

    async def test_a_step_that_fails_leaves_nothing(self, postgres_server: str):
        """Of several missing steps all are applied, or none."""
        dsn = fresh(postgres_server, migrated=False)
        one = Migration(1, "one", "CREATE TABLE one ()")
        with pytest.raises(Exception, match="refused a statement"):
            await migrate(dsn, [one, Migration(2, "two", "CREATE NONSENSE")])
        assert await migrate(dsn, [one]) == [one]
        drop(postgres_server, dsn)


class TestBuckets:
    """Buckets of rate limits."""

    async def test_takes_at_once_never_exceed_the_limit(self, postgres_room: PostgresRoom):
        """Forty takes from several tasks grant exactly what one bucket holds, and what is returned is granted again."""
        buckets, limits = PgBuckets(postgres_room.database), Limits(25, 1000)
        grants = await asyncio.gather(*(buckets.take("key_1/search", 1, limits) for _ in range(40)))
        assert sum(grant.tokens for grant in grants) == 25
        assert (await buckets.standing("key_1/search", limits)).minute.remaining == 0
        assert (await buckets.standing("key_2/search", limits)).minute.remaining == 25
        granted = next(grant for grant in grants if grant.tokens)
        again = await buckets.take("key_1/search", 5, limits, [Returned(granted.taken_at, 1)])
        assert again.tokens == 1
