"""What the shapes write is what the published client reads."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import msgspec
import pytest
from pydantic import BaseModel

from tests.http.shapes import COHERENT, LEFT_OUT, WIRE, built


def _sdk_models() -> dict[str, type[BaseModel]]:
    types = importlib.import_module("videovector._types")
    return {name: one for name, one in vars(types).items() if inspect.isclass(one) and issubclass(one, BaseModel)} | {
        "UploadJob": types.ImportJob
    }


SDK = {name: one for name, one in _sdk_models().items() if name != "BaseModel"}


@pytest.mark.parametrize("name", sorted(SDK))
def test_required_fields_alone_satisfy_the_client(name: str) -> None:
    """An answer built from its required fields only is accepted by SDK 2.0.0."""
    SDK[name].model_validate_json(msgspec.json.encode(built(WIRE[name], full=False)))


@pytest.mark.parametrize("name", sorted(SDK))
def test_every_field_reaches_the_client(name: str) -> None:
    """Every field of a client's model is one of ours, and what we put in it is what the client reads."""
    sent = built(WIRE[name], full=True, **COHERENT.get(name, {}))
    read = SDK[name].model_validate_json(msgspec.json.encode(sent)).model_dump(mode="json")
    wire = msgspec.to_builtins(sent)
    missing = {field for field in read if field not in wire and (name, field) not in LEFT_OUT}
    assert not missing
    assert {field: read[field] for field in read if field in wire and field != "download_url"} == {
        field: _as_read(wire[field], read[field]) for field in read if field in wire and field != "download_url"
    }


def _as_read(wire: Any, read: Any) -> Any:
    """Drop what the client does not know."""
    if isinstance(wire, dict) and isinstance(read, dict):
        return {key: _as_read(value, read[key]) for key, value in wire.items() if key in read}
    if isinstance(wire, list) and isinstance(read, list):
        return [_as_read(one, other) for one, other in zip(wire, read, strict=True)]
    return wire
