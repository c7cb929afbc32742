"""Markers: a colour and a note that a user pins to a prompt, a run, media, a segment, a result or one of its fields.

What a marker hangs on is named in one way only, so that putting one twice changes it: results and fields by the id of
the result (`segment:<segment_id>:<run_id>` or `video:<video_id>:<run_id>`), whatever way they were asked for.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar

from attrs import evolve, field, frozen

from videovector_core.access.model import Caller, Scope
from videovector_core.errors import Invalid, NotFound
from videovector_core.fields import NAME
from videovector_core.page import After, Page
from videovector_core.ports import Begin, Clock, Ids

PALETTE: Final = frozenset(
    [
        "black",
        "blue",
        "brown",
        "cyan",
        "gray",
        "green",
        "indigo",
        "orange",
        "pink",
        "purple",
        "red",
        "teal",
        "white",
        "yellow",
    ],
)
TYPES: Final = ("prompt", "prompt_run", "video", "segment", "result", "field")
MAX_NOTE: Final = 1000

_HEX: Final = re.compile(r"#[0-9a-fA-F]{6}")
_PATH: Final = re.compile(rf"{NAME.pattern}(\[\d{{0,6}}\])*(\.{NAME.pattern}(\[\d{{0,6}}\])*)*")
_RESULT: Final = re.compile(r"(segment|video):([^:]+):([^:]+)")

T = TypeVar("T", bound="MarkersTx")
Place: TypeAlias = tuple[str, str]
"""The type and the id of what a marker hangs on."""


@frozen
class Marker:
    """A marker. `video_id` is the media item it goes with, if any: it is removed with that."""

    marker_id: str
    user_id: str
    target_type: str
    target_id: str
    created_at: datetime
    updated_at: datetime
    run_id: str | None = None
    field_path: str | None = None
    color: str | None = None
    note: str | None = None
    video_id: str | None = None


@frozen
class Target:
    """What a marker hangs on; building one refuses what cannot be a target."""

    target_type: str
    target_id: str
    run_id: str | None = None
    field_path: str | None = None

    @classmethod
    def of(cls, target_type: str, target_id: str, run_id: str | None, field_path: str | None) -> Target:
        """Name a target in the one way that counts.

        Raises:
            Invalid: code `validation_marker_target`.
        """
        if target_type not in TYPES:
            raise _wrong(f"target_type is one of {', '.join(TYPES)}")
        if (field_path is not None) != (target_type == "field"):
            raise _wrong("field_path goes with target_type field, and only with it")
        if field_path is not None and not _PATH.fullmatch(field_path):
            raise _wrong(f"{field_path[:80]!r} is no path of a field; write it like people[0].name")
        if target_type not in {"result", "field"}:
            return cls(target_type, target_id)
        if not _RESULT.fullmatch(target_id):
            if run_id is None:
                raise _wrong("a result is named by its result_id, or by a segment_id with a run_id")
            target_id = f"segment:{target_id}:{run_id}"
        return cls(target_type, target_id, target_id.rsplit(":", 1)[1], field_path)

    @property
    def parts(self) -> tuple[str, str, str]:
        """Level, owner and run of a result."""
        level, owner, run_id = self.target_id.split(":")
        return level, owner, run_id


@frozen
class Marks:
    """The markers of some things, to be shown on them."""

    markers: tuple[Marker, ...] = field(default=(), converter=tuple[Marker, ...])
    _by_place: Mapping[Place, Marker] = field(init=False)

    def __attrs_post_init__(self) -> None:
        found = {(one.target_type, one.target_id): one for one in self.markers if one.field_path is None}
        object.__setattr__(self, "_by_place", found)

    def on(self, target_type: str, target_id: str) -> Marker | None:
        """Return the marker of a thing."""
        return self._by_place.get((target_type, target_id))

    def fields(self, result_id: str) -> dict[str, Marker]:
        """Return the markers of the fields of a result, by path."""
        return {one.field_path: one for one in self.markers if one.field_path and one.target_id == result_id}


class MarkerStore(Protocol):
    """Keeps markers; there is one for each user, target and field path."""

    async def put(self, marker: Marker) -> None:
        """Keep a marker, or replace the one of the same id."""
        ...

    async def find(self, user_id: str, target_type: str, target_id: str, field_path: str | None) -> Marker | None:
        """Return the marker of a target."""
        ...

    async def page(
        self, user_id: str, *, target_type: str | None, target_id: str | None, limit: int, after: After | None
    ) -> list[Marker]:
        """List a user's markers, newest first."""
        ...

    async def on(self, user_id: str, places: Sequence[Place]) -> list[Marker]:
        """Return the markers of several things, those of fields included."""
        ...

    async def remove(self, user_id: str, marker_id: str) -> bool:
        """Forget a marker; false when it is not there."""
        ...

    async def remove_of(self, user_id: str, target_type: str, target_id: str) -> None:
        """Forget the markers of a thing that is gone."""
        ...

    async def remove_with(self, video_id: str) -> None:
        """Forget the markers of a media item and of everything in it."""
        ...


