"""Keeping what was found in media, unless they were deleted while it was looked for."""

from __future__ import annotations

from typing import Any, Protocol

from videovector_core.media.ports import MediaTx
from videovector_core.models.cache import CacheTx


class KeepingTx(CacheTx, MediaTx, Protocol):
    """The slice of a transaction that keeping a result touches."""


async def keep(
    tx: KeepingTx, user_id: str, video_id: str, key: str, *, sha256: str, value: Any, blobs: tuple[str, ...] = ()
) -> list[str]:
    """Keep a result of a media item with the bytes `sha256`; return those of its `blobs` that are to be deleted.

    Work may outlast the purge of its media, and nobody would look for what it left then. So nothing is kept where
    neither the item nor another one of the tenant with the same bytes is there any more.
    """
    if await tx.media.get(user_id, video_id) is not None or await tx.media.shares(user_id, sha256, video_id):
        await tx.cache.put(user_id, key, sha256=sha256, value=value, blobs=blobs)
        return []
    # kept under a name of its own and purged by it: the store knows which of the blobs other results stand on
    await tx.cache.put(user_id, key, sha256=key, value=value, blobs=blobs)
    return await tx.cache.purge(user_id, key)
