"""Turns: their results as hits of a search, their evidence with links that play, all as the rows have them now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve

from videovector_core.access.model import Caller
from videovector_core.chat.citations import result_of
from videovector_core.chat.forgetting import GONE, missing
from videovector_core.chat.model import Citation, ResultSet, Story
from videovector_core.search.model import Hit
from videovector_http.context import Context
from videovector_http.render.hits import hit as written
from videovector_http.render.reader import Reader, marked
from videovector_http.wire import chat as wire
from videovector_http.wire.convert import out


async def turns(context: Context, caller: Caller, stories: Sequence[Story]) -> list[wire.ChatTurn]:
    """Write turns as far as they have come."""
    hits = await context.vv.chat.hits(caller, stories)
    reader = await marked(context, caller, [("result", one) for one in hits])
    return [_turn(story, hits, reader) for story in stories]


async def results(context: Context, caller: Caller, story: Story) -> list[wire.ResultSet]:
    """Write the result sets of a story."""
    hits = await context.vv.chat.hits(caller, [story])
    reader = await marked(context, caller, [("result", one) for one in hits])
    return [_results(one, hits, reader) for one in story.sets]


def _turn(story: Story, hits: Mapping[str, Hit], reader: Reader) -> wire.ChatTurn:
    turn = story.turn
    answer = None
    if turn.content is not None and missing(story, hits):
        answer = wire.AssistantMessage(content=GONE, citations=[])
    elif turn.content is not None:
        cited = [_citation(one, hits, reader) for one in turn.citations]
        answer = wire.AssistantMessage(content=turn.content, citations=cited)
    return out(
        turn,
        wire.ChatTurn,
        user_message=wire.UserMessage(content=turn.message),
        assistant_message=answer,
        effective_scope=wire.ChatScope(index_ids=list(turn.index_ids), prompt_run_ids=list(turn.run_ids)),
        tool_trace=[out(call, wire.ToolCall) for call in story.calls],
        result_sets=[_results(one, hits, reader) for one in story.sets],
    )


def _results(one: ResultSet, hits: Mapping[str, Hit], reader: Reader) -> wire.ResultSet:
    return out(one, wire.ResultSet, items=[_item(item, hits, reader) for item in one.items])


def _item(item: Mapping[str, Any], hits: Mapping[str, Hit], reader: Reader) -> Any:
    """Write a hit or a row; of one whose media were deleted since, only that it was there: labels keep their place."""
    result_id = result_of(item)
    if "row" in item:
        gone = item.get("removed") or (result_id is not None and result_id not in hits)
        return {"removed": True} if gone else item["row"]
    hit = hits.get(result_id or "")
    if hit is None:
        return {"result_id": result_id, "result_type": item["result_type"], "removed": True}
    return written(evolve(hit, similarity=item["score"]), reader)


def _citation(one: Citation, hits: Mapping[str, Hit], reader: Reader) -> wire.Citation:
    hit = hits.get(one.result_id or "")
    if hit is None:
        return out(evolve(one, verified=False, video_name=None if one.result_id else one.video_name), wire.Citation)
    kind, owner = ("segment", one.segment_id) if one.segment_id else ("media", hit.item.video_id)
    return out(one, wire.Citation, segment_uri=reader.context.link(hit.item.user_id, kind, owner))
