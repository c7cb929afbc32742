"""What deleted media leave in conversations: that something was there, and nothing of what it was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from tests.chat.world import Talk, reply, searching, talking, told, use
from videovector_core.chat.forgetting import GONE

WORDS = ("cook", "kitchen", "harbour", "fireworks", "reporter", "secret title")
QUESTION = "what is there?"


async def kept(talk: Talk) -> str:
    """Return all that the store has of the session's turns, in one text."""
    async with talk.api.vv.begin() as tx:
        turns = await tx.chat.turns(talk.session, limit=99)
        events = await tx.chat.events([one.turn_id for one in turns])
    return "".join(msgspec.json.encode(one).decode() for one in [*turns, *events])


async def shown(talk: Talk) -> list[dict[str, Any]]:
    """Return the session's turns as they are shown."""
    found = (await talk.api.client.get(f"/chat/sessions/{talk.session}/turns")).json()["data"]
    return [dict(one) for one in found]


async def deleted(talk: Talk) -> None:
    """Delete the clip, and wait until nothing of it is left."""
    answer = await talk.api.client.delete(f"/videos/{talk.video}")
    assert answer.status_code in {200, 202}, answer.text
    while True:
        async with talk.api.vv.begin() as tx:
            record = await tx.deletions.of(talk.api.user_id, "video", talk.video)
        if record is not None and record.completed_at is not None:
            return
        talk.api.vv.ports.clock.time.advance(3)  # type: ignore[attr-defined]  # the clock of the memory
        await asyncio.sleep(0.005)


def by_query(request: Any) -> Any:
    """Ask for values of a field, which belong to no single result, and write them into the answer."""
    if told(request):
        return reply(f"They are: {told(request)[0]}")
    return reply("", use("filter_search", conditions=[{"field": "headline", "operator": "is_not_empty"}]))


@pytest.mark.parametrize("says", [searching("A cook in a kitchen [rs1:1]."), by_query, None])
async def test_nothing_of_deleted_media_is_left_in_a_journal(says: Callable[[Any], Any] | None):
    """Neither what was found, nor what a model was told of it or wrote about it; labels keep their place."""
    async with talking(says, clip={"title": "secret title"}) as talk:
        before = await talk.turn(QUESTION)
        text = await kept(talk)
        assert [word for word in WORDS if word in text]
        await deleted(talk)
        text = await kept(talk)
        assert not [word for word in WORDS if word in text]
        (after,) = await shown(talk)
    assert after["assistant_message"] == {"content": GONE, "citations": []}
    assert after["user_message"] == before["user_message"]
    was, now = before["result_sets"], after["result_sets"]
    assert [len(one["items"]) for one in now] == [len(one["items"]) for one in was]
    assert all(
        item == {"result_id": item["result_id"], "result_type": "segment", "removed": True} for item in now[0]["items"]
    )


async def test_it_is_gone_for_readers_at_once():
    """As soon as the deletion is accepted, before anything was purged, no reader sees what came from the media."""
    async with talking(searching("A cook in a kitchen [rs1:1].")) as talk:
        turn = await talk.turn(QUESTION)
        talk.api.vv.kinds.pop("media.purge", None)  # type: ignore[attr-defined]  # nobody purges
        await talk.api.client.delete(f"/videos/{talk.video}")
        (after,) = await shown(talk)
        url = f"/chat/sessions/{talk.session}/turns/{turn['turn_id']}/stream"
        stream = (await talk.api.client.get(url, headers={"Last-Event-ID": "0"})).text
    assert after["assistant_message"] == {"content": GONE, "citations": []}
    assert not [word for word in WORDS if word in stream]


async def test_a_later_answer_that_was_written_with_it_in_view_goes_too():
    """A model that quotes an earlier answer without looking again leaves no copy; an answer from before stays."""

    def says(request: Any) -> Any:
        question = [one.text for one in request.messages if one.role == "user"][-1]
        if question == "before":
            return reply("Nothing was looked at.")
        if question == "again":
            return reply("As I said, a cook in a kitchen.")
        return reply("A cook in a kitchen [rs1:1].") if told(request) else reply("", use("text_search", query="cook"))

    async with talking(says) as talk:
        for question in ("before", "cook", "again"):
            await talk.turn(question)
        await deleted(talk)
        contents = [one["assistant_message"]["content"] for one in await shown(talk)]
        assert "kitchen" not in await kept(talk)
    assert contents == ["Nothing was looked at.", GONE, GONE]


async def test_media_that_go_while_a_turn_is_under_way_are_not_in_its_answer():
    """A turn that found media before they were deleted ends with the notice, and its journal holds nothing of them."""
    async with talking(searching("A cook in a kitchen [rs1:1].")) as talk:
        player = talk.player
        assert player is not None
        asking = asyncio.create_task(talk.turn("where is it?"))
        while not any(told(one) for one in player.requests):
            player.pause = asyncio.Event() if player.requests else None
            await asyncio.sleep(0)
        await deleted(talk)
        assert player.pause is not None
        player.pause.set()
        turn = await asking
        text = await kept(talk)
    assert turn["assistant_message"] == {"content": GONE, "citations": []}
    assert not [word for word in WORDS if word in text]
