"""The event stream: nothing missing, nothing twice, however it is cut."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from tests.events.reading import last_id, parsed, reading
from tests.http.api import Api, serving
from tests.stateful.virtual import simulate
from videovector_adapters.memory import Database
from videovector_adapters.memory.parts import MemoryDoorbell
from videovector_adapters.wiring import RandomIds
from videovector_core.access.model import Caller
from videovector_core.app import VideoVector
from videovector_core.events.model import EventFilter, NewEvent
from videovector_core.events.stream import START
from videovector_core.ids import new_id


async def tell(vv: VideoVector, user_id: str, count: int, **about: Any) -> list[str]:
    """Append events in one transaction and return their ids."""
    event = NewEvent("prompt_run.progress", {"text": "line\nbreak, \u2028 and ünicode"}, **about)
    async with vv.begin() as tx:
        return [kept.event_id for kept in await tx.events.append(user_id, [event] * count)]


async def resumed(api: Api, after: str | None, count: int) -> list[str]:
    """Connect with a place and return the ids of the next events."""
    headers = {"X-API-Key": api.key, **({"Last-Event-ID": after} if after else {})}
    async with reading(api.app, headers) as reader:
        return [event["id"] for event in await reader.until(count)]


async def test_an_event_arrives_as_the_contract_says() -> None:
    """Id and name stand in the frame, and the data has the nine fields."""
    async with serving() as api, reading(api.app, {"X-API-Key": api.key}) as reader:
        assert (reader.status, reader.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
        (event_id,) = await tell(api.vv, api.user_id, 1, run_id="run_1", video_id="vid_1")
        (event,) = await reader.until(1)
    assert (event["id"], event["event"]) == (event_id, "prompt_run.progress")
    assert set(event["data"]) == {
        "event_id", "event_type", "user_id", "run_id", "video_id", "segment_id", "index_id", "created_at", "payload",
    }  # fmt: skip
    assert event["data"]["payload"]["text"] == "line\nbreak, \u2028 and ünicode"


async def test_cut_at_every_event_and_at_random_bytes_nothing_is_lost_or_repeated() -> None:
    """What came before a cut and what a client gets that resumes behind it are the log, exactly."""
    async with serving() as api:
        async with reading(api.app, {"X-API-Key": api.key}) as reader:
            log = [event_id for _ in range(10) for event_id in await tell(api.vv, api.user_id, 3)]
            await reader.until(len(log))
            whole = bytes(reader.received)
        boundaries = [at + 2 for at in range(len(whole)) if whole[at : at + 2] == b"\n\n"]
        chance = random.Random(7)
        for cut in [*boundaries, *(chance.randrange(boundaries[0], len(whole) + 1) for _ in range(500))]:
            before = [event["id"] for event in parsed(whole[:cut])]
            rest = len(log) - len(before)
            assert before + await resumed(api, last_id(whole[:cut]), rest) == log, cut


async def test_a_place_before_the_first_event_is_a_place() -> None:
    """A client of an empty log that is cut off before the first event gets it when it comes back."""
    async with serving() as api:
        async with reading(api.app, {"X-API-Key": api.key}) as reader:
            while (place := last_id(bytes(reader.received))) is None:
                await asyncio.sleep(0)
        assert place == START
        log = await tell(api.vv, api.user_id, 2)
        assert await resumed(api, place, 2) == log


async def test_filters_are_joined_by_and() -> None:
    """Only events that meet every filter arrive, old and new."""
    async with serving() as api:
        await tell(api.vv, api.user_id, 1, run_id="run_2", video_id="vid_1")
        wanted = [*await tell(api.vv, api.user_id, 1, run_id="run_1", video_id="vid_1")]
        await tell(api.vv, api.user_id, 1, run_id="run_1", video_id="vid_3")
        query = "run_id=run_1&video_ids=vid_1,vid_2&event_types=prompt_run.progress&batch_size=1"
        headers = {"X-API-Key": api.key, "Last-Event-ID": START}
        async with reading(api.app, headers, query) as reader:
            await reader.until(1)
            await tell(api.vv, api.user_id, 5)
            wanted += await tell(api.vv, api.user_id, 1, run_id="run_1", video_id="vid_2")
            assert [event["id"] for event in await reader.until(2)] == wanted


@pytest.mark.parametrize("query", ["event_types=prompt_run.unknown", "batch_size=0", "batch_size=501"])
async def test_a_wrong_filter_is_refused_before_the_stream_begins(query: str) -> None:
    """A filter that could never match is the caller's mistake."""
    async with serving() as api, reading(api.app, {"X-API-Key": api.key}, query) as reader:
        assert reader.status == 422