class MarkersTx(Protocol):
    """The slice of a transaction that markers touch."""

    @property
    def markers(self) -> MarkerStore:
        """The markers."""
        ...


Find: TypeAlias = Callable[[Any, Caller, Target], Awaitable[str | None]]
"""Finds a target, or raises `NotFound`; returns the media item that it goes with, if any."""


@frozen
class Markers(Generic[T]):
    """List, put and remove markers. `targets` says how each type of target is found."""

    begin: Begin[T]
    clock: Clock
    ids: Ids
    targets: Mapping[str, Find]

    async def put(self, caller: Caller, target: Target, *, color: str | None = None, note: str | None = None) -> Marker:
        """Pin a marker, or change the one that is there; colour and note are replaced together."""
        caller.require(Scope.WRITE)
        color, note = _checked(color, note)
        now = self.clock.now()
        async with self.begin() as tx:
            video_id = await self.targets[target.target_type](tx, caller, target)
            known = await tx.markers.find(caller.user_id, target.target_type, target.target_id, target.field_path)
            marker = known or Marker(
                self.ids.new("marker"),
                caller.user_id,
                target.target_type,
                target.target_id,
                now,
                now,
                target.run_id,
                target.field_path,
                video_id=video_id,
            )
            marker = evolve(marker, color=color, note=note, updated_at=now)
            await tx.markers.put(marker)
        return marker

    async def page(
        self,
        caller: Caller,
        *,
        target_type: str | None = None,
        target_id: str | None = None,
        limit: int = 50,
        after: After | None = None,
    ) -> Page[Marker]:
        """List markers, newest first."""
        caller.require(Scope.READ)
        async with self.begin() as tx:
            rows = await tx.markers.page(
                caller.user_id, target_type=target_type, target_id=target_id, limit=limit + 1, after=after
            )
        return Page.cut(rows, limit, lambda marker: (marker.created_at.isoformat(), marker.marker_id))

    async def on(self, caller: Caller, places: Iterable[Place]) -> Marks:
        """Return the markers of several things, to be shown with them."""
        wanted = list(dict.fromkeys(places))
        if not wanted:
            return Marks()
        async with self.begin(apart=True) as tx:
            return Marks(await tx.markers.on(caller.user_id, wanted))

    async def remove(self, caller: Caller, marker_id: str) -> None:
        """Remove one of the caller's markers."""
        caller.require(Scope.WRITE)
        async with self.begin() as tx:
            if not await tx.markers.remove(caller.user_id, marker_id):
                raise NotFound.of("marker", marker_id)


def _checked(color: str | None, note: str | None) -> tuple[str | None, str | None]:
    color, note = (color or "").strip() or None, (note or "").strip() or None
    if color is None and note is None:
        raise Invalid("A marker has a colour, a note or both; give one of them.", code="validation_marker_empty")
    if color is not None and color not in PALETTE and not _HEX.fullmatch(color):
        raise Invalid(f"A colour is #rrggbb or one of {', '.join(sorted(PALETTE))}.", code="validation_marker_color")
    if note is not None and len(note) > MAX_NOTE:
        raise Invalid(f"A note has at most {MAX_NOTE:,} characters; shorten it.", code="validation_marker_note")
    return color, note


def _wrong(reason: str) -> Invalid:
    return Invalid(f"This cannot be marked: {reason}.", code="validation_marker_target")
