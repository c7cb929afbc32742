"""Segments as files of their own: what they are called, and how they are sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from pathlib import PurePath
from typing import Final
from urllib.parse import quote

from litestar.response import Stream

from videovector_core.access.model import Caller
from videovector_core.media.model import MediaItem
from videovector_core.segments.model import Segment
from videovector_core.signals import MediaType
from videovector_http.context import Context

_CHUNK: Final = 256 * 1024
_TYPES: Final = {MediaType.VIDEO: "video/mp4", MediaType.AUDIO: "audio/mp4"}


def clip_type(item: MediaItem) -> str | None:
    """Return the MIME type of a clip of an item; a picture has none."""
    return _TYPES.get(item.media_type)


def clip_name(item: MediaItem, segment: Segment) -> str:
    """Name the file of a segment after its media and its times in seconds."""
    ending = "mp4" if item.media_type is MediaType.VIDEO else "m4a"
    return f"{PurePath(item.file_name).stem}_{segment.start:.1f}-{segment.end:.1f}.{ending}"


async def clipped(context: Context, caller: Caller, segment_id: str) -> Stream:
    """Send a segment as a file to save; what cannot be cut is refused before anything is sent."""
    segment, item = await context.vv.media.segment(caller, segment_id)
    chunks = _chunks(context, caller, segment_id)
    first = await anext(chunks)
    name = quote(clip_name(item, segment))
    headers = {
        "Cache-Control": "private, max-age=3600",
        "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
    }
    return Stream(_joined(first, chunks), media_type=clip_type(item), headers=headers)


async def _chunks(context: Context, caller: Caller, segment_id: str) -> AsyncGenerator[bytes, None]:
    async with context.vv.media.clip(caller, segment_id) as path:
        with path.open("rb") as file:
            while chunk := await asyncio.to_thread(file.read, _CHUNK):
                yield chunk


async def _joined(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    try:
        yield first
        async for chunk in rest:
            yield chunk
    finally:
        await rest.aclose()