async def test_somebody_elses_events_are_unknown() -> None:
    """Neither their place nor they themselves exist for another tenant."""
    doorbell = MemoryDoorbell()
    begin = Database(RandomIds(), doorbell).begin
    async with serving(begin=begin, doorbell=doorbell) as api:
        (foreign,) = await tell(api.vv, "user_other", 1)
        for wrong in (foreign, new_id("event"), "nonsense", "evt_1"):
            async with reading(api.app, {"X-API-Key": api.key, "Last-Event-ID": wrong}) as reader:
                assert reader.status == 404, wrong


async def test_a_place_beyond_retention_is_told() -> None:
    """An id that is no longer kept brings a gap and an error, never silence."""
    async with serving() as api:
        first, *_ = await tell(api.vv, api.user_id, 3)
        api.vv.ports.clock.time.advance(90_000)  # type: ignore[attr-defined]  # the clock of the tables in memory
        async with api.vv.begin() as tx:
            await tx.events.forget(api.vv.ports.clock.now())
        (oldest,) = await tell(api.vv, api.user_id, 1)
        async with reading(api.app, {"X-API-Key": api.key, "Last-Event-ID": first}) as reader:
            gap, error = parsed(await reader.end())
    assert (gap["event"], gap["data"]["payload"]) == ("processing.gap", {"after": first, "oldest": oldest})
    assert (error["event"], error["data"]["payload"]["code"]) == ("processing.stream_error", "cursor_expired")
    assert error["id"] is None


async def test_a_reader_that_slept_through_retention_is_told() -> None:
    """Events that were forgotten while a reader stalled are a gap in its stream."""
    async with serving() as api, reading(api.app, {"X-API-Key": api.key}) as reader:
        await tell(api.vv, api.user_id, 1)
        await reader.until(1)
        reader.stalled = True
        for _ in range(3):
            await tell(api.vv, api.user_id, 1000)
            await asyncio.sleep(0.01)
        async with api.vv.begin() as tx:
            await tx.events.forget(api.vv.ports.clock.now())
        reader.go_on()
        events = parsed(await reader.end())
    assert [event["event"] for event in events[-2:]] == ["processing.gap", "processing.stream_error"]
    assert events[-2]["data"]["payload"]["after"] == events[-3]["id"]


async def test_the_eleventh_stream_of_a_user_is_refused() -> None:
    """Ten streams are open at once; closing one makes room."""
    async with serving() as api:
        open_streams = [reading(api.app, {"X-API-Key": api.key}) for _ in range(10)]
        readers = [await one.__aenter__() for one in open_streams]
        async with reading(api.app, {"X-API-Key": api.key}) as refused:
            assert refused.status == 429
        assert {reader.status for reader in readers} == {200}
        await open_streams.pop().__aexit__(None, None, None)
        async with reading(api.app, {"X-API-Key": api.key}) as another:
            assert another.status == 200
        for one in open_streams:
            await one.__aexit__(None, None, None)


async def test_a_stopping_server_ends_streams() -> None:
    """A stream ends cleanly when the server stops, and resuming it elsewhere misses nothing."""
    stopping = asyncio.Event()
    async with serving(about={"stopping": stopping}) as api, reading(api.app, {"X-API-Key": api.key}) as reader:
        before = await tell(api.vv, api.user_id, 2)
        await reader.until(2)
        stopping.set()
        got = last_id(await reader.end())
        assert got == before[-1]
        after = await tell(api.vv, api.user_id, 2)
        stopping.clear()
        assert await resumed(api, got, 2) == after


def test_a_quiet_stream_shows_signs_of_life_and_ends_after_an_hour() -> None:
    """No more than 15 s pass between signs of life, and an idle stream ends by itself, in virtual time."""

    async def main() -> tuple[list[float], float]:
        async with serving() as api:
            now, beats = asyncio.get_running_loop().time, []
            began = now()
            place = await api.vv.streams.place(Caller(api.user_id), None)
            async for found in api.vv.streams.follow(api.user_id, place, EventFilter()):
                assert not found
                beats.append(now() - began)
            return beats, now() - began

    beats, lasted = simulate(main(), 1)
    gaps = [after - before for before, after in zip([0.0, *beats], beats, strict=False)]
    assert max(gaps) <= 15
    assert 3600 <= lasted < 3630


async def test_a_stalled_reader_costs_little_and_gets_everything() -> None:
    """Under 20,000 events a reader that stopped reading holds a batch, and then reads on without a gap."""
    async with serving() as api, reading(api.app, {"X-API-Key": api.key}) as reader:
        await asyncio.sleep(0.01)
        reader.stalled = True
        streams, log = api.vv.streams, []
        held: list[int] = []
        for _ in range(20):
            log += await tell(api.vv, api.user_id, 1000)
            await asyncio.sleep(0.01)
            ((tail, _task),) = streams._tails.values()
            held.append(len(tail.newest))
        assert max(held) <= streams.pace.kept
        reader.go_on()
        assert [event["id"] for event in await reader.until(len(log))] == log
