"""What access needs kept."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from videovector_core.access.model import ApiKey, User


class AccessStore(Protocol):
    """Keeps users and API keys. Names of users and digests of keys are unique."""

    async def add_user(self, user: User) -> bool:
        """Keep a user; false when the id or the name is taken."""
        ...

    async def user(self, user_id: str) -> User | None:
        """Return a user by id."""
        ...

    async def user_named(self, name: str) -> User | None:
        """Return a user by name, compared as it is written."""
        ...

    async def users(self) -> list[User]:
        """Return every user, oldest first."""
        ...

    async def add_key(self, key: ApiKey) -> bool:
        """Keep a key; false when the id is taken."""
        ...

    async def key(self, user_id: str, key_id: str) -> ApiKey | None:
        """Return a key of the user, revoked and expired ones too."""
        ...

    async def key_with_digest(self, digest: bytes) -> ApiKey | None:
        """Return the key with that digest, of whatever user, revoked and expired ones too."""
        ...

    async def keys(self, user_id: str) -> list[ApiKey]:
        """Return the keys of a user, newest first."""
        ...

    async def save_key(self, key: ApiKey) -> None:
        """Replace a key that is kept."""
        ...

    async def remove_key(self, user_id: str, key_id: str) -> bool:
        """Forget a key; false when it is not there."""
        ...

    async def touch_key(self, key_id: str, now: datetime) -> None:
        """Note the use of a key, unless one was noted within the minute before `now`."""
        ...


class AccessTx(Protocol):
    """The slice of a transaction that access touches."""

    @property
    def access(self) -> AccessStore: ...
