"""An index and the rules for naming it."""

from __future__ import annotations

from datetime import datetime

from attrs import frozen


@frozen
class Index:
    """A collection of media. A default index is shared: everybody may read it, nobody may write to it."""

    index_id: str
    user_id: str
    name: str
    created_at: datetime
    description: str | None = None
    sort_order: int | None = None
    is_default: bool = False
