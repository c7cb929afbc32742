"""Turns: asked once, answered once, told as they go."""

from __future__ import annotations

from tests.chat.world import events, names, searching, talking


async def test_a_question_is_answered_by_rules_where_there_is_no_model():
    """Without a chat model the evidence is listed, and the answer says what it is."""
    async with talking() as talk:
        turn = await talk.turn("a reporter outside a station entrance")
        print(turn)
        assert turn["status"] == "completed"
        assert "without a language model" in turn["assistant_message"]["content"]


async def test_stream():
    """x."""
    async with talking(searching()) as talk:
        answer = await talk.api.client.post(
            f"/chat/sessions/{talk.session}/turns/stream", json={"message": "a cook in a kitchen"}
        )
        assert answer.status_code == 200, answer.text
        found = events(answer.text)
        print(answer.text)
        assert names(found) == []
