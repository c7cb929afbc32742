"""Takes down what every call of a published client asks, answers and returns; needs nothing but that client.

The sync and the async client are called alike: `await client.indexes.list()`. A sync call blocks, which harms nobody here.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, Final

import pydantic

ACTIVITY: Final = "/auth/processing-activity"
# The contract lists the keys of an export one by one, and this one is not among them.
LEFT_OUT: Final = {("Export", "user_id")}
# Client 1.x takes the job of a registration for the media item itself, of which the job has the main fields.
JOB_FOR_ITEM: Final = "videos.create"


def public(client: Any) -> list[str]:
    """List the public methods of a client, those of its resources as `resource.method`."""
    resources = [name for name in vars(client) if not name.startswith("_")]
    return sorted(
        [
            *(f"{one}.{name}" for one in resources for name in dir(getattr(client, one)) if not name.startswith("_")),
            *(["authenticate"] if hasattr(client, "authenticate") else []),
        ]
    )


def holes(value: Any, at: str = "") -> Iterator[str]:
    """Name every field that a model declares and the answer did not have."""
    if isinstance(value, pydantic.BaseModel):
        kind = type(value)
        at = at or kind.__name__
        missing = set(kind.model_fields) - value.model_fields_set
        yield from (f"{at}.{name}" for name in sorted(missing) if (kind.__name__, name) not in LEFT_OUT)
        for name in kind.model_fields:
            yield from holes(getattr(value, name), f"{at}.{name}")
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from holes(one, f"{at}.{name}")
    elif isinstance(value, (list, tuple)) or hasattr(value, "auto_paging_iter"):
        for one in getattr(value, "data", value):
            yield from holes(one, at)


class Recorder:
    """Rows by method: what was asked, and what was wrong. Wraps a sync or an async client."""

    def __init__(self, client: Any):
        self.client = client
        self.rows: dict[str, dict[str, Any]] = {name: {"routes": [], "wrong": "not called"} for name in public(client)}
        self._now: list[list[Any]] = []

    async def listen(self) -> None:
        """Note every answer that the client gets from here on."""
        transport = self.client._http
        if hasattr(transport, "_ensure_client"):
            (await transport._ensure_client()).event_hooks = {"response": [self._hear]}
        else:
            transport._client.event_hooks = {"response": [self._note]}

    async def _hear(self, response: Any) -> None:
        self._note(response)

    def _note(self, response: Any) -> None:
        path = response.request.url.path.removeprefix("/api/v2")
        self._now.append([response.request.method, path, response.status_code])

    def __getattr__(self, name: str) -> Any:
        """Return a resource, or a method of the client itself."""
        if name in self.rows:
            return _Method(self, name, getattr(self.client, name))
        return _Resource(self, name)

    async def call(self, name: str, method: Any, given: tuple[Any, ...], more: dict[str, Any]) -> Any:
        """Call, and take down how it went; what fails is raised too."""
        row, self._now = self.rows[name], []
        row["wrong"] = "" if row["wrong"] == "not called" else row["wrong"]
        try:
            value = await settled(method(*given, **more))
        except Exception as error:
            row["wrong"] = row["wrong"] or f"{type(error).__name__}: {error}"[:300]
            raise
        finally:
            routes = [one for one in self._now if name == "authenticate" or one[1] != ACTIVITY]
            row["routes"] += [one for one in routes if one not in row["routes"]]
        older = name == JOB_FOR_ITEM and type(value).__name__ == "Video"
        if missing := sorted(set(holes(value))) if not older else []:
            row["wrong"] = row["wrong"] or f"missing: {', '.join(missing)}"
        return value


class _Resource:
    def __init__(self, recorder: Recorder, name: str):
        self._recorder, self._name = recorder, name

    def __getattr__(self, method: str) -> Any:
        owner = getattr(self._recorder.client, self._name)
        return _Method(self._recorder, f"{self._name}.{method}", getattr(owner, method))


class _Method:
    def __init__(self, recorder: Recorder, name: str, method: Any):
        self._recorder, self._name, self._method = recorder, name, method

    async def __call__(self, *given: Any, **more: Any) -> Any:
        return await self._recorder.call(self._name, self._method, given, more)


async def settled(value: Any) -> Any:
    """Wait for what is awaited, and collect what is iterated."""
    if inspect.isawaitable(value):
        return await value
    if hasattr(value, "__aiter__") and not hasattr(value, "data"):
        return [one async for one in value]
    if inspect.isgenerator(value):
        return list(value)
    return value
