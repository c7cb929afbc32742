"""What a store of markers and one of usage promise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from videovector_core.markers import Marker
from videovector_core.testing.stores_room import Room
from videovector_core.usage import SEARCHES, TOKENS_IN, Count, Sum

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def _marker(name: str, *, user: str = "user_1", target: tuple[str, str] = ("video", "vid_1"), **more: Any) -> Marker:
    return Marker(f"marker_{name}", user, *target, NOW, NOW, note=name, **more)


class MarkerContract:
    """One marker for each user, target and path."""

    async def test_a_marker_is_found_by_what_it_hangs_on(self, room: Room) -> None:
        """A marker is found by user, target and path, and by no less; putting it again replaces it."""
        field = _marker("f", target=("field", "segment:seg_1:run_1"), field_path="a[0].b", run_id="run_1")
        whole = _marker("w", target=("result", "segment:seg_1:run_1"), run_id="run_1", color="red")
        async with room.begin() as tx:
            for one in (field, whole):
                await tx.markers.put(one)
        async with room.begin() as tx:
            assert await tx.markers.find("user_1", "field", "segment:seg_1:run_1", "a[0].b") == field
            assert await tx.markers.find("user_1", "field", "segment:seg_1:run_1", "a[1].b") is None
            assert await tx.markers.find("user_2", "result", "segment:seg_1:run_1", None) is None
            found = await tx.markers.on("user_1", [("result", "segment:seg_1:run_1"), ("video", "vid_9")])
            assert sorted(one.marker_id for one in found) == ["marker_f", "marker_w"]
            assert await tx.markers.on("user_2", [("result", "segment:seg_1:run_1")]) == []

    async def test_pages_of_markers(self, room: Room) -> None:
        """Markers come newest first, by keyset, and by target when one is named."""
        made = [
            Marker(f"marker_{n}", "user_1", "video", f"vid_{n}", NOW + timedelta(seconds=n), NOW, note="n")
            for n in range(3)
        ]
        async with room.begin() as tx:
            for one in [*made, _marker("other", user="user_2")]:
                await tx.markers.put(one)
        async with room.begin() as tx:
            first = await tx.markers.page("user_1", target_type=None, target_id=None, limit=2, after=None)
            assert first == [made[2], made[1]]
            after = (first[-1].created_at.isoformat(), first[-1].marker_id)
            assert (
                await tx.markers.page("user_1", target_type="video", target_id=None, limit=2, after=after) == made[:1]
            )
            assert await tx.markers.page("user_1", target_type="video", target_id="vid_1", limit=2, after=None) == [
                made[1]
            ]

    async def test_markers_go_with_what_they_hang_on(self, room: Room) -> None:
        """Removing by id, by target and by media item removes that and nothing else."""
        one, two = _marker("1", video_id="vid_1"), _marker("2", target=("segment", "seg_1"), video_id="vid_1")
        three = _marker("3", target=("prompt", "prompt_1"))
        async with room.begin() as tx:
            for marker in (one, two, three):
                await tx.markers.put(marker)
            assert not await tx.markers.remove("user_2", three.marker_id)
        async with room.begin() as tx:
            await tx.markers.remove_with("vid_1")
            rest = await tx.markers.page("user_1", target_type=None, target_id=None, limit=9, after=None)
            assert rest == [three]
            await tx.markers.remove_of("user_1", "prompt", "prompt_1")
            assert not await tx.markers.remove("user_1", three.marker_id)


class UsageContract:
    """What was counted, by tenant."""

    async def test_sums_are_by_metric_model_and_key(self, room: Room) -> None:
        """Sums keep models and credentials apart, and tenants."""
        counts = [Count(SEARCHES, key_id="key_1"), Count(SEARCHES, key_id="key_1"), Count(TOKENS_IN, 7, model="m")]
        async with room.begin() as tx:
            await tx.usage.count("user_1", counts)
        async with room.begin() as tx:
            await tx.usage.count("user_2", [Count(SEARCHES)], lasting=False)
        start, end = datetime.now(UTC) - timedelta(days=1), datetime.now(UTC) + timedelta(days=1)
        async with room.begin() as tx:
            found = await tx.usage.sums("user_1", start, end)
            assert set(found) == {Sum(SEARCHES, None, "key_1", 2.0), Sum(TOKENS_IN, "m", None, 7.0)}
            assert await tx.usage.sums("user_1", end, end + timedelta(days=1)) == []
            assert await tx.usage.sums("user_2", start, end) == [Sum(SEARCHES, None, None, 1.0)]
            rows = await tx.usage.details("user_1", metric_type=TOKENS_IN, start=start, end=end, limit=5)
            assert [(row.value, row.model, row.unit) for row in rows] == [(7.0, "m", "tokens")]
            assert len(await tx.usage.details("user_1", metric_type=None, start=None, end=None, limit=2)) == 2
            assert await tx.usage.stored("user_1") == 0
