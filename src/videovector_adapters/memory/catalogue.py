"""Users, keys, indexes, media, segments and prompts in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from attrs import define, evolve

from videovector_adapters.memory.database import Table
from videovector_core.access.model import ApiKey, User
from videovector_core.indexes.model import Index
from videovector_core.media.model import MediaItem, MediaStatus
from videovector_core.page import After
from videovector_core.prompts.model import Prompt
from videovector_core.segments.model import Segment, SegmentSet

T = TypeVar("T")


def newest(rows: Iterable[T], key: Callable[[T], After], *, after: After | None, limit: int) -> list[T]:
    """Return rows in falling order of key, from after a place on."""
    return [row for row in sorted(rows, key=key, reverse=True) if after is None or key(row) < after][:limit]


def oldest(rows: Iterable[T], key: Callable[[T], After], *, after: After | None, limit: int) -> list[T]:
    """Return rows in rising order of key, from after a place on."""
    return [row for row in sorted(rows, key=key) if after is None or key(row) > after][:limit]


@define
class MemoryAccess:
    """`AccessStore` in memory."""

    people: Table[str, User]
    api_keys: Table[str, ApiKey]

    async def add_user(self, user: User) -> bool:
        return await self.user_named(user.name) is None and self.people.add(user.user_id, user)

    async def user(self, user_id: str) -> User | None:
        return self.people.get(user_id)

    async def user_named(self, name: str) -> User | None:
        return next(self.people.where(lambda user: user.name == name), None)

    async def users(self) -> list[User]:
        return sorted(self.people.rows.values(), key=lambda user: (user.created_at, user.user_id))

    async def add_key(self, key: ApiKey) -> bool:
        return await self.key_with_digest(key.digest) is None and self.api_keys.add(key.key_id, key)

    async def key(self, user_id: str, key_id: str) -> ApiKey | None:
        key = self.api_keys.get(key_id)
        return key if key and key.user_id == user_id else None

    async def key_with_digest(self, digest: bytes) -> ApiKey | None:
        return next(self.api_keys.where(lambda key: key.digest == digest), None)

    async def keys(self, user_id: str) -> list[ApiKey]:
        mine = self.api_keys.where(lambda key: key.user_id == user_id)
        return sorted(mine, key=lambda key: (key.created_at, key.key_id), reverse=True)

    async def save_key(self, key: ApiKey) -> None:
        self.api_keys.replace(key.key_id, key)

    async def remove_key(self, user_id: str, key_id: str) -> bool:
        return await self.key(user_id, key_id) is not None and self.api_keys.pop(key_id) is not None

    async def touch_key(self, key_id: str, now: datetime) -> None:
        key = self.api_keys.get(key_id)
        if key and (key.last_used_at is None or now - key.last_used_at >= timedelta(minutes=1)):
            self.api_keys.put(key_id, evolve(key, last_used_at=now))


@define
class MemoryIndexes:
    """`IndexStore` in memory."""

    rows: Table[str, Index]
    hidden: Table[str, bool]

    async def add(self, index: Index) -> bool:
        return self.rows.add(index.index_id, index)

    async def get(self, user_id: str, index_id: str, *, lock: bool = False) -> Index | None:  # noqa: ARG002 - serial
        index = self.rows.get(index_id)
        return index if index and self._shown(index) and (index.user_id == user_id or index.is_default) else None

    async def named(self, user_id: str, name: str) -> Index | None:
        found = self.rows.where(lambda i: i.user_id == user_id and i.name == name and self._shown(i))
        return min(found, key=lambda index: (index.created_at, index.index_id), default=None)

    async def all(self, user_id: str, *, defaults: bool) -> list[Index]:
        mine = self.rows.where(lambda i: i.user_id == user_id and not i.is_default and self._shown(i))
        shared = self.rows.where(lambda i: i.is_default and self._shown(i)) if defaults else ()
        return [
            *sorted(mine, key=lambda index: (index.created_at, index.index_id), reverse=True),
            *sorted(shared, key=lambda index: (index.created_at, index.index_id), reverse=True),
        ]

    async def hide(self, user_id: str, index_id: str) -> bool:
        index = self.rows.get(index_id)
        if index is None or index.user_id != user_id or not self._shown(index):
            return False
        self.hidden.put(index_id, value=True)
        return True

    async def remove(self, index_id: str) -> None:
        self.rows.pop(index_id)
        self.hidden.pop(index_id)

    def _shown(self, index: Index) -> bool:
        return index.index_id not in self.hidden.rows


def _media_key(item: MediaItem) -> After:
    return (item.created_at.isoformat(), item.video_id)


@define
class MemoryMedia:
    """`MediaStore` in memory."""

    rows: Table[str, MediaItem]
    hiding: Table[str, bool]

    async def add(self, item: MediaItem) -> bool:
        return self.rows.add(item.video_id, item)

    async def get(self, user_id: str, video_id: str) -> MediaItem | None:
        item = self.rows.get(video_id)
        return item if item and item.user_id == user_id and video_id not in self.hiding.rows else None

    async def many(self, user_id: str, video_ids: Sequence[str]) -> list[MediaItem]:
        found = [await self.get(user_id, video_id) for video_id in video_ids]
        return [item for item in found if item is not None]

    async def page(self, user_id: str, index_id: str | None, *, limit: int, after: After | None) -> list[MediaItem]:
        return newest(self._of(user_id, index_id), _media_key, after=after, limit=limit)

    async def ids(self, user_id: str, index_id: str | None) -> list[str]:
        return [item.video_id for item in sorted(self._of(user_id, index_id), key=_media_key)]

    async def set_status(self, video_id: str, status: MediaStatus, now: datetime) -> None:
        item = self.rows.get(video_id)
        if item:
            self.rows.put(video_id, evolve(item, status=status, updated_at=now))

    async def hide(self, user_id: str, video_ids: Sequence[str]) -> int:
        shown = [video_id for video_id in video_ids if await self.get(user_id, video_id)]
        for video_id in shown:
            self.hiding.put(video_id, value=True)
        return len(shown)

    async def hidden(self, user_id: str, *, index_id: str | None, video_id: str | None, limit: int) -> list[MediaItem]:
        found = self.rows.where(
            lambda item: (
                item.user_id == user_id
                and item.video_id in self.hiding.rows
                and (item.video_id == video_id if video_id else item.index_id == index_id)
            )
        )
        return list(found)[:limit]

    async def remove(self, video_id: str) -> None:
        self.rows.pop(video_id)
        self.hiding.pop(video_id)

    async def hold(self, sha256: str) -> None:
        """Transactions in memory take turns as they are."""

    async def refers(self, sha256: str, *, apart_from: str | None = None) -> bool:
        return any(item.sha256 == sha256 and item.video_id != apart_from for item in self.rows.rows.values())

    async def shares(self, user_id: str, sha256: str, apart_from: str) -> bool:
        return any(
            item.sha256 == sha256 and item.user_id == user_id and item.video_id != apart_from
            for item in self.rows.rows.values()
        )

    def _of(self, user_id: str, index_id: str | None) -> Iterable[MediaItem]:
        return self.rows.where(
            lambda item: item.user_id == user_id and item.index_id == index_id and item.video_id not in self.hiding.rows
        )


@define
class MemorySegments:
    """`SegmentStore` in memory."""

    sets: Table[tuple[str, str], SegmentSet]
    rows: Table[str, Segment]

    async def find_set(self, video_id: str, fingerprint: str) -> SegmentSet | None:
        return self.sets.get((video_id, fingerprint))

    async def add_set(self, segment_set: SegmentSet, segments: Sequence[Segment]) -> bool:
        if not self.sets.add((segment_set.video_id, segment_set.fingerprint), segment_set):
            return False
        for segment in segments:
            self.rows.put(segment.segment_id, segment)
        return True

    async def latest_set(self, video_id: str) -> SegmentSet | None:
        found = self.sets.where(lambda known: known.video_id == video_id)
        return max(found, key=lambda known: (known.created_at, known.set_id), default=None)

    async def page(self, set_id: str, *, limit: int, after: After | None) -> list[Segment]:
        mine = self.rows.where(lambda segment: segment.set_id == set_id)
        return oldest(mine, lambda segment: (segment.ordinal,), after=after, limit=limit)

    async def get(self, user_id: str, segment_id: str) -> Segment | None:
        segment = self.rows.get(segment_id)
        return segment if segment and segment.user_id == user_id else None

    async def remove(self, video_id: str) -> None:
        for known in list(self.sets.where(lambda known: known.video_id == video_id)):
            self.sets.pop((known.video_id, known.fingerprint))
        for segment in list(self.rows.where(lambda segment: segment.video_id == video_id)):
            self.rows.pop(segment.segment_id)


@define
class MemoryPrompts:
    """`PromptStore` in memory."""

    rows: Table[str, Prompt]

    async def add(self, prompt: Prompt) -> bool:
        return self.rows.add(prompt.prompt_id, prompt)

    async def get(self, user_id: str, prompt_id: str) -> Prompt | None:
        prompt = self.rows.get(prompt_id)
        return prompt if prompt and prompt.user_id == user_id else None

    async def all(self, user_id: str) -> list[Prompt]:
        found = self.rows.where(lambda prompt: prompt.user_id == user_id)
        return sorted(found, key=lambda prompt: (prompt.created_at, prompt.prompt_id), reverse=True)

    async def save(self, prompt: Prompt) -> bool:
        known = self.rows.get(prompt.prompt_id)
        if known is None or known.user_id != prompt.user_id:
            return False
        self.rows.put(prompt.prompt_id, prompt)
        return True

    async def remove(self, user_id: str, prompt_id: str) -> bool:
        known = self.rows.get(prompt_id)
        return known is not None and known.user_id == user_id and self.rows.pop(prompt_id) is not None
