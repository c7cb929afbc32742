"""The use cases of media: bringing files in, and looking at them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from pathlib import Path
from typing import Protocol

from attrs import frozen

from videovector_core.access.model import Caller, Scope
from videovector_core.errors import Invalid, NotFound, Unavailable
from videovector_core.events.model import NewEvent
from videovector_core.events.ports import EventsTx
from videovector_core.indexes.ports import IndexesTx
from videovector_core.indexes.service import find_index, find_own_index
from videovector_core.media.derived import Decoder
from videovector_core.media.model import MediaItem, title_of
from videovector_core.media.ports import MediaTx
from videovector_core.page import After, Page
from videovector_core.ports import Begin, Blob, Blobs, Clock, Ids
from videovector_core.segments.model import Segment
from videovector_core.segments.ports import SegmentsTx
from videovector_core.signals import Probe
from videovector_core.usage import STORAGE, UPLOADS, Count, UsageTx


class MediaUseTx(UsageTx, MediaTx, SegmentsTx, EventsTx, IndexesTx, Protocol):
    """The slice of a transaction that media use cases touch."""


@frozen
class Media:
    """Take media in, list and retrieve them, and show pictures of them."""

    begin: Begin[MediaUseTx]
    clock: Clock
    ids: Ids
    blobs: Blobs
    decoder: Decoder

    async def take_in(
        self,
        caller: Caller,
        chunks: AsyncIterable[bytes],
        *,
        file_name: str,
        title: str | None = None,
        index_id: str | None = None,
        source_uri: str | None = None,
    ) -> MediaItem:
        """Store a file, find out what it is, and return the item that it would be; nothing is kept in the tables yet.

        Raises:
            Invalid: it is no supported media (nothing stays stored).
            NotFound: there is no such index.
        """
        caller.require(Scope.WRITE)
        if title is not None and not 1 <= len(title.strip()) <= 255:
            raise Invalid("A title has 1 to 255 characters; give another one.", code="validation_title")
        if index_id is not None:
            async with self.begin() as tx:
                await find_own_index(tx, caller, index_id)
        blob = await self.blobs.put(chunks)
        try:
            probe = await self._probed(blob)
        except BaseException:
            await self.discard(blob.sha256)
            raise
        return MediaItem(
            video_id=self.ids.new("video"),
            user_id=caller.user_id,
            title=title or title_of(file_name),
            media_type=probe.media_type,
            sha256=blob.sha256,
            size=blob.size,
            file_name=file_name[-255:],
            mime_type=probe.mime_type,
            duration=probe.duration,
            created_at=self.clock.now(),
            index_id=index_id,
            width=probe.width,
            height=probe.height,
            frame_rate=probe.frame_rate,
            has_audio=probe.has_audio,
            source_uri=source_uri,
        )

    async def get(self, caller: Caller, video_id: str) -> MediaItem:
        """Return one of the caller's media items."""
        caller.require(Scope.READ)
        async with self.begin() as tx:
            return await find_media(tx, caller, video_id)

    async def many(self, caller: Caller, video_ids: Sequence[str]) -> list[MediaItem]:
        """Return those of the caller's items that exist; unknown and foreign ids are left out."""
        caller.require(Scope.READ)
        async with self.begin() as tx:
            return await tx.media.many(caller.user_id, list(dict.fromkeys(video_ids)))

    async def page(self, caller: Caller, index_id: str | None, *, limit: int, after: After | None) -> Page[MediaItem]:
        """List an index, or the playground, newest first."""
        caller.require(Scope.READ)
        async with self.begin() as tx:
            owner = (await find_index(tx, caller, index_id)).user_id if index_id is not None else caller.user_id
            rows = await tx.media.page(owner, index_id, limit=limit + 1, after=after)
        return Page.cut(rows, limit, lambda item: (item.created_at.isoformat(), item.video_id))

    async def segment(self, caller: Caller, segment_id: str) -> tuple[Segment, MediaItem]:
        """Return a segment with its media item."""
        caller.require(Scope.READ)
        async with self.begin() as tx:
            return await find_segment(tx, caller, segment_id)

    async def thumbnail(self, caller: Caller, segment_id: str) -> bytes:
        """Return a JPEG of the middle of a segment."""
        segment, item = await self.segment(caller, segment_id)
        return await self.decoder.thumbnail(item.sha256, (segment.start + segment.end) / 2)

    async def gif(self, caller: Caller, video_id: str) -> bytes:
        """Return a GIF of the beginning of an item."""
        item = await self.get(caller, video_id)
        return await self.decoder.gif(item.sha256, 0.0, min(3.0, item.duration))

    async def segment_gif(self, caller: Caller, segment_id: str) -> bytes:
        """Return a GIF of a segment."""
        segment, item = await self.segment(caller, segment_id)
        return await self.decoder.gif(item.sha256, segment.start, segment.end)

    @contextlib.asynccontextmanager
    async def clip(self, caller: Caller, segment_id: str) -> AsyncIterator[Path]:
        """Hold a segment of sound or a film as a file of its own while the block lasts."""
        segment, item = await self.segment(caller, segment_id)
        async with self.decoder.clip(item.sha256, segment.start, segment.end) as path:
            yield path

    async def poster(self, caller: Caller, video_id: str) -> bytes:
        """Return a JPEG of the first tenth of an item, where there is mostly more to see than at its start."""
        item = await self.get(caller, video_id)
        return await self.decoder.thumbnail(item.sha256, item.duration / 10)

    async def frame(self, caller: Caller, video_id: str, second: float) -> bytes:
        """Return a JPEG of what an item shows at a second."""
        item = await self.get(caller, video_id)
        return await self.decoder.thumbnail(item.sha256, second)

    async def _probed(self, blob: Blob) -> Probe:
        if not blob.size:
            raise Invalid("The file is empty; upload one that holds media.", code="validation_empty_file")
        return await self.decoder.probe(blob.sha256)

    async def discard(self, sha256: str) -> None:
        """Remove bytes that no item stands on."""
        async with self.begin() as tx:
            await tx.media.hold(sha256)
            if not await tx.media.refers(sha256):
                await self.blobs.delete(sha256)

    async def keep(self, tx: MediaUseTx, item: MediaItem) -> None:
        """Keep an item that was taken in, with its event.

        Raises:
            Unavailable: another item with the same bytes was removed meanwhile, and took them along.
        """
        await tx.media.hold(item.sha256)
        if not await self.blobs.has(item.sha256):
            raise Unavailable("The same file was being deleted while it came in; send it again.", retry_after=1)
        await tx.media.add(item)
        await tx.usage.count(item.user_id, [Count(UPLOADS), Count(STORAGE, item.size)])
        about = {
            "video_id": item.video_id,
            "index_id": item.index_id,
            "title": item.title,
            "media_type": item.media_type.value,
            "status": item.status.value,
        }
        created = NewEvent("media.created", about, video_id=item.video_id, index_id=item.index_id)
        await tx.events.append(item.user_id, [created])


async def find_media(tx: MediaTx, caller: Caller, video_id: str) -> MediaItem:
    """Return one of the caller's media items, or raise `NotFound`."""
    item = await tx.media.get(caller.user_id, video_id)
    if item is None:
        raise NotFound.of("video", video_id)
    return item


async def find_segment(tx: MediaUseTx, caller: Caller, segment_id: str) -> tuple[Segment, MediaItem]:
    """Return one of the caller's segments with its media item, or raise `NotFound`."""
    segment = await tx.segments.get(caller.user_id, segment_id)
    item = await tx.media.get(caller.user_id, segment.video_id) if segment else None
    if segment is None or item is None:
        raise NotFound.of("segment", segment_id)
    return segment, item
