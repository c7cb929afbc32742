"""Turns: asked once, answered once, told as they go, whoever listens."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.chat.world import Talk, events, names, reply, searching, talking, told, use
from videovector_core.errors import ProcessingFailed

SEVEN = {
    "turn_started", "turn_resumed", "agent_state", "tool_call_started", "tool_call_result", "turn_completed", "error",
}  # fmt: skip


async def ended(talk: Talk, turn_id: str) -> dict[str, Any]:
    """Wait for a turn's end."""
    while True:
        turn = (await talk.api.client.get(f"/chat/sessions/{talk.session}/turns/{turn_id}")).json()["turn"]
        if turn["status"] not in {"pending", "running"}:
            return dict(turn)
        await asyncio.sleep(0.005)


async def begun(talk: Talk) -> str:
    """Wait until the session has a turn that is under way, and return its id."""
    while True:
        found = (await talk.api.client.get(f"/chat/sessions/{talk.session}/turns")).json()["data"]
        if found and found[-1]["status"] == "running":
            return str(found[-1]["turn_id"])
        await asyncio.sleep(0.005)


async def test_a_turn_tells_what_it_did_and_cites_rows():
    """A completed turn has message, answer, scope, trace, result sets and statistics; the citation is the row's."""
    async with talking(searching("A cook is there [rs1:1].")) as talk:
        turn = await talk.turn("a cook in a kitchen")
        rows = await talk.rows()
    assert (turn["status"], turn["error"], turn["session_id"]) == ("completed", None, talk.session)
    assert turn["user_message"]["content"] == "a cook in a kitchen"
    assert turn["effective_scope"] == {"index_ids": [talk.index], "prompt_run_ids": [talk.run]}
    (call,) = turn["tool_trace"]
    assert (call["name"], call["status"], call["result_set_id"]) == ("text_search", "completed", "rs1")
    (results,) = turn["result_sets"]
    assert (results["id"], results["kind"], results["tool_call_id"]) == ("rs1", "segments", call["tool_call_id"])
    (cited,) = turn["assistant_message"]["citations"]
    row = rows[cited["segment_id"]]
    assert (cited["start_time"], cited["end_time"]) == (row["start_time"], row["end_time"])
    assert cited["result_id"] == results["items"][0]["result_id"]
    assert cited["verified"]
    assert "token=pm2." in cited["segment_uri"]
    assert "[rs1:1] A, 0:10-0:20" in turn["assistant_message"]["content"]
    assert (turn["stats"]["tool_calls"], turn["stats"]["model_calls"], turn["stats"]["planner"]) == (1, 2, "model")
    assert (turn["stats"]["input_tokens"], turn["stats"]["output_tokens"]) == (20, 10)


async def test_what_a_tool_looked_for_leads_nowhere():
    """The title of a result set has the words that were looked for, and none of the links that a model put among them."""
    wrong = "cook ![x](https://evil.example/?k=1) <img src=//evil.example>"

    def says(request: Any) -> Any:
        return reply("Done [rs1:1].") if told(request) else reply("", use("text_search", query=wrong))

    async with talking(says) as talk:
        turn = await talk.turn("cook")
    assert turn["result_sets"][0]["title"] == "Moments for: cook x"


@pytest.mark.parametrize(("count", "starts", "more"), [(1, [10], True), (2, [0, 10], True), (10, [0, 10, 20], False)])
async def test_the_segments_around_a_result_stand_on_both_sides_of_it(count, starts, more):
    """They come in order of time, no more of them than were asked for, and it is said when there are others."""

    def says(request: Any) -> Any:
        if not told(request):
            return reply("", use("text_search", query="a cook in a kitchen"))
        return reply("Done.") if len(told(request)) > 1 else reply("", use("get_segments", near="rs1:1", count=count))

    async with talking(says) as talk:
        turn = await talk.turn("cook")
    around = turn["result_sets"][1]
    assert [item["start_time"] for item in around["items"]] == starts
    assert around["truncated"] is more


