"""Markers: a colour and a note that a user pins to something."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from msgspec import Meta

from videovector_http.wire.base import Body, Shape
from videovector_http.wire.common import FieldPath, MarkerId, RunId, Time

TargetType: TypeAlias = Literal["prompt", "prompt_run", "video", "segment", "result", "field"]


class MarkerInfo(Shape):
    """The marker on an object; all null when there is none."""

    marker_id: str | None = None
    color: str | None = None
    note: str | None = None
    updated_at: Time | None = None


class Marker(Shape):
    """A marker and what it is pinned to."""

    marker_id: MarkerId
    target_type: TargetType
    target_id: str
    run_id: RunId | None = None
    field_path: FieldPath | None = None
    color: str | None = None
    note: str | None = None
    created_at: Time
    updated_at: Time


class PutMarker(Body):
    """Pin or change a marker; colour and note must not both be empty."""

    target_type: TargetType
    target_id: Annotated[str, Meta(min_length=1, max_length=400, pattern=r"^[^\x00-\x1f\x7f]+$")]
    run_id: RunId | None = None
    field_path: FieldPath | None = None
    color: (
        Annotated[
            str,
            Meta(
                max_length=32,
                pattern=r"^(#[0-9a-fA-F]{6}|[a-z]+)?$",
                description="A name or `#rrggbb`.",
                examples=["#ffaa00"],
            ),
        ]
        | None
    ) = None
    note: Annotated[str, Meta(max_length=1000, pattern=r"^[^\x00]*$")] | None = None
