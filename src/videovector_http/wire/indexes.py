"""Indexes."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from videovector_http.wire.base import Body, Shape
from videovector_http.wire.common import DeletionStatus, IndexId, IndexName, Time, UserId

RetryAfter = Annotated[int, Meta(description="Poll again after so many seconds (1 or more); null when it is deleted.")]
ACCEPTED = "The deletion was accepted; poll its status until it is `deleted`."
"""Older clients read only a `message` from a deletion."""


class CreateIndex(Body):
    """A new index."""

    name: IndexName
    description: Annotated[str, Meta(max_length=500, pattern=r"^[^\x00]*$")] | None = None


class Index(Shape):
    """A collection of media."""

    index_id: IndexId
    name: str
    user_id: UserId
    created_at: Time
    description: str | None = None
    sort_order: int | None = None
    is_default: Annotated[bool, Meta(description="A shared index that the server brings along.")] = False


class IndexDeletionResponse(Shape):
    """A durable deletion: the same `deletion_id` is answered until it is over, and after."""

    index_id: IndexId
    deletion_id: str
    status: DeletionStatus
    retry_after_seconds: RetryAfter | None = None
    message: str = ACCEPTED