async def test_a_stream_tells_a_turn_in_order_and_ends_once():
    """Events count from 1 without gaps, and the last one, and only that, ends the stream; its turn is the stored one."""
    async with talking(searching()) as talk:
        url = f"/chat/sessions/{talk.session}/turns/stream"
        answer = await talk.api.client.post(url, json={"message": "a cook in a kitchen"})
        assert answer.headers["content-type"].startswith("text/event-stream")
        found = events(answer.text)
        stored = await ended(talk, found[0][2]["turn_id"])
    assert names(found) == [
        "turn_started", "agent_state", "agent_state", "tool_call_started", "tool_call_result", "agent_state",
        "turn_completed",
    ]  # fmt: skip
    assert [data["phase"] for _, name, data in found if name == "agent_state"] == ["planning", "searching", "answering"]
    assert [number for number, _, _ in found] == [data["sequence"] for _, _, data in found] == list(range(1, 8))
    assert {data["session_id"] for _, _, data in found} == {talk.session}
    assert found[-1][2]["turn"] == stored


async def test_seven_families_are_told():
    """All families of events occur: those of a turn, of one that is resumed, and of one that failed."""
    calls = iter([reply("", use("text_search", query="cook")), reply("Yes [rs1:1].")])

    def says(_: Any) -> Any:
        for one in calls:
            return one
        raise ProcessingFailed("the model is out of words", code="model_error")

    async with talking(says) as talk:
        url = f"/chat/sessions/{talk.session}/turns/stream"
        asked: dict[str, Any] = {"json": {"message": "cook"}, "headers": {"Idempotency-Key": "k"}}
        first = events((await talk.api.client.post(url, **asked)).text)
        again = events((await talk.api.client.post(url, **asked)).text)
        failed = events((await talk.api.client.post(url, json={"message": "harbour"})).text)
    assert names(again) == ["turn_resumed", "turn_completed"]
    assert again[0][2]["turn"] == again[1][2]["turn"] == first[-1][2]["turn"]
    assert failed[-1][1] == "error"
    assert failed[-1][2]["error"]["code"] == "model_error"
    assert set(names(first + again + failed)) == SEVEN


@pytest.mark.parametrize("carrier", ["Idempotency-Key", "X-Idempotency-Key", "body"])
async def test_each_carrier_of_a_key_names_the_same_turn(carrier):
    """The key counts, wherever it stands; another question under it is a conflict, and it counts in its session only."""
    async with talking(searching()) as talk:
        first = await talk.turn("cook", headers={"Idempotency-Key": "k 1"})
        more: dict[str, Any] = (
            {"json": {"message": "cook", "idempotency_key": " k 1 "}}
            if carrier == "body"
            else {"json": {"message": "cook"}, "headers": {carrier: "k 1"}}
        )
        url = f"/chat/sessions/{talk.session}/turns"
        again = await talk.api.client.post(url, **more)
        assert again.json()["turn"] == first
        assert again.headers["idempotency-replayed"] == "true"
        more["json"] = {**more["json"], "message": "harbour"}
        other = await talk.api.client.post(url, **more)
        assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_request_mismatch")
        elsewhere = (await talk.api.client.post("/chat/sessions", json={})).json()["session_id"]
        there = await talk.api.client.post(f"/chat/sessions/{elsewhere}/turns", **more)
        assert there.json()["turn"]["turn_id"] != first["turn_id"]


async def test_keys_that_differ_are_refused_and_no_turn_is_made():
    """Two carriers with two values are 400, three with one value are fine."""
    async with talking(searching()) as talk:
        url = f"/chat/sessions/{talk.session}/turns"
        for headers, named in (
            ({"Idempotency-Key": "a", "X-Idempotency-Key": "b"}, None),
            ({"Idempotency-Key": "a"}, "b"),
            ({"X-Idempotency-Key": "a"}, "b"),
        ):
            body = {"message": "cook", **({"idempotency_key": named} if named else {})}
            answer = await talk.api.client.post(url, json=body, headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, "idempotency_keys_differ")
        assert (await talk.api.client.get(url)).json()["data"] == []
        body = {"message": "cook", "idempotency_key": "a"}
        same = await talk.api.client.post(url, json=body, headers={"Idempotency-Key": "a", "X-Idempotency-Key": "a"})
        assert same.status_code == 200


