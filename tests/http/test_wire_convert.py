"""`out`: shapes from domain values, by name."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any

import msgspec
import pytest
from attrs import field, frozen
from hypothesis import given
from hypothesis import strategies as st

import videovector_http.wire
from videovector_http.wire import convert
from videovector_http.wire.access import ApiKey
from videovector_http.wire.base import Shape
from videovector_http.wire.convert import out, rfc3339
from videovector_http.wire.envelopes import Page, PaginationMeta
from videovector_http.wire.exports import ExportParams
from videovector_http.wire.imports import ImportOutput, ImportOutputsPage
from videovector_http.wire.indexes import Index
from videovector_http.wire.markers import MarkerInfo
from videovector_http.wire.media import Video
from videovector_http.wire.runs import PromptRun
from videovector_http.wire.segments import Segment

NOON = datetime(2026, 1, 2, 12, 0, 0, 123456, tzinfo=UTC)


class Status(StrEnum):
    READY = "processed"


@frozen
class Pin:
    marker_id: str = "marker_1"
    color: str | None = "#ffaa00"
    updated_at: datetime = NOON


@frozen
class Item:
    video_id: str = "vid_1"
    title: str = "A clip"
    video_uri: str = "gs://media/a.mp4"
    status: Status = Status.READY
    created_at: datetime = NOON
    marker: Pin | None = Pin()
    secret: str = "not for the wire"

    @property
    def duration_seconds(self) -> float:
        return 1.5


def test_fields_travel_by_name() -> None:
    """Fields and properties of a value reach the fields of the shape with their names, and nothing else does."""
    made = out(Item(), Video)
    assert (made.video_id, made.title, made.duration_seconds) == ("vid_1", "A clip", 1.5)
    assert b"not for the wire" not in msgspec.json.encode(made)


def test_moments_and_enums_become_text() -> None:
    """A datetime is written in UTC with milliseconds and Z, an enum as its value and as a plain string."""
    east = timezone(timedelta(hours=2))
    made = out(Item(created_at=NOON.astimezone(east)), Video)
    assert made.created_at == "2026-01-02T12:00:00.123Z"
    assert type(made.status).__name__ == "str"
    assert made.status == "processed"


def test_nested_values_become_nested_shapes() -> None:
    """Where the shape's field is a shape, or a list or dict of one, the value inside is converted too."""
    assert out(Item(), Video).marker == MarkerInfo(
        marker_id="marker_1", color="#ffaa00", updated_at="2026-01-02T12:00:00.123Z"
    )
    segment = out(
        {"segment_id": "s", "video_id": "v", "start_time": 0.0, "end_time": 1.0},
        Segment,
        metadata_markers=MappingProxyType({"a.b": Pin(color=None)}),
    )
    assert segment.metadata_markers["a.b"].marker_id == "marker_1"
    page = out(SimpleNamespace(data=(Item(), Item(video_id="vid_2"))), Page[Video], pagination=_place())
    assert [one.video_id for one in page.data] == ["vid_1", "vid_2"]
    assert isinstance(page.data[0], Video)


def test_bound_generics_know_their_rows() -> None:
    """A page that was subclassed with its row type converts its rows."""
    row = dict.fromkeys(ImportOutput.__struct_fields__, 0)
    made = out({"items": [row], "total": 1}, ImportOutputsPage)
    assert isinstance(made.items[0], ImportOutput)
    assert out({}, ImportOutputsPage).items == []


def test_more_wins_and_is_converted() -> None:
    """Extra arguments win over the value's own, and go through the same conversion."""
    made = out(Item(), Video, title="Another", updated_at=NOON, marker=Pin(marker_id="marker_2"))
    assert (made.title, made.updated_at) == ("Another", "2026-01-02T12:00:00.123Z")
    assert made.marker.marker_id == "marker_2"


def test_none_never_reaches_a_field_without_null() -> None:
    """None yields the default where there is one, null where the field admits it, and an error where it is required."""
    assert out(Item(marker=None), Video).marker == MarkerInfo()
    assert out(Item(), Video, updated_at=None).updated_at is None
    assert out({"prompt_run_ids": None}, ExportParams) == ExportParams()
    with pytest.raises(TypeError, match="title"):
        out(Item(), Video, title=None)


