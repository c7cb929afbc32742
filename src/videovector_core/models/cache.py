"""Results of models, kept by content for each tenant, so that the same question is never paid for twice."""

from __future__ import annotations

import hashlib
import json
from typing import Any, Protocol


def content_key(operation: str, **about: Any) -> str:
    """Name a result by everything that went into it: SHA-256 of the canonical JSON of the operation and its inputs."""
    text = json.dumps([operation, about], sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


class ResultCache(Protocol):
    """Keeps plain JSON by content key. `sha256` names the media it came from, so that it goes when they go."""

    async def get(self, user_id: str, key: str) -> Any | None:
        """Return what is kept under a key, `None` when nothing is."""
        ...

    async def put(self, user_id: str, key: str, *, sha256: str, value: Any, blobs: tuple[str, ...] = ()) -> None:
        """Keep a result; `blobs` are stored bytes that it stands on. A key that is there keeps its first value."""
        ...

    async def forget(self, user_id: str, key: str) -> None:
        """Forget one result, so that the next one under its key is kept; forgetting what is not there is no error."""
        ...

    async def purge(self, user_id: str, sha256: str) -> list[str]:
        """Forget everything that came from these media; return the blobs that nothing stands on any more."""
        ...


class CacheTx(Protocol):
    """The slice of a transaction that kept results touch."""

    @property
    def cache(self) -> ResultCache:
        """The kept results."""
        ...