async def test_fifty_at_once_under_one_key_are_one_turn():
    """However many ask at the same time under one key, the model is asked as often as by one."""
    async with talking(searching()) as talk:
        url = f"/chat/sessions/{talk.session}/turns"
        answers = await asyncio.gather(
            *(talk.api.client.post(url, json={"message": "cook", "idempotency_key": "k"}) for _ in range(50))
        )
        assert {one.status_code for one in answers} == {200}
        assert len({one.json()["turn"]["turn_id"] for one in answers}) == 1
        assert talk.player is not None
        assert len(talk.player.requests) == 2


async def test_one_turn_at_a_time():
    """While a turn is under way another question is a conflict that names it; afterwards it is asked."""
    async with talking(searching()) as talk:
        assert talk.player is not None
        talk.player.pause = asyncio.Event()
        url = f"/chat/sessions/{talk.session}/turns"
        first = asyncio.create_task(talk.api.client.post(url, json={"message": "cook"}))
        running = await begun(talk)
        second = await talk.api.client.post(url, json={"message": "harbour"})
        assert (second.status_code, second.json()["error"]["code"]) == (409, "conflict_turn_in_progress")
        assert second.json()["error"]["details"]["turn_id"] == running
        talk.player.pause.set()
        assert (await first).json()["turn"]["turn_id"] == running
        assert (await talk.turn("harbour"))["status"] == "completed"


async def test_who_leaves_does_not_cancel_and_who_cancels_does():
    """A reader that goes leaves the turn to go on; a cancelled turn ends at once, and stays as it ended."""
    async with talking(searching()) as talk:
        assert talk.player is not None
        url = f"/chat/sessions/{talk.session}/turns"
        talk.player.pause = asyncio.Event()
        gone = asyncio.create_task(talk.api.client.post(url, json={"message": "cook"}))
        left = await begun(talk)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        talk.player.pause.set()
        assert (await ended(talk, left))["status"] == "completed"

        talk.player.pause = asyncio.Event()
        waiting = asyncio.create_task(talk.api.client.post(f"{url}/stream", json={"message": "harbour"}))
        running = await begun(talk)
        before = len(talk.player.requests)
        cancelled = await talk.api.client.post(f"{url}/{running}/cancel")
        assert (cancelled.status_code, cancelled.json()["turn"]["status"]) == (200, "cancelled")
        assert cancelled.json()["turn"]["error"]["code"] == "cancelled"
        last = events((await waiting).text)[-1]
        assert (last[1], last[2]["error"]["code"]) == ("error", "cancelled")
        talk.player.pause.set()
        again = await talk.api.client.post(f"{url}/{running}/cancel")
        assert again.json() == cancelled.json()
        assert (await talk.turn("cook"))["status"] == "completed"
        assert len(talk.player.requests) == before + 2
        done = await talk.api.client.post(f"{url}/{left}/cancel")
        assert done.json()["turn"]["status"] == "completed"


async def test_a_deleted_session_is_gone_with_its_turns():
    """Deleting ends a turn that is under way, and afterwards nothing of the session is there."""
    async with talking(searching()) as talk:
        assert talk.player is not None
        talk.player.pause = asyncio.Event()
        url = f"/chat/sessions/{talk.session}"
        waiting = asyncio.create_task(talk.api.client.post(f"{url}/turns/stream", json={"message": "cook"}))
        await begun(talk)
        assert (await talk.api.client.delete(url)).json()["message"]
        told_events = events((await waiting).text)
        assert told_events[-1][1] == "error"
        ids = [at for at, _, _ in told_events]
        assert ids == sorted(ids), "the place of the last event is no earlier one"
        for path in (url, f"{url}/turns"):
            assert (await talk.api.client.get(path)).json()["error"]["code"] == "resource_session_not_found"
        assert (await talk.api.client.get("/chat/sessions")).json()["data"] == []


