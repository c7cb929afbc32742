"""Every shape of the wire, samples of them, and the contract that they are held against."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import typing
from pathlib import Path
from types import NoneType, UnionType
from typing import Any

import msgspec
from msgspec import UnsetType

import videovector_http.wire
from tests.needs import needs
from videovector_http.wire.base import Body, Shape
from videovector_http.wire.convert import hints

SPEC = Path(__file__).parents[3] / "shared" / "spec"


def needs_spec(name: str) -> Path:
    """Return a file of the specification, or skip (fail where `CI` is set)."""
    needs((SPEC / name).exists(), f"{name} in shared/spec beside the project")
    return SPEC / name


def modules() -> list[Any]:
    """Import every module of the wire."""
    names = [one.name for one in pkgutil.iter_modules(videovector_http.wire.__path__, "videovector_http.wire.")]
    return [importlib.import_module(name) for name in names]


WIRE: dict[str, type[msgspec.Struct]] = {
    name: one
    for module in modules()
    for name, one in vars(module).items()
    if isinstance(one, type) and issubclass(one, Shape | Body) and one.__module__ == module.__name__
}
SHAPES = sorted(name for name, one in WIRE.items() if issubclass(one, Shape) and not getattr(one, "__parameters__", ()))


def arms(hint: Any) -> tuple[Any, ...]:
    """Return the types that an annotation admits."""
    return typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, UnionType) else (hint,)


LEFT_OUT = {("Export", "user_id"): "7.10 lists exactly 23 keys"}
"""Fields of the tables that no answer has, each with the place that says so."""

COHERENT: dict[str, dict[str, Any]] = {
    "Export": {
        "status": "completed",
        "queue_status": "succeeded",
        "destination_connector_id": None,
        "download_url": "/api/v2/exports/exp_1/download",
        "export_id": "exp_1",
    },
    "ExportDownloadUrlResult": {"status": "completed", "destination_connector_id": None},
}
"""What a wholly filled object must say for its fields to agree with one another."""


def _sample(hint: Any, *, full: bool) -> Any:
    """Make the plainest value of a type."""
    hint = next((arm for arm in arms(hint) if arm not in (NoneType, UnsetType)), hint)
    origin = typing.get_origin(hint)
    if origin is typing.Literal:
        return typing.get_args(hint)[0]
    if origin is list:
        return [_sample(typing.get_args(hint)[0], full=full)] if full else []
    if origin is dict:
        return {"k": _sample(typing.get_args(hint)[1], full=full)} if full else {}
    if inspect.isclass(hint) and issubclass(hint, msgspec.Struct):
        return built(hint, full=full)
    return {str: "x", int: 1, float: 0.5, bool: True}.get(hint, "anything")


def built(cls: type[msgspec.Struct], *, full: bool, **given: Any) -> Any:
    """Build a struct: from its required fields alone, or with every field given."""
    types = hints(cls)
    wanted = [one for one in msgspec.structs.fields(cls) if full or one.required]
    return cls(**{one.name: _sample(types[one.name], full=full) for one in wanted} | given)
