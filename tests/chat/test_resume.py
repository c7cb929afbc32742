"""A turn that is read in pieces: one turn, each tool once, and the text that is stored."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from attrs import define, evolve

from tests.chat.world import Talk, events, reply, talking, told, use
from tests.events.reading import Reader, last_id, parsed
from videovector_core.chat.turns import TURN, Turns
from videovector_core.work import Lease

QUERIES = ("cook", "harbour", "station")


def says(request: Any) -> Any:
    """Search three times, one after the other, and answer."""
    done = len(told(request))
    if done < 3:
        return reply(f"step {done}", use("text_search", query=QUERIES[done]))
    return reply("All three [rs1:1] [rs2:1] [rs3:1].")


@define
class Asking(Reader):
    """A reader that posts a body."""

    body: bytes = b""

    async def receive(self) -> dict[str, Any]:
        """Give the request once, and say when the reader is gone."""
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": self.body, "more_body": False}
        return await Reader.receive(self)


@contextlib.asynccontextmanager
async def open_stream(talk: Talk, path: str, body: Any = None, **headers: str) -> AsyncIterator[Asking]:
    """Open a stream straight on the application, and leave it at the end."""
    reader = Asking(body=json.dumps(body).encode() if body is not None else b"")
    full = f"/api/v2/chat/sessions/{talk.session}{path}"
    told_headers = {"x-api-key": talk.api.key, **headers, **({"content-type": "application/json"} if body else {})}
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": "POST" if body is not None else "GET",
        "scheme": "http",
        "path": full,
        "raw_path": full.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in told_headers.items()],
        "client": ("127.0.0.1", 1),
        "server": ("testserver", 80),
        "state": {},
    }
    task = asyncio.create_task(talk.api.app(scope, reader.receive, reader.send))
    task.add_done_callback(reader.over)
    try:
        yield reader
    finally:
        reader.leave()
        await task


async def test_two_hundred_cuts_of_a_finished_turn():
    """What came before a cut and what comes after it are the log: same turn, no gap, no repeat, and no further call."""
    async with talking(says) as talk:
        body = {"message": "all three", "idempotency_key": "k"}
        async with open_stream(talk, "/turns/stream", body) as reader:
            whole = await reader.end()
        log = parsed(whole)
        assert talk.player is not None
        calls = len(talk.player.requests)
        chance = random.Random(3)
        for _ in range(200):
            cut = chance.randrange(whole.index(b"\n\n") + 2, len(whole) + 1)
            before, place = parsed(whole[:cut]), last_id(whole[:cut])
            path, sent = (
                ("/turns/stream", body)
                if chance.random() < 0.5
                else (f"/turns/{log[0]['data']['turn_id']}/stream", None)
            )
            async with open_stream(talk, path, sent, **({"last-event-id": place} if place else {})) as reader:
                after = parsed(await reader.end())
            assert (after[0]["event"], after[-1]["event"]) == ("turn_resumed", "turn_completed")
            assert {one["data"]["turn_id"] for one in after} == {log[0]["data"]["turn_id"]}
            rest = [int(one["id"]) for one in after[1:]]
            if place:  # whoever saw the last event gets it again, as the end of this stream
                assert rest == list(range(min(int(place) + 1, len(log)), len(log) + 1))
                assert len(before) == int(place)
            assert after[-1]["data"]["turn"] == log[-1]["data"]["turn"]
        assert len(talk.player.requests) == calls


@pytest.mark.parametrize("seed", range(4))
async def test_readers_that_come_and_go_while_a_turn_is_under_way(seed):
    """Fifty readers cut at random moments: the model is asked as often as without them, each tool runs once."""
    chance = random.Random(seed)
    async with talking(says) as talk:
        player = talk.player
        assert player is not None
        player.pause = asyncio.Event()
        body = {"message": "all three", "idempotency_key": "k"}
        received: list[int] = []
        place: str | None = None
        turns = set()
        for n in range(50):
            headers = {"last-event-id": place} if place else {}
            async with open_stream(talk, "/turns/stream", body, **headers) as reader:
                if chance.random() < 0.3 or n > 40:
                    player.pause.set()
                for _ in range(chance.randrange(12)):
                    await asyncio.sleep(0)
                    if chance.random() < 0.2:
                        await asyncio.sleep(0.002)
                player.pause.clear()
            seen = [one for one in parsed(bytes(reader.received)) if one["event"] != "turn_resumed"]
            received += [int(one["id"]) for one in seen if not received or int(one["id"]) > received[-1]]
            turns |= {one["data"]["turn_id"] for one in seen}
            place = str(received[-1]) if received else None
        player.pause.set()
        async with open_stream(talk, "/turns/stream", body, **({"last-event-id": place} if place else {})) as reader:
            last = parsed(await reader.end())
        received += [int(one["id"]) for one in last[1:] if not received or int(one["id"]) > received[-1]]
        stored = (await talk.api.client.get(f"/chat/sessions/{talk.session}/turns")).json()["data"]
        assert received == list(range(1, received[-1] + 1))
        assert [one["turn_id"] for one in stored] == list(turns | {last[0]["data"]["turn_id"]})
        assert [call["arguments"]["query"] for call in stored[0]["tool_trace"]] == list(QUERIES)
        assert last[-1]["data"]["turn"] == stored[0]
        assert len(player.requests) == 4


async def test_a_place_that_is_none_is_refused():
    """A number that the turn has not come to, and what is no number, are 422; another turn's events are not there."""
    async with talking(says) as talk:
        turn = await talk.turn("all three")
        url = f"/chat/sessions/{talk.session}/turns/{turn['turn_id']}/stream"
        for place in ("99", "-1", "evt_1", "1e1", "²"):
            answer = await talk.api.client.get(url, headers={b"Last-Event-ID": place.encode("latin-1")})
            assert (answer.status_code, answer.json()["error"]["code"]) == (422, "validation_last_event_id"), place
        none = events((await talk.api.client.get(url, headers={"Last-Event-ID": ""})).text)
        assert [name for _, name, _ in none] == ["turn_resumed", "turn_completed"]
        other = (await talk.api.client.post("/chat/sessions", json={})).json()["session_id"]
        strange = await talk.api.client.get(url.replace(talk.session, other))
        assert (strange.status_code, strange.json()["error"]["code"]) == (404, "resource_turn_not_found")


