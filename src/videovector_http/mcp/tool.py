"""What a tool is: an operation of the HTTP surface with a name, arguments and a result that agents understand."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

import msgspec
from attrs import frozen

from videovector_http.mcp.api import Api, filled
from videovector_http.wire.base import Body, Shape

Arguments: TypeAlias = dict[str, Any]
Shaper: TypeAlias = Callable[[Any, Arguments], Mapping[str, Any]]
Asker: TypeAlias = Callable[[Api, Arguments], Awaitable[Any]]

READ: Final = "read"
WRITE: Final = "write"
REPLACE: Final = "replace"
_LEFT_OUT: Final = frozenset(
    {"title", "description", "examples", "default", "pattern", "minLength", "maxLength", "minItems", "maxItems"}
)


def same(answer: Any, _: Arguments) -> Mapping[str, Any]:
    """Give the answer as it is."""
    found: Mapping[str, Any] = answer
    return found


@frozen
class Tool:
    """A tool.

    Args:
        name: what clients call it by.
        category: where help pages list it.
        does: `read`, `write`, or `replace` for a write that undoes something.
        operation: method and path of the route behind it; the scope that the route wants is the tool's.
        says: what an agent is told about it.
        takes: its arguments. Those that the path names go there, `idempotency_key` into the header, the others into
            the query of a GET or the body of anything else.
        gives: its result.
        shape: makes the result of the answer and the arguments.
        ask: asks in another way, where one call of the operation is not all.
    """

    name: str
    category: str
    does: str
    operation: str
    says: str
    takes: type[Body]
    gives: type[Shape]
    shape: Shaper = same
    ask: Asker | None = None

    @property
    def method(self) -> str:
        """The method of the route."""
        return self.operation.partition(" ")[0]

    @property
    def path(self) -> str:
        """The path of the route."""
        return self.operation.partition(" ")[2]

    def read(self, arguments: Mapping[str, Any]) -> Arguments:
        """Check arguments and add what was left out; what was not given and has no default stays out.

        Raises:
            msgspec.ValidationError: they do not fit.
        """
        # not strict, because agents write 10.0 and "10" for a whole number
        checked = msgspec.convert(dict(arguments), self.takes, strict=False)
        found: Arguments = msgspec.to_builtins(checked)
        return {name: value for name, value in found.items() if value is not None}

    async def run(self, api: Api, given: Arguments) -> dict[str, Any]:
        """Do it with arguments that `read` gave, and return the result as plain JSON."""
        answer = await (self.ask(api, given) if self.ask is not None else call(api, self.method, self.path, given))
        result = msgspec.convert(self.shape(answer, given), self.gives)
        plain: dict[str, Any] = msgspec.to_builtins(result)
        return plain


async def call(api: Api, method: str, path: str, given: Arguments) -> Any:
    """Call an operation with arguments, each where it belongs."""
    rest = {name: value for name, value in given.items() if f"{{{name}}}" not in path}
    key = rest.pop("idempotency_key", None)
    if method == "GET":
        return await api.call(method, filled(path, given), query=rest)
    return await api.call(method, filled(path, given), body=rest, key=key)


def schema(shape: type[Body | Shape]) -> dict[str, Any]:
    """Return the JSON Schema of a shape, its root an object; parts that are used often stand in `$defs`."""
    told = msgspec.json.schema(shape)
    parts: dict[str, Any] = told.get("$defs", {})
    root = dict(parts.pop(told["$ref"].rsplit("/", 1)[1]) if "$ref" in told else told)
    root.pop("title", None)
    return {**root, "$defs": parts} if parts else root


def lean(node: Any) -> Any:
    """Return a schema of results without texts and bounds: its readers want to know types, and it is sent often."""
    if isinstance(node, list):
        return [lean(one) for one in node]
    if not isinstance(node, dict):
        return node
    kept = {name: value for name, value in node.items() if name not in _LEFT_OUT}
    named = {
        name: {key: lean(one) for key, one in kept[name].items()} for name in ("properties", "$defs") if name in kept
    }
    return {**{name: lean(value) for name, value in kept.items() if name not in named}, **named}


def flat(shape: type[Body]) -> dict[str, Any]:
    """Return the JSON Schema of arguments with every part in its place: not all clients follow references."""
    root = schema(shape)
    parts = root.pop("$defs", {})
    found: dict[str, Any] = _flat(root, parts)
    return found


def _flat(node: Any, parts: Mapping[str, Any]) -> Any:
    if isinstance(node, list):
        return [_flat(one, parts) for one in node]
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return _flat(parts[node["$ref"].rsplit("/", 1)[1]], parts)
    alternatives = [one for one in node.get("anyOf", ()) if one.get("type") != "null"]
    if len(alternatives) == 1 and len(node["anyOf"]) == 2:
        # absent and null mean the same, and an optional argument reads better without the second
        outer = {name: value for name, value in node.items() if name not in {"anyOf", "default"}}
        return _flat({**alternatives[0], **outer}, parts)
    return {name: _flat(value, parts) for name, value in node.items()}
