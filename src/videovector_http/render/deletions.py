"""Deletions."""

from __future__ import annotations

from typing import TypeVar

from litestar import Response
from litestar.openapi.datastructures import ResponseSpec

from videovector_core.deletions import Deletion, DeletionStatus
from videovector_http.wire.base import Shape
from videovector_http.wire.convert import out

D = TypeVar("D", bound=Shape)


def answers(shape: type[Shape]) -> dict[int, ResponseSpec]:
    """Describe what `deletion` answers besides the 202 of its route."""
    return {200: ResponseSpec(shape, description="The deletion is over.", generate_examples=False)}


def deletion(record: Deletion, shape: type[D], **owner: str) -> Response[D]:
    """Answer with a deletion: 202 while it is under way, 200 when it is over."""
    over = record.status is DeletionStatus.DELETED
    return Response(out(record, shape, **owner), status_code=200 if over else 202)