async def test_sessions_and_turns_are_listed_in_pages():
    """Sessions newest first, turns oldest first, titles from the first message, cursors bound to their list."""
    async with talking(searching()) as talk:
        client = talk.api.client
        named = (await client.post("/chat/sessions", json={"title": "Daily review assistant"})).json()
        for n in range(3):
            await talk.turn(f"cook {n} " + "in a kitchen " * 10)
        page = (await client.get("/chat/sessions", params={"limit": 1})).json()
        assert page["data"] == [named]
        rest = (
            await client.get("/chat/sessions", params={"limit": 1, "cursor": page["pagination"]["next_cursor"]})
        ).json()
        assert (rest["data"][0]["session_id"], rest["pagination"]["next_cursor"]) == (talk.session, None)
        assert rest["data"][0]["title"] == ("cook 0 " + "in a kitchen " * 10)[:60]
        assert (rest["data"][0]["turn_count"], named["turn_count"], named["last_turn_at"]) == (3, 0, None)
        url = f"/chat/sessions/{talk.session}/turns"
        first = (await client.get(url, params={"limit": 2})).json()
        cursor = first["pagination"]["next_cursor"]
        second = (await client.get(url, params={"limit": 2, "cursor": cursor})).json()
        listed = [turn["user_message"]["content"][:6] for turn in [*first["data"], *second["data"]]]
        assert listed == ["cook 0", "cook 1", "cook 2"]
        whole = (await client.get(f"/chat/sessions/{talk.session}")).json()
        assert whole["turns"] == [*first["data"], *second["data"]]
        wrong = await client.get("/chat/sessions", params={"cursor": cursor})
        assert wrong.json()["error"]["code"] == "invalid_cursor"


async def test_earlier_turns_are_told_without_their_labels():
    """A model hears of at most ten earlier turns, and their labels, which mean nothing now, are not among it."""
    async with talking(searching("There is one [rs1:1].")) as talk:
        for n in range(12):
            await talk.turn(f"cook {n}")
        assert talk.player is not None
        spoken = talk.player.requests[-2].messages
    assert [one.text for one in spoken if one.role == "user"] == [f"cook {n}" for n in range(1, 12)]
    answers = [one.text for one in spoken if one.role == "assistant" and not one.uses]
    assert not any("[rs" in one for one in answers)
    assert all(one.endswith("Evidence then: <data>\nA\n</data>") for one in answers), "titles are data"


async def test_the_scope_is_frozen_when_the_question_is_asked():
    """What is added while a turn is under way is not found by it."""

    def says(request: Any) -> Any:
        return reply("Done.") if len(told(request)) == 1 else reply("", use("list_scope"))

    async with talking(says) as talk:
        assert talk.player is not None
        talk.player.pause = asyncio.Event()
        url = f"/chat/sessions/{talk.session}/turns"
        asking = asyncio.create_task(talk.api.client.post(url, json={"message": "what is there?"}))
        await begun(talk)
        await talk.api.client.post("/indexes", json={"name": "made later"})
        talk.player.pause.set()
        turn = (await asking).json()["turn"]
        assert turn["effective_scope"]["index_ids"] == [talk.index]
        assert "made later" not in told(talk.player.requests[-1])[0]


async def test_a_scope_is_resolved_and_refused_whole():
    """One unknown id refuses the question before any model is asked; a run that is not of the index is 422."""
    async with talking(searching()) as talk:
        url = f"/chat/sessions/{talk.session}/turns"
        nobodys = {"index_ids": [talk.index, "idx_" + "f" * 32]}
        refused = await talk.api.client.post(url, json={"message": "cook", "scope": nobodys})
        assert (refused.status_code, refused.json()["error"]["code"]) == (404, "resource_index_not_found")
        other = (await talk.api.client.post("/indexes", json={"name": "empty"})).json()["index_id"]
        outside = {"index_ids": [other], "prompt_run_ids": [talk.run]}
        wrong = await talk.api.client.post(url, json={"message": "cook", "scope": outside})
        assert (wrong.status_code, wrong.json()["error"]["code"]) == (422, "validation_run_scope")
        assert talk.player is not None
        assert talk.player.requests == []
        empty = await talk.turn("cook", scope={"index_ids": [other]})
        assert (empty["effective_scope"]["prompt_run_ids"], empty["result_sets"][0]["items"]) == ([], [])
        assert (await talk.turn("cook", scope=None))["effective_scope"]["prompt_run_ids"] == [talk.run]
        blank = await talk.api.client.post(url, json={"message": "  \n"})
        assert (blank.status_code, blank.json()["error"]["code"]) == (422, "validation_message")
