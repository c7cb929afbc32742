"""Markers and usage in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from attrs import define

from videovector_adapters.postgres.rows import Session, Shape, before
from videovector_core.markers import Marker, Place
from videovector_core.page import After
from videovector_core.ports import Ids
from videovector_core.usage import Count, Sum, UsageEvent

MARKERS: Final = Shape("markers", Marker, ("marker_id",))
USAGE: Final = Shape("usage_events", UsageEvent, ("event_id",), ("metadata",))
_SOON: Final = "ON CONFLICT DO NOTHING RETURNING set_config('synchronous_commit', 'off', true)"
"""For this transaction only: its end does not wait for the disk."""


@define
class PgMarkers:
    """`MarkerStore` in PostgreSQL."""

    db: Session

    async def put(self, marker: Marker) -> None:
        await self.db.run(MARKERS.insert(MARKERS.overwrite()), MARKERS.values(marker))

    async def find(self, user_id: str, target_type: str, target_id: str, field_path: str | None) -> Marker | None:
        # two that pin the first marker to the same thing at once take turns here
        await self.db.run("SELECT pg_advisory_xact_lock(hashtextextended(%s, 77))", [f"{user_id}/{target_id}"])
        where = "WHERE user_id = %s AND target_type = %s AND target_id = %s AND field_path IS NOT DISTINCT FROM %s"
        return await self.db.one(MARKERS, where, [user_id, target_type, target_id, field_path])

    async def page(
        self, user_id: str, *, target_type: str | None, target_id: str | None, limit: int, after: After | None
    ) -> list[Marker]:
        given = {"target_type": target_type, "target_id": target_id}
        wanted = {name: value for name, value in given.items() if value is not None}
        on, place = before(after, "created_at, marker_id")
        where = " ".join(f"AND {name} = %s" for name in wanted)
        rest = f"WHERE user_id = %s {where} {on} ORDER BY created_at DESC, marker_id DESC LIMIT %s"
        return await self.db.many(MARKERS, rest, [user_id, *wanted.values(), *place, limit])

    async def on(self, user_id: str, places: Sequence[Place]) -> list[Marker]:
        wanted = [*places, *(("field", target_id) for kind, target_id in places if kind == "result")]
        kinds, ids = [kind for kind, _ in wanted], [target_id for _, target_id in wanted]
        asked = "WHERE user_id = %s AND (target_type, target_id) IN (SELECT * FROM unnest(%s::text[], %s::text[]))"
        return await self.db.many(MARKERS, f"{asked} ORDER BY marker_id", [user_id, kinds, ids])

    async def remove(self, user_id: str, marker_id: str) -> bool:
        return await self.db.run("DELETE FROM markers WHERE marker_id = %s AND user_id = %s", [marker_id, user_id]) == 1

    async def remove_of(self, user_id: str, target_type: str, target_id: str) -> None:
        gone = "DELETE FROM markers WHERE user_id = %s AND target_type = %s AND target_id = %s"
        await self.db.run(gone, [user_id, target_type, target_id])

    async def remove_with(self, video_id: str) -> None:
        await self.db.run("DELETE FROM markers WHERE video_id = %s", [video_id])


@define
class PgUsage:
    """`UsageStore` in PostgreSQL."""

    db: Session
    ids: Ids

    async def count(self, user_id: str, counts: Iterable[Count], *, lasting: bool = True) -> None:
        rows = [
            UsageEvent(
                self.ids.new("usage"),
                user_id,
                one.metric_type,
                one.value,
                datetime.now(UTC),  # only the month counts, and asking the database would be one more round
                one.key_id,
                one.model,
                dict(one.about) or None,
            )
            for one in counts
        ]
        await self.db.add_many(USAGE, rows, "ON CONFLICT DO NOTHING" if lasting else _SOON)

    async def details(
        self, user_id: str, *, metric_type: str | None, start: datetime | None, end: datetime | None, limit: int
    ) -> list[UsageEvent]:
        bounds = {"metric_type = %s": metric_type, "timestamp >= %s": start, "timestamp < %s": end}
        given = {text: value for text, value in bounds.items() if value is not None}
        where = " ".join(f"AND {text}" for text in given)
        rest = f"WHERE user_id = %s {where} ORDER BY timestamp DESC, event_id DESC LIMIT %s"
        return await self.db.many(USAGE, rest, [user_id, *given.values(), limit])

    async def sums(self, user_id: str, start: datetime, end: datetime) -> list[Sum]:
        found = await self.db.rows(
            "SELECT metric_type, model, key_id, sum(value) FROM usage_events "
            "WHERE user_id = %s AND timestamp >= %s AND timestamp < %s GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
            [user_id, start, end],
        )
        return [Sum(metric, model, key, float(value)) for metric, model, key, value in found]

    async def stored(self, user_id: str) -> int:
        return int(
            await self.db.value("SELECT coalesce(sum(size), 0) FROM media WHERE user_id = %s AND NOT hidden", [user_id])
        )
