"""What prompts ask of a store."""

from __future__ import annotations

from typing import Protocol

from videovector_core.prompts.model import Prompt


class PromptStore(Protocol):
    """Keeps prompts of tenants; those that come with the server are not kept here."""

    async def add(self, prompt: Prompt) -> bool:
        """Keep a prompt; false when the id is taken."""
        ...

    async def get(self, user_id: str, prompt_id: str) -> Prompt | None:
        """Return the tenant's prompt, active or not."""
        ...

    async def all(self, user_id: str) -> list[Prompt]:
        """Return the tenant's prompts, active or not, newest first."""
        ...

    async def save(self, prompt: Prompt) -> bool:
        """Replace the tenant's prompt; false when it is not there."""
        ...

    async def remove(self, user_id: str, prompt_id: str) -> bool:
        """Forget the tenant's prompt; false when it is not there."""
        ...


class PromptsTx(Protocol):
    """The slice of a transaction that prompts touch."""

    @property
    def prompts(self) -> PromptStore: ...
