"""What deleted media leave in conversations: that something was there, and nothing of what it was.

A turn rests on media when one of its results is of them; when a query computed over them, since its rows belong to no
single result; or when a model wrote its answer with such a turn in view. Its journal and its answer are rewritten when
the media are purged. Until then whoever shows a turn compares it with the rows that are there (`missing`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from attrs import evolve, frozen

from videovector_core.chat.citations import result_of
from videovector_core.chat.deciding import EARLIER
from videovector_core.chat.model import Story, Turn, TurnEvent
from videovector_core.chat.ports import ChatTx
from videovector_core.chat.telling import stories
from videovector_core.media.model import MediaItem
from videovector_core.ports import Begin

GONE: Final = "Media that this answer rests on were deleted. Ask again for what the rest has to say."
_PAGE: Final = 20


def missing(story: Story, there: Collection[str]) -> frozenset[str]:
    """Return the media of results that have no row any more; `there` are the ids of the results that do."""
    return frozenset(media_of(item) or "" for item in story.items if (one := result_of(item)) and one not in there)


def media_of(item: Mapping[str, Any]) -> str | None:
    """Return the media item behind an item of a result set; none when it was computed over many."""
    source = item.get("context") if "row" in item else item
    return str(source["video_id"]) if source else None


@frozen
class Gone:
    """Media that are deleted, and the runs that they were in."""

    video_ids: frozenset[str]
    run_ids: frozenset[str] = frozenset()

    def under(self, story: Story) -> bool:
        """Say whether a turn found the media, or computed over them."""
        found = (media_of(item) for item in story.items)
        return any(one in self.video_ids or (one is None and self._reached(story.turn)) for one in found)

    def rewritten(self, turn: Turn, event: TurnEvent) -> TurnEvent:
        """Take out of an entry of a turn's journal what came from the media, and what was said with them in view."""
        data, memo = dict(event.data), dict(event.memo) if event.memo is not None else None
        modelled = turn.stats.planner == "model"
        if "tool_call" in data:
            bare: dict[str, Any] = {"summary": None, "error": None, **({"arguments": {}} if modelled else {})}
            data["tool_call"] = {**data["tool_call"], **bare}
        if data.get("result_set"):
            items = [self._emptied(turn, item) for item in data["result_set"]["items"]]
            data["result_set"] = {**data["result_set"], "title": "Removed with its media", "items": items}
        if memo is not None and "told" in memo:
            memo["told"] = ""
        if memo is not None and "step" in memo:
            uses = [{**use, "arguments": "{}"} if modelled else use for use in memo["step"]["uses"]]
            memo["step"] = {**memo["step"], "text": "", "uses": uses}
        return evolve(event, data=data, memo=memo)

    def _reached(self, turn: Turn) -> bool:
        return not self.run_ids.isdisjoint(turn.run_ids)

    def _emptied(self, turn: Turn, item: dict[str, Any]) -> dict[str, Any]:
        of = media_of(item)
        if of not in self.video_ids and not (of is None and self._reached(turn)):
            return item
        if "row" in item:
            return {**item, "row": {}, "removed": True}
        return {**item, "video_name": None, "start_time": None, "end_time": None, "text": "", "removed": True}


async def forget(tx: ChatTx, turn: Turn, events: Sequence[TurnEvent], gone: Gone) -> None:
    """Rewrite a turn that is locked, and its journal."""
    for event in events:
        if (instead := gone.rewritten(turn, event)) != event:
            await tx.chat.rewrite(instead)
    if turn.content is not None:
        await tx.chat.save_turn(evolve(turn, content=GONE, citations=[]))


@frozen
class Forgetting:
    """Purges media from the conversations of their tenant."""

    begin: Begin[ChatTx]

    async def media(self, user_id: str, items: Sequence[MediaItem]) -> None:
        """Take media that are deleted out of every turn that rests on them; a second time changes nothing."""
        ids = [item.video_id for item in items]
        async with self.begin() as tx:
            runs = await tx.runs.of_media(user_id, ids)
            sessions = await tx.chat.within(user_id, sorted({item.index_id for item in items if item.index_id}))
        gone = Gone(frozenset(ids), frozenset(one.run_id for one in runs))
        for session_id in sessions:
            await self._session(user_id, session_id, gone)

    async def _session(self, user_id: str, session_id: str, gone: Gone) -> None:
        place, last = 0, -EARLIER
        while True:
            async with self.begin() as tx:
                if await tx.chat.session(user_id, session_id, lock=True) is None:
                    return
                turns = await tx.chat.turns(session_id, limit=_PAGE, after=(place,))
                for story in await stories(tx, turns):
                    turn = story.turn
                    told = turn.stats.planner == "model" and turn.ordinal - last <= EARLIER
                    if told or gone.under(story):
                        last = turn.ordinal
                        await self._turn(tx, turn, gone)
            if len(turns) < _PAGE:
                return
            place = turns[-1].ordinal

    async def _turn(self, tx: ChatTx, turn: Turn, gone: Gone) -> None:
        current = await tx.chat.turn(turn.user_id, turn.turn_id, lock=True)
        if current is not None:
            await forget(tx, current, await tx.chat.events([turn.turn_id]), gone)