def test_missing_and_unknown_fields_are_refused() -> None:
    """A required field that nobody gives, and an extra one that the shape has not, are programming errors."""
    with pytest.raises(TypeError, match="name"):
        out(SimpleNamespace(index_id="i"), Index, user_id="u", created_at=NOON)
    with pytest.raises(TypeError, match="colour"):
        out(Item(), Video, colour="red")


def test_naive_moments_are_refused() -> None:
    """A datetime without a zone has no place on the wire."""
    with pytest.raises(ValueError, match="time zone"):
        out(Item(created_at=datetime(2026, 1, 1)), Video)  # noqa: DTZ001 - the naive value is the point


@dataclass
class PlainKey:
    key_id: str
    key_prefix: str
    name: str
    scopes: frozenset[str]
    created_at: datetime | None = None


def test_sets_are_sorted() -> None:
    """A set is written in one order, in every process."""
    key = PlainKey("key_1", "sk_live_3f9a", "k", frozenset({"write", "read", "admin", "search"}))
    assert out(key, ApiKey).scopes == ["admin", "read", "search", "write"]


def test_free_json_is_left_alone() -> None:
    """What a field holds as free JSON is handed through as it is."""
    context = {"type": "index", "index_ids": ["a"]}
    base = dict.fromkeys(("run_id", "prompt_id", "prompt_name", "prompt_type", "executed_by"), "x")
    made = out(base, PromptRun, status="pending", executed_at=NOON, run_context=context)
    assert made.run_context is context
    assert made.stop_state.requested_at is None


def test_shapes_feed_shapes() -> None:
    """A shape can be made from another one that shares its fields."""
    video = out(Item(), Video)
    assert out(video, Video) == video


def test_plans_are_drawn_once() -> None:
    """Each pair of types is looked at once."""
    convert._PLANS.clear()
    out(Item(), Video)
    drawn = dict(convert._PLANS)
    out(Item(), Video)
    assert set(drawn) == {(Item, Video), (Pin, MarkerInfo)}
    assert all(convert._PLANS[pair] is plan for pair, plan in drawn.items())


@given(
    st.datetimes(
        min_value=datetime(1970, 1, 2),  # noqa: DTZ001 - hypothesis takes naive bounds
        max_value=datetime(9999, 12, 30),  # noqa: DTZ001 - hypothesis takes naive bounds
        timezones=st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes))),
    )
)
def test_written_moments_read_back(moment: datetime) -> None:
    """Every aware moment reads back as itself, cut to the millisecond."""
    text = rfc3339(moment)
    assert text.endswith("Z")
    assert len(text) == len("2026-01-01T00:00:00.000Z")
    assert datetime.fromisoformat(text) == moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@frozen
class Listed:
    markers: tuple[Pin, ...] = field(factory=lambda: (Pin(),))
    times: tuple[datetime | None, ...] = (NOON, None)


class ListShape(Shape):
    """Lists of each kind."""

    markers: list[MarkerInfo]
    times: list[str | None]
    anything: Any = None


def test_lists_come_from_tuples() -> None:
    """Tuples become lists, and each element is converted by the list's own type."""
    made = out(Listed(), ListShape, anything=NOON)
    assert [one.marker_id for one in made.markers] == ["marker_1"]
    assert made.times == ["2026-01-02T12:00:00.123Z", None]
    assert made.anything == "2026-01-02T12:00:00.123Z"


def test_the_wire_stands_alone() -> None:
    """The shapes import msgspec, the standard library and the names of events, and nothing else of the house or world."""
    for path in Path(videovector_http.wire.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                root = name.split(".")[0]
                ours = name.startswith("videovector_http.wire") or name == "videovector_core.events.model"
                allowed = ours or root in {"msgspec", *sys.stdlib_module_names}
                assert allowed, f"{path.name} imports {name}"


def _place() -> PaginationMeta:
    return PaginationMeta(limit=50, has_more=False)
