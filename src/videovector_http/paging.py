"""Limits of lists."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from msgspec import Meta

Limit: TypeAlias = Annotated[int, Meta(ge=1, le=100, description="Rows of a page.")]
LongLimit: TypeAlias = Annotated[int, Meta(ge=1, le=200, description="Rows at the most.")]