class Died(BaseException):
    """The process is gone."""


@define
class Dying:
    """Transactions of a process that dies around the one with a number."""

    begin: Any
    number: int
    moment: str
    count: int = 0

    @contextlib.asynccontextmanager
    async def __call__(self) -> AsyncIterator[Any]:
        """Open a transaction, or die."""
        self.count += 1
        dies = self.count == self.number
        if dies and self.moment == "before":
            raise Died
        async with self.begin() as tx:
            yield tx
            if dies and self.moment == "within":
                raise Died
        if dies and self.moment == "after":
            raise Died


async def work(talk: Talk, turns: Turns, begin: Any) -> None:
    """Do what a worker does with the next turn that is to be answered."""
    async with talk.api.vv.begin() as tx:
        (item,) = await tx.work.claim({TURN: 1}, seconds=30)
    try:
        lease = Lease(item, begin, asyncio.get_running_loop().time() + 60)
        await evolve(turns, begin=begin).handle(item, lease)
    except Died:
        async with talk.api.vv.begin() as tx:
            await tx.work.retry(item, seconds=0, error="the worker was lost")
        raise


async def waiting(talk: Talk) -> int:
    """Count turns that are to be answered."""
    async with talk.api.vv.begin() as tx:
        return await tx.work.pending(TURN, prefix="")


async def test_a_worker_that_dies_at_any_transaction_is_followed_by_one_that_goes_on():
    """Whatever transaction a process dies before, in or after: one turn, each call once, and the text that is stored."""
    async with talking(says) as talk:
        turns: Any = talk.api.vv.kinds.pop(TURN).handle.__self__  # type: ignore[attr-defined]  # this test is the worker
        player, begin = talk.player, talk.api.vv.begin
        assert player is not None
        url = f"/chat/sessions/{talk.session}/turns"
        number, deaths = 0, 1
        while deaths:
            number, deaths = number + 1, 0
            for moment in ("before", "within", "after"):
                before = len(player.requests)
                asking = asyncio.create_task(talk.api.client.post(f"{url}/stream", json={"message": "all three"}))
                while not await waiting(talk):
                    await asyncio.sleep(0)
                with contextlib.suppress(Died):
                    await work(talk, turns, Dying(begin, number, moment))
                if await waiting(talk):
                    deaths += 1
                    await work(talk, turns, begin)
                log = events((await asking).text)
                turn = (await talk.api.client.get(f"{url}/{log[0][2]['turn_id']}")).json()["turn"]
                assert turn["status"] == "completed", (number, moment)
                assert [call["arguments"]["query"] for call in turn["tool_trace"]] == list(QUERIES)
                assert [one["id"] for one in turn["result_sets"]] == ["rs1", "rs2", "rs3"]
                assert [at for at, _, _ in log] == list(range(1, len(log) + 1))
                told_calls = [data["tool_call"]["tool_call_id"] for _, name, data in log if name == "tool_call_result"]
                assert told_calls == ["call_1", "call_2", "call_3"]
                assert log[-1][2]["turn"] == turn
                assert len(player.requests) - before <= 5
                assert turn["stats"]["model_calls"] == 4
        assert number > 12
