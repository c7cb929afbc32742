"""The envelopes: errors, pages, and the answer to a plain deletion."""

from __future__ import annotations

from typing import Annotated, Generic, TypeVar

from msgspec import UNSET, Meta, UnsetType, field

from videovector_http.wire.base import Shape
from videovector_http.wire.common import JsonObject, Time

T = TypeVar("T")


class ErrorBody(Shape):
    """What went wrong, for programs (`code`, `details`) and for people (`message`)."""

    code: Annotated[str, Meta(description="Stable name of the error.", examples=["resource_index_not_found"])]
    message: Annotated[str, Meta(description="What happened and what to do next.")]
    details: JsonObject | None = None
    request_id: Annotated[str, Meta(description="Also in the header `X-Request-ID`.", examples=["req_x"])]
    retry_after: Annotated[int, Meta(description="Seconds to wait; on 429 and 503.")] | UnsetType = UNSET
    timestamp: Time


class PaginationMeta(Shape):
    """Where a page ends."""

    limit: int
    has_more: bool
    next_cursor: Annotated[str, Meta(description="Opaque; null at the end.")] | None = None


class Page(Shape, Generic[T]):
    """Page A: rows under `data`, the place under `pagination`."""

    data: list[T]
    pagination: PaginationMeta

    @classmethod
    def of(cls, rows: list[T], *, limit: int, next_cursor: str | None) -> Page[T]:
        """Make a page; there is more exactly when there is a cursor."""
        return cls(
            data=rows,
            pagination=PaginationMeta(limit=limit, has_more=next_cursor is not None, next_cursor=next_cursor),
        )


class ItemsPage(Shape, Generic[T]):
    """Page B: rows under `items`; the end is a `next_cursor` of null, never an empty string."""

    items: list[T] = field(default_factory=list)
    next_cursor: str | None = None
    total: Annotated[int, Meta(description="Rows of all pages.")] = 0


class DeleteResponse(Shape):
    """A deletion that is done."""

    message: str
