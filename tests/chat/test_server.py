"""Chats on a real server: a model behind an endpoint, sync and async clients, and a power failure in between."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.chat.stub import QUERIES, SETTINGS, finished_run, script
from tests.chat.world import events, names
from tests.server import Server
from tests.stub_model import StubModel

pytestmark = [pytest.mark.real, pytest.mark.timeout(280)]


@pytest.fixture(scope="module")
def stub() -> Iterator[StubModel]:
    """The endpoint."""
    with StubModel(script=script) as one:
        yield one


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, stub: StubModel) -> Iterator[Server]:
    """A server whose models are at the endpoint."""
    settings = {"VIDEOVECTOR_OPENAI_BASE_URL": stub.url, **SETTINGS}
    one = Server(tmp_path_factory.mktemp("chat") / "data", settings).start(seconds=180)
    yield one
    assert one.stop() == 0, one.log.read_text()[-4000:]


@pytest.fixture(scope="module")
def run(served: Server) -> str:
    """A finished run over twelve seconds of sound in an index."""
    return finished_run(served)


def wellformed(turn: dict[str, Any], run_id: str) -> None:
    """Check a finished turn of the scripted model."""
    assert turn["status"] == "completed", turn
    assert [call["arguments"]["query"] for call in turn["tool_trace"]] == list(QUERIES)
    assert [(call["tool_call_id"], call["status"]) for call in turn["tool_trace"]] == [
        (f"call_{n}", "completed") for n in (1, 2, 3)
    ]
    assert [one["label"] for one in turn["assistant_message"]["citations"]] == ["rs1:1", "rs2:1", "rs3:1"]
    for cited in turn["assistant_message"]["citations"]:
        assert (cited["verified"], cited["run_id"]) == (True, run_id)
        assert 0 <= cited["start_time"] < cited["end_time"] <= 12
    assert turn["stats"]["removed_citations"] == 1
    assert "rs9" not in turn["assistant_message"]["content"]


def test_a_plain_client_asks_and_streams(served: Server, run: str) -> None:
    """Asked with and without a stream, the turn is the same, and its evidence plays without a credential."""
    with served.http() as http:
        session = http.post("/chat/sessions", json={}).json()["session_id"]
        body = {"message": "what is heard?", "scope": {"prompt_run_ids": [run]}, "idempotency_key": "k"}
        turn = http.post(f"/chat/sessions/{session}/turns", json=body).json()["turn"]
        wellformed(turn, run)
        assert turn["effective_scope"]["prompt_run_ids"] == [run]
        found = events(http.post(f"/chat/sessions/{session}/turns/stream", json=body).text)
        assert names(found) == ["turn_resumed", "turn_completed"]
        assert found[-1][2]["turn"]["assistant_message"]["content"] == turn["assistant_message"]["content"]
        played = httpx.get(turn["assistant_message"]["citations"][0]["segment_uri"], timeout=60)
        assert played.status_code == 200
        live = events(http.post(f"/chat/sessions/{session}/turns/stream", json={"message": "and then?"}).text)
        assert names(live).count("tool_call_result") == 3
        assert http.delete(f"/chat/sessions/{session}").status_code == 200


async def test_an_async_client_follows_a_turn_as_it_happens(served: Server, run: str, stub: StubModel) -> None:
    """Events come while the turn is under way, not at its end, and who leaves finds the answer later."""
    headers = {"X-API-Key": served.key}
    stub.latency = 0.2
    try:
        async with httpx.AsyncClient(base_url=f"{served.url}/api/v2", headers=headers, timeout=60) as http:
            session = (await http.post("/chat/sessions", json={})).json()["session_id"]
            url, body = f"/chat/sessions/{session}/turns", {"message": "what?", "idempotency_key": "k"}
            received = ""
            async with http.stream("POST", f"{url}/stream", json=body) as stream:
                async for text in stream.aiter_text():
                    received += text
                    if "tool_call_started" in received:
                        break
            assert "turn_completed" not in received
            wellformed((await http.post(url, json=body)).json()["turn"], run)
    finally:
        stub.latency = 0.0


@pytest.mark.parametrize("after", ["tool_call_started", "tool_call_result"])
def test_a_turn_survives_a_power_failure(served: Server, run: str, stub: StubModel, after: str) -> None:
    """Killed in the middle of a turn, the server goes on with it: same turn, each call once, one answer."""
    stub.latency = 0.3
    with served.http() as http:
        session = http.post("/chat/sessions", json={}).json()["session_id"]
        url, body = f"/chat/sessions/{session}/turns", {"message": "what is heard?", "idempotency_key": "k"}
        received = ""
        with http.stream("POST", f"{url}/stream", json=body) as stream:
            for text in stream.iter_text():
                received += text
                if received.count(f"event: {after}") == 2:
                    break
        served.kill()
    stub.latency = 0.0
    served.start(seconds=180)
    seen = events(received)
    with served.http() as http:
        place = {"Last-Event-ID": str(seen[-1][0])}
        rest = events(http.post(f"{url}/stream", json=body, headers=place).text)
        turn = http.post(url, json=body).json()["turn"]
    wellformed(turn, run)
    assert rest[0][1] == "turn_resumed"
    assert [at for at, _, _ in [*seen, *rest[1:]]] == list(range(1, rest[-1][0] + 1))
    assert {data["turn_id"] for _, _, data in [*seen, *rest]} == {turn["turn_id"]}
    told = [data["tool_call"]["tool_call_id"] for _, name, data in [*seen, *rest] if name == "tool_call_result"]
    assert told == ["call_1", "call_2", "call_3"]
    assert rest[-1][2]["turn"]["assistant_message"]["content"] == turn["assistant_message"]["content"]
