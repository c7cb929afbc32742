"""What models found is kept: nothing is asked twice, only what changed is asked anew, and what was lost is made again."""

from __future__ import annotations

import asyncio
from typing import Any

from attrs import define, field

from tests.runs.test_outcomes import SCHEMA, Room, Scripted
from videovector_adapters import memory
from videovector_adapters.memory.models import PictureHashes, ToyPictures, ToyTranscriber, WordHashes, toy
from videovector_core.app import VideoVector
from videovector_core.models.bundle import Models
from videovector_core.runs.keeping import keep
from videovector_core.runs.model import Outcome, RunStatus
from videovector_core.runs.service import Target
from videovector_core.search.service import Where
from videovector_core.testing.storage import stream


@define
class Counting(ToyTranscriber):
    """A transcriber that counts."""

    calls: list[str] = field(factory=list)

    async def transcribe(self, audio, *, beat=None):
        self.calls.append(str(audio))
        return await super().transcribe(audio, beat=beat)


class Studio(Room):
    """A room whose every model counts, and whose decoder counts through the blobs that it writes."""

    def __init__(self):
        super().__init__(Scripted())
        self.ears = Counting()
        models = Models(
            self.model,
            self.model,
            WordHashes(),
            transcriber=self.ears,
            images=PictureHashes(),
            pictures=ToyPictures(),
        )
        self.vv = VideoVector(memory.ports(models=models))

    @property
    def kept(self) -> dict[str, bytes]:
        """The bytes of the blobs."""
        blobs: Any = self.vv.ports.blobs
        return dict(blobs.kept)

    def lose(self, *names: str) -> None:
        """Lose blobs as a disk would."""
        blobs: Any = self.vv.ports.blobs
        for name in names:
            del blobs.kept[name]


async def test_one_changed_description_asks_for_extraction_alone():
    """A word in the schema changes the question: every segment is extracted anew, and nothing else is done again."""
    async with Studio() as room:
        first = await room.ended(await room.run())
        asked, heard, kept = len(room.model.seen), len(room.ears.calls), set(room.kept)
        properties = {"headline": {"type": "string", "description": "In one line."}, "count": {"type": "integer"}}
        await room.vv.prompts.update(
            room.caller, room.prompt.prompt_id, json_schema={"type": "object", "properties": properties}
        )
        second = await room.ended(await room.run())
        assert len(room.model.seen) - asked == 3
        assert len(room.ears.calls) == heard == 1
        assert set(room.kept) == kept
        calls = await room.vv.runs.calls(room.caller, second.run.run_id)
        assert {call.purpose for call in calls} == {"metadata_extraction"}
        assert not second.counts.created_new_segments
        assert first.run.prompt.json_schema == SCHEMA
        assert (await room.vv.runs.get(room.caller, first.run.run_id)).run.prompt.json_schema == SCHEMA


async def test_bytes_that_are_gone_are_made_again():
    """A kept result that names lost frames or sound counts as missing: the next run decodes anew, and nothing fails."""
    async with Studio() as room:
        own = set(room.kept)
        await room.ended(await room.run())
        lost = set(room.kept) - own
        assert lost
        room.lose(*lost)
        text = {"prompt_text": "Describe the scene in other words."}
        await room.vv.prompts.update(room.caller, room.prompt.prompt_id, **text)
        # another process, which remembers nothing
        room.stop.set()
        await room.engine
        async with Restarted(room) as again:
            view = await again.ended(await again.run())
            assert view.run.status is RunStatus.COMPLETED
            assert [row.status for row in await again.rows(view.run.run_id)] == [Outcome.SUCCESSFUL] * 3
            assert lost <= set(again.kept)


async def test_a_lost_file_still_fails():
    """Where the media itself is gone there is nothing to decode: its segments fail once, and the run ends."""
    async with Studio() as room:
        room.lose(*room.kept)
        view = await room.ended(await room.run())
        assert view.run.status is RunStatus.FAILED


async def test_playground_media_run_like_any_other():
    """A run over media of no index freezes exactly those, ends, and is found in the playground."""
    async with Studio() as room:
        clip = toy(duration=20, cuts=[10], speech=[[1, 4, "a harbour at night"]])
        view = await room.vv.imports.upload(room.caller, stream(clip), file_name="p", index_id=None)
        begun = await room.vv.runs.execute(room.caller, prompt_id=room.prompt.prompt_id, target=Target("playground"))
        ended = await room.ended(begun.run.run_id)
        assert ended.run.status is RunStatus.COMPLETED
        assert ended.counts.total_media == 1
        assert ended.run.target == {"type": "playground", "is_playground": True}
        hits = await room.vv.search.text(room.caller, "harbour", Where(playground=True))
        assert hits[0].result.video_id == view.items[0].video_id


class Restarted(Room):
    """The same tables and bytes behind a new application."""

    def __init__(self, room):
        self.old = room
        self.model = room.model
        self.vv = VideoVector(room.vv.ports)

    @property
    def kept(self):
        return self.old.kept

    async def __aenter__(self):

        self.caller, self.index, self.video, self.prompt = (
            self.old.caller,
            self.old.index,
            self.old.video,
            self.old.prompt,
        )
        self.stop = asyncio.Event()
        self.engine = asyncio.create_task(self.vv.engine().run(self.stop))
        return self


async def test_nothing_is_kept_of_media_that_are_gone():
    """What was found in media that were purged meanwhile is not kept, and the bytes that only it stands on are named."""
    async with Studio() as room:
        user = room.caller.user_id
        async with room.vv.begin() as tx:
            assert await keep(tx, user, room.video, "a" * 64, sha256="1" * 64, value=1, blobs=("x",)) == []
            assert await tx.cache.get(user, "a" * 64) == 1
            assert await keep(tx, user, "vid_gone", "b" * 64, sha256="2" * 64, value=1, blobs=("x", "y")) == ["y"]
            assert await tx.cache.get(user, "b" * 64) is None
