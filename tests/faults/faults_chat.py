"""Turns of a chat on a server that is killed while they are under way."""

from __future__ import annotations

import atexit
import random
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from tests.chat.stub import QUERIES, SETTINGS, finished_run, script
from tests.chat.world import events
from tests.faults.processes import below, hit
from tests.server import Server
from tests.stub_model import StubModel

PROMISE = "a turn survives kills of server and worker: same turn, each tool once, the streamed text is the stored one"
TURNS = 10
_plant: list[Any] = []


async def trial(seed: int) -> str | None:
    """Ask some questions, kill something during each, and compare; return what went wrong, or nothing."""
    chance = random.Random(seed)
    server, stub = _running()
    try:
        for _ in range(TURNS):
            wrong = _turn(server, stub, chance)
            if wrong:
                return wrong
    except BaseException:
        _plant.clear()  # the next trial begins with a server of its own
        raise
    return None


def _turn(server: Server, stub: StubModel, chance: random.Random) -> str | None:
    stub.latency = chance.uniform(0.05, 0.3)
    seen: list[Any] = []
    with server.http() as http:
        session = http.post("/chat/sessions", json={}).json()["session_id"]
    url, body = f"/chat/sessions/{session}/turns", {"message": "what is heard?", "idempotency_key": "k"}
    for _ in range(chance.randint(1, 3)):
        seen += _until_cut(server, url, body, seen, chance)
        _kill(server, chance)
    stub.latency = 0.0
    seen += _followed(server, url, body, seen)
    with server.http() as http:
        turn = http.post(url, json=body).json()["turn"]
        count = len(http.get(url).json()["data"])
    return _wrong(turn, seen, count)


def _wrong(turn: dict[str, Any], seen: list[Any], count: int) -> str | None:
    numbers = [at for at, name, _ in seen if name != "turn_resumed"]
    if numbers != list(range(1, len(numbers) + 1)):
        return f"events {numbers}"
    if count != 1 or {data["turn_id"] for _, _, data in seen} != {turn["turn_id"]}:
        return "more than one turn"
    calls = [call["arguments"].get("query") for call in turn["tool_trace"]]
    if turn["status"] != "completed" or calls != list(QUERIES):
        return f"{turn['status']} after {calls}: {turn['error']}"
    told = [data["tool_call"]["tool_call_id"] for _, name, data in seen if name == "tool_call_result"]
    if told != [f"call_{n}" for n in range(1, 4)]:
        return f"tools told: {told}"
    if seen[-1][2]["turn"]["assistant_message"]["content"] != turn["assistant_message"]["content"]:
        return "the text that was streamed is not the one that is stored"
    if not all(one["verified"] for one in turn["assistant_message"]["citations"]):
        return "a citation is not verified"
    return None


def _until_cut(server: Server, url: str, body: Any, seen: list[Any], chance: random.Random) -> list[Any]:
    received, most = "", chance.randint(1, 4)
    headers = {"Last-Event-ID": str(seen[-1][0])} if seen else {}
    try:
        with server.http() as http, http.stream("POST", f"{url}/stream", json=body, headers=headers) as stream:
            for text in stream.iter_text():
                received += text
                if received.count("event: ") >= most:
                    break
    except httpx.HTTPError:
        pass  # what came is what counts
    return _new(events(received), seen)


def _followed(server: Server, url: str, body: Any, seen: list[Any]) -> list[Any]:
    headers = {"Last-Event-ID": str(seen[-1][0])} if seen else {}
    with server.http() as http:
        return _new(events(http.post(f"{url}/stream", json=body, headers=headers).text), seen)


def _new(found: list[Any], seen: list[Any]) -> list[Any]:
    """Leave out what tells where a stream was resumed, and an end that was seen before."""
    last = seen[-1][0] if seen else 0
    return [one for one in found if one[1] != "turn_resumed" and one[0] > last]


def _kill(server: Server, chance: random.Random) -> None:
    assert server.process is not None
    if chance.random() < 0.5:
        server.kill()
        time.sleep(chance.random())
        server.start(seconds=180)
    else:
        hit(below(server.process.pid, "worker", "--child"))


def _running() -> tuple[Server, StubModel]:
    """Return the server of this series, with a finished run; it is started once."""
    if not _plant:
        stub = StubModel(script=script).__enter__()
        settings = {"VIDEOVECTOR_OPENAI_BASE_URL": stub.url, **SETTINGS}
        server = Server(Path(tempfile.mkdtemp(prefix="videovector-chat-")) / "data", settings).start(seconds=180)
        atexit.register(_end, server, stub)
        finished_run(server)
        _plant.extend([server, stub])
    return _plant[0], _plant[1]


def _end(server: Server, stub: StubModel) -> None:
    server.stop()
    stub.__exit__()
    shutil.rmtree(server.data_dir.parent, ignore_errors=True)
