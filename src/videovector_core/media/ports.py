"""What media ask of a store."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from videovector_core.media.model import MediaItem, MediaStatus
from videovector_core.page import After


class MediaStore(Protocol):
    """Keeps media items, and counts who refers to a blob. Hidden items are gone for every question but `hidden`."""

    async def add(self, item: MediaItem) -> bool:
        """Keep an item; false when the id is taken."""
        ...

    async def get(self, user_id: str, video_id: str) -> MediaItem | None:
        """Return an item of the tenant."""
        ...

    async def many(self, user_id: str, video_ids: Sequence[str]) -> list[MediaItem]:
        """Return those of the tenant's items that are there, in the order asked for."""
        ...

    async def page(self, user_id: str, index_id: str | None, *, limit: int, after: After | None) -> list[MediaItem]:
        """Return up to `limit` items of an index (`None`: the playground), newest first; the key is (created_at ISO, id)."""
        ...

    async def ids(self, user_id: str, index_id: str | None) -> list[str]:
        """Return the ids of all items of an index (`None`: the playground), oldest first."""
        ...

    async def set_status(self, video_id: str, status: MediaStatus, now: datetime) -> None:
        """Note where the item stands."""
        ...

    async def hide(self, user_id: str, video_ids: Sequence[str]) -> int:
        """Hide items from every other question; say how many."""
        ...

    async def hidden(self, user_id: str, *, index_id: str | None, video_id: str | None, limit: int) -> list[MediaItem]:
        """Return hidden items that are not removed yet, of one index or by one id."""
        ...

    async def remove(self, video_id: str) -> None:
        """Forget an item."""
        ...

    async def hold(self, sha256: str) -> None:
        """Let nobody else decide over a blob until this transaction ends: neither keep it nor give it up."""
        ...

    async def refers(self, sha256: str, *, apart_from: str | None = None) -> bool:
        """Say whether any item of any tenant, hidden or not, stands on the blob."""
        ...

    async def shares(self, user_id: str, sha256: str, apart_from: str) -> bool:
        """Say whether another item of the tenant has the same bytes."""
        ...


class MediaTx(Protocol):
    """The slice of a transaction that media touch."""

    @property
    def media(self) -> MediaStore: ...
