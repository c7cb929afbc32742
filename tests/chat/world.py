"""A conversation over clips whose fields a test writes, and a chat model that a test plays."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, TypeAlias

from attrs import define, evolve, field

from tests.http.api import Api, serving
from tests.search.world import Scripted, clip, index, models, prompt, ran
from videovector_core.models.ports import ChatReply, ChatRequest, ToolUse, Usage

DOCUMENTS: dict[int, dict[str, Any]] = {
    0: {"headline": "a reporter outside a station entrance", "rating": 4.5, "indoor": False, "count": 2},
    10: {"headline": "a cook in a kitchen", "rating": 3.0, "indoor": True, "count": 1},
    20: {"headline": "fireworks over the harbour", "rating": 5.0, "indoor": False, "count": 7},
}
Said: TypeAlias = Callable[[ChatRequest], ChatReply]


def use(name: str, /, **arguments: Any) -> ToolUse:
    """Make a use of a tool."""
    return ToolUse("x", name, json.dumps(arguments))


def reply(text: str = "", *uses: ToolUse) -> ChatReply:
    """Make a reply of a model."""
    return ChatReply(text, uses, Usage(10, 5))


def told(request: ChatRequest) -> list[str]:
    """Return what the tools of this turn told, in order."""
    return [message.text for message in request.messages if message.role == "tool"]


def asked(request: ChatRequest) -> str:
    """Return the question of this turn."""
    return [message.text for message in request.messages if message.role == "user"][-1]


@define
class Player:
    """`ChatModel` that says what a test makes it say, and writes down what it was asked."""

    says: Said
    requests: list[ChatRequest] = field(factory=list)
    model: str = "played"
    pause: asyncio.Event | None = None

    async def reply(self, request: ChatRequest) -> ChatReply:
        """Say it."""
        self.requests.append(request)
        if self.pause is not None:
            await self.pause.wait()
        return self.says(request)


def searching(answer: str = "It is there [rs1:1].") -> Said:
    """Make a model that searches once for the question and then answers."""
    return lambda request: reply(answer) if told(request) else reply("", use("text_search", query=asked(request)))


@define
class Talk:
    """A session over an index with a finished run."""

    api: Api
    session: str
    index: str
    run: str
    video: str
    player: Player | None = None

    async def turn(self, message: str, *, headers: Mapping[str, str] | None = None, **more: Any) -> dict[str, Any]:
        """Ask, and return the turn."""
        answer = await self.api.client.post(
            f"/chat/sessions/{self.session}/turns", json={"message": message, **more}, headers=headers
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json()["turn"])

    async def rows(self) -> dict[str, dict[str, Any]]:
        """Return the segments of the video by id, as the run has them."""
        found = (await self.api.client.get(f"/videos/{self.video}/segments", params={"run_id": self.run})).json()
        return {row["segment_id"]: row for row in found["data"]}


@contextlib.asynccontextmanager
async def talking(
    says: Said | None = None, *, documents: Mapping[int, dict[str, Any]] | None = None, **about: Any
) -> AsyncIterator[Talk]:
    """Serve an application with one clip of three segments, and open a session; `says` plays the chat model."""
    player = Player(says) if says is not None else None
    instead = evolve(models(Scripted(dict(documents or DOCUMENTS))), chat=player)
    clip_about, heard = about.pop("clip", {}), about.pop("transcribe", False)
    async with serving(models=instead, **about) as api:
        home = await index(api)
        video = await clip(api, index_id=home, **clip_about)
        run = await ran(api, await prompt(api), {"type": "index", "index_id": home}, enable_transcription=heard)
        session = (await api.client.post("/chat/sessions", json={})).json()["session_id"]
        yield Talk(api, session, home, run, video, player)


def events(text: str) -> list[tuple[int, str, dict[str, Any]]]:
    """Read the frames of a stream: id, name and data."""
    found = []
    for frame in text.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in frame.split("\n") if ": " in line)
        if "event" in lines:
            found.append((int(lines["id"]), lines["event"], json.loads(lines["data"])))
    return found


def names(found: Sequence[tuple[int, str, dict[str, Any]]]) -> list[str]:
    """Return the names of events."""
    return [name for _, name, _ in found]
