"""Users, keys, indexes, media, segments and prompts in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from attrs import define

from videovector_adapters.postgres.rows import Session, Shape, before, beyond
from videovector_core.access.model import ApiKey, User
from videovector_core.indexes.model import Index
from videovector_core.media.model import MediaItem, MediaStatus
from videovector_core.page import After
from videovector_core.prompts.model import Prompt
from videovector_core.segments.model import Segment, SegmentSet

USERS: Final = Shape("users", User, ("user_id",))
KEYS: Final = Shape("api_keys", ApiKey, ("key_id",))
INDEXES: Final = Shape("indexes", Index, ("index_id",))
MEDIA: Final = Shape("media", MediaItem, ("video_id",))
SETS: Final = Shape("segment_sets", SegmentSet, ("set_id",))
SEGMENTS: Final = Shape("segments", Segment, ("segment_id",))
PROMPTS: Final = Shape(
    "prompts",
    Prompt,
    ("prompt_id",),
    ("json_schema", "video_level", "semantic_indexing", "execution_config", "selection_filter"),
)


@define
class PgAccess:
    """`AccessStore` in PostgreSQL."""

    db: Session

    async def add_user(self, user: User) -> bool:
        return await self.db.add(USERS, user)

    async def user(self, user_id: str) -> User | None:
        return await self.db.one(USERS, "WHERE user_id = %s", [user_id])

    async def user_named(self, name: str) -> User | None:
        return await self.db.one(USERS, "WHERE name = %s", [name])

    async def users(self) -> list[User]:
        return await self.db.many(USERS, "ORDER BY created_at, user_id")

    async def add_key(self, key: ApiKey) -> bool:
        return await self.db.add(KEYS, key)

    async def key(self, user_id: str, key_id: str) -> ApiKey | None:
        return await self.db.one(KEYS, "WHERE key_id = %s AND user_id = %s", [key_id, user_id])

    async def key_with_digest(self, digest: bytes) -> ApiKey | None:
        return await self.db.one(KEYS, "WHERE digest = %s", [digest])

    async def keys(self, user_id: str) -> list[ApiKey]:
        return await self.db.many(KEYS, "WHERE user_id = %s ORDER BY created_at DESC, key_id DESC", [user_id])

    async def save_key(self, key: ApiKey) -> None:
        await self.db.replace(KEYS, key)

    async def remove_key(self, user_id: str, key_id: str) -> bool:
        return await self.db.run("DELETE FROM api_keys WHERE key_id = %s AND user_id = %s", [key_id, user_id]) == 1

    async def touch_key(self, key_id: str, now: datetime) -> None:
        await self.db.run(
            "UPDATE api_keys SET last_used_at = %(now)s WHERE key_id = %(key)s "
            "AND (last_used_at IS NULL OR last_used_at <= %(now)s - interval '1 minute')",
            {"now": now, "key": key_id},
        )


@define
class PgIndexes:
    """`IndexStore` in PostgreSQL."""

    db: Session

    async def add(self, index: Index) -> bool:
        return await self.db.add(INDEXES, index)

    async def get(self, user_id: str, index_id: str, *, lock: bool = False) -> Index | None:
        # hiding waits for whoever shares the row; those who share it do not wait for each other
        shared = "FOR SHARE" if lock else ""
        mine = f"WHERE index_id = %s AND (user_id = %s OR is_default) AND NOT hidden {shared}"
        return await self.db.one(INDEXES, mine, [index_id, user_id])

    async def named(self, user_id: str, name: str) -> Index | None:
        mine = "WHERE user_id = %s AND name = %s AND NOT hidden ORDER BY created_at, index_id LIMIT 1"
        return await self.db.one(INDEXES, mine, [user_id, name])

    async def all(self, user_id: str, *, defaults: bool) -> list[Index]:
        newest = "NOT hidden ORDER BY created_at DESC, index_id DESC"
        mine = await self.db.many(INDEXES, f"WHERE user_id = %s AND NOT is_default AND {newest}", [user_id])
        shared = await self.db.many(INDEXES, f"WHERE is_default AND {newest}") if defaults else []
        return [*mine, *shared]

    async def hide(self, user_id: str, index_id: str) -> bool:
        shown = "UPDATE indexes SET hidden = true WHERE index_id = %s AND user_id = %s AND NOT hidden"
        return await self.db.run(shown, [index_id, user_id]) == 1

    async def remove(self, index_id: str) -> None:
        await self.db.run("DELETE FROM indexes WHERE index_id = %s", [index_id])


@define
class PgMedia:
    """`MediaStore` in PostgreSQL."""

    db: Session

    async def add(self, item: MediaItem) -> bool:
        return await self.db.add(MEDIA, item)

    async def get(self, user_id: str, video_id: str) -> MediaItem | None:
        return await self.db.one(MEDIA, "WHERE video_id = %s AND user_id = %s AND NOT hidden", [video_id, user_id])

    async def many(self, user_id: str, video_ids: Sequence[str]) -> list[MediaItem]:
        asked = "JOIN unnest(%s::text[]) WITH ORDINALITY AS asked (video_id, place) USING (video_id)"
        return await self.db.many(
            MEDIA, f"{asked} WHERE t.user_id = %s AND NOT t.hidden ORDER BY asked.place", [list(video_ids), user_id]
        )

    async def page(self, user_id: str, index_id: str | None, *, limit: int, after: After | None) -> list[MediaItem]:
        where, of = _in_index(index_id)
        on, place = before(after, "created_at, video_id")
        order = "ORDER BY created_at DESC, video_id DESC LIMIT %s"
        return await self.db.many(MEDIA, f"{where} {on} {order}", [user_id, *of, *place, limit])

    async def ids(self, user_id: str, index_id: str | None) -> list[str]:
        where, of = _in_index(index_id)
        found = await self.db.rows(f"SELECT video_id FROM media {where} ORDER BY created_at, video_id", [user_id, *of])  # noqa: S608 - one of two texts below
        return [video_id for (video_id,) in found]

    async def set_status(self, video_id: str, status: MediaStatus, now: datetime) -> None:
        await self.db.run("UPDATE media SET status = %s, updated_at = %s WHERE video_id = %s", [status, now, video_id])

    async def hide(self, user_id: str, video_ids: Sequence[str]) -> int:
        shown = "UPDATE media SET hidden = true WHERE video_id = ANY(%s) AND user_id = %s AND NOT hidden"
        return await self.db.run(shown, [list(video_ids), user_id])

    async def hidden(self, user_id: str, *, index_id: str | None, video_id: str | None, limit: int) -> list[MediaItem]:
        column, wanted = ("video_id", video_id) if video_id else ("index_id", index_id)
        equal = f"{column} = %s" if wanted is not None else f"{column} IS NULL"
        given = [wanted] if wanted is not None else []
        rest = f"WHERE user_id = %s AND {equal} AND hidden ORDER BY video_id LIMIT %s"
        return await self.db.many(MEDIA, rest, [user_id, *given, limit])

    async def remove(self, video_id: str) -> None:
        await self.db.run("DELETE FROM media WHERE video_id = %s", [video_id])

    async def hold(self, sha256: str) -> None:
        await self.db.run("SELECT pg_advisory_xact_lock(hashtextextended(%s, 78))", [sha256])

    async def refers(self, sha256: str, *, apart_from: str | None = None) -> bool:
        found = "SELECT EXISTS (SELECT FROM media WHERE sha256 = %s AND video_id IS DISTINCT FROM %s)"
        return bool(await self.db.value(found, [sha256, apart_from]))

    async def shares(self, user_id: str, sha256: str, apart_from: str) -> bool:
        found = "SELECT EXISTS (SELECT FROM media WHERE sha256 = %s AND user_id = %s AND video_id <> %s)"
        return bool(await self.db.value(found, [sha256, user_id, apart_from]))


def _in_index(index_id: str | None) -> tuple[str, list[str]]:
    if index_id is None:
        return "WHERE user_id = %s AND index_id IS NULL AND NOT hidden", []
    return "WHERE user_id = %s AND index_id = %s AND NOT hidden", [index_id]


@define
class PgSegments:
    """`SegmentStore` in PostgreSQL."""

    db: Session

    async def find_set(self, video_id: str, fingerprint: str) -> SegmentSet | None:
        return await self.db.one(SETS, "WHERE video_id = %s AND fingerprint = %s", [video_id, fingerprint])

    async def add_set(self, segment_set: SegmentSet, segments: Sequence[Segment]) -> bool:
        if not await self.db.add(SETS, segment_set):
            return False
        await self.db.add_many(SEGMENTS, segments)
        return True

    async def latest_set(self, video_id: str) -> SegmentSet | None:
        newest = "WHERE video_id = %s ORDER BY created_at DESC, set_id DESC LIMIT 1"
        return await self.db.one(SETS, newest, [video_id])

    async def page(self, set_id: str, *, limit: int, after: After | None) -> list[Segment]:
        on, place = beyond(after, "ordinal")
        return await self.db.many(
            SEGMENTS, f"WHERE set_id = %s {on} ORDER BY ordinal LIMIT %s", [set_id, *place, limit]
        )

    async def get(self, user_id: str, segment_id: str) -> Segment | None:
        return await self.db.one(SEGMENTS, "WHERE segment_id = %s AND user_id = %s", [segment_id, user_id])

    async def remove(self, video_id: str) -> None:
        await self.db.run("DELETE FROM segments WHERE video_id = %s", [video_id])
        await self.db.run("DELETE FROM segment_sets WHERE video_id = %s", [video_id])


@define
class PgPrompts:
    """`PromptStore` in PostgreSQL."""

    db: Session

    async def add(self, prompt: Prompt) -> bool:
        return await self.db.add(PROMPTS, prompt)

    async def get(self, user_id: str, prompt_id: str) -> Prompt | None:
        return await self.db.one(PROMPTS, "WHERE prompt_id = %s AND user_id = %s", [prompt_id, user_id])

    async def all(self, user_id: str) -> list[Prompt]:
        return await self.db.many(PROMPTS, "WHERE user_id = %s ORDER BY created_at DESC, prompt_id DESC", [user_id])

    async def save(self, prompt: Prompt) -> bool:
        return await self.db.run(PROMPTS.update("AND user_id = %s"), [*PROMPTS.changes(prompt), prompt.user_id]) == 1

    async def remove(self, user_id: str, prompt_id: str) -> bool:
        return await self.db.run("DELETE FROM prompts WHERE prompt_id = %s AND user_id = %s", [prompt_id, user_id]) == 1
