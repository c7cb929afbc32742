"""Markers and usage in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from attrs import define

from videovector_adapters.memory.catalogue import newest
from videovector_adapters.memory.database import Table, Time
from videovector_core.markers import Marker, Place
from videovector_core.media.model import MediaItem
from videovector_core.page import After
from videovector_core.ports import Ids
from videovector_core.usage import Count, Sum, UsageEvent


@define
class MemoryMarkers:
    """`MarkerStore` in memory."""

    rows: Table[str, Marker]

    async def put(self, marker: Marker) -> None:
        self.rows.put(marker.marker_id, marker)

    async def find(self, user_id: str, target_type: str, target_id: str, field_path: str | None) -> Marker | None:
        wanted = (user_id, target_type, target_id, field_path)
        return next(
            self.rows.where(lambda one: (one.user_id, one.target_type, one.target_id, one.field_path) == wanted), None
        )

    async def page(
        self, user_id: str, *, target_type: str | None, target_id: str | None, limit: int, after: After | None
    ) -> list[Marker]:
        mine = self.rows.where(
            lambda one: (
                one.user_id == user_id
                and (target_type is None or one.target_type == target_type)
                and (target_id is None or one.target_id == target_id)
            )
        )
        return newest(mine, lambda one: (one.created_at.isoformat(), one.marker_id), after=after, limit=limit)

    async def on(self, user_id: str, places: Sequence[Place]) -> list[Marker]:
        wanted = set(places) | {("field", target_id) for kind, target_id in places if kind == "result"}
        return list(self.rows.where(lambda one: one.user_id == user_id and (one.target_type, one.target_id) in wanted))

    async def remove(self, user_id: str, marker_id: str) -> bool:
        known = self.rows.get(marker_id)
        return known is not None and known.user_id == user_id and self.rows.pop(marker_id) is not None

    async def remove_of(self, user_id: str, target_type: str, target_id: str) -> None:
        wanted = (user_id, target_type, target_id)
        self._remove(list(self.rows.where(lambda one: (one.user_id, one.target_type, one.target_id) == wanted)))

    async def remove_with(self, video_id: str) -> None:
        self._remove(list(self.rows.where(lambda one: one.video_id == video_id)))

    def _remove(self, gone: list[Marker]) -> None:
        for one in gone:
            self.rows.pop(one.marker_id)


@define
class MemoryUsage:
    """`UsageStore` in memory."""

    time: Time
    ids: Ids
    rows: Table[str, UsageEvent]
    media: Table[str, MediaItem]
    hidden: Table[str, bool]

    async def count(self, user_id: str, counts: Iterable[Count], *, lasting: bool = True) -> None:  # noqa: ARG002 - no disk
        for one in counts:
            event = UsageEvent(
                self.ids.new("usage"),
                user_id,
                one.metric_type,
                one.value,
                self.time.now(),
                one.key_id,
                one.model,
                dict(one.about) or None,
            )
            self.rows.put(event.event_id, event)

    async def details(
        self, user_id: str, *, metric_type: str | None, start: datetime | None, end: datetime | None, limit: int
    ) -> list[UsageEvent]:
        mine = self.rows.where(
            lambda one: (
                one.user_id == user_id
                and (metric_type is None or one.metric_type == metric_type)
                and (start is None or one.timestamp >= start)
                and (end is None or one.timestamp < end)
            )
        )
        return newest(mine, lambda one: (one.timestamp.isoformat(), one.event_id), after=None, limit=limit)

    async def sums(self, user_id: str, start: datetime, end: datetime) -> list[Sum]:
        totals: dict[tuple[str, str | None, str | None], float] = {}
        for one in self.rows.where(lambda row: row.user_id == user_id and start <= row.timestamp < end):
            key = (one.metric_type, one.model, one.key_id)
            totals[key] = totals.get(key, 0.0) + one.value
        return [Sum(*key, value) for key, value in totals.items()]

    async def stored(self, user_id: str) -> int:
        mine = self.media.where(lambda item: item.user_id == user_id and item.video_id not in self.hidden.rows)
        return sum(item.size for item in mine)
