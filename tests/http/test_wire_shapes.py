"""The shapes against the tables of the wire contract, and against what each says of itself."""

from __future__ import annotations

import ast
import inspect
import json
import re
import typing
from functools import cache
from itertools import product
from types import NoneType
from typing import Any

import msgspec
import pytest
from msgspec import NODEFAULT, UNSET

from tests.http.shapes import LEFT_OUT, SHAPES, SPEC, WIRE, arms, built, modules, needs_spec
from videovector_http.wire.convert import hints


class Row(typing.NamedTuple):
    """One field of a table of section 5."""

    field: str
    kind: str
    rule: str


ELSEWHERE = {
    ("ImportJob", name): "UploadJob"
    for name in [
        "video",
        "destination",
        "video_id",
        "title",
        "video_uri",
        "message",
        "media_type",
        "duration_seconds",
        "thumbnail_gcs_uri",
        "thumbnail_uri",
        "thumbnail_available",
    ]
}
"""Fields that the table gives to the answers of uploads only."""


STRICTER = {("Export", "destination_type"): "7.10: never null"}


@cache
def contract() -> dict[str, list[Row]]:
    """Read the tables of section 5; a model that extends another has its rows too."""
    path = SPEC / "wire-contract.md"
    if not path.exists():
        return {}
    text = path.read_text()
    section = text[text.index("\n## 5. Models") : text.index("\n## 6.")]
    models: dict[str, list[Row]] = {}
    for head, body in re.findall(r"^\*\*(\w+)\*\*(.*?)(?=^\*\*\w+\*\*|\Z)", section, flags=re.DOTALL | re.MULTILINE):
        parent = re.match(r" — extends (\w+)", body)
        rows = [*(models[parent[1]] if parent else []), *_rows(body)]
        models[head] = list({row.field: row for row in rows}.values())
    return models


def _rows(body: str) -> list[Row]:
    rows = []
    for line in body.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if not line.startswith("| `"):
            continue
        names = [name for word in re.findall(r"`([^`]+)`", cells[0]) for name in _expand(word)]
        rows += [Row(name, cells[1], cells[2]) for name in names]
    return rows


def _expand(word: str) -> list[str]:
    parts = [part.strip("{}").split(",") for part in re.findall(r"\{[^}]*\}|[^{}]+", word)]
    return ["".join(choice) for choice in product(*parts)]


def _field(cls: type[msgspec.Struct], name: str) -> Any:
    return next(one for one in msgspec.structs.fields(cls) if one.name == name)


def _default(cls: type[msgspec.Struct], name: str) -> Any:
    one = _field(cls, name)
    return one.default if one.default_factory is NODEFAULT else one.default_factory()


def _of_kind(arm: Any, kind: str) -> bool:
    """Tell whether an annotation says what the table's type column says."""
    origin = typing.get_origin(arm)
    if kind.startswith("oneof["):
        return origin is typing.Literal and set(typing.get_args(arm)) == set(ast.literal_eval(kind[5:]))
    if kind in ("str", "oneof export status"):
        return arm is str or origin is typing.Literal
    if kind.startswith("list["):
        inner = typing.get_args(arm)
        return origin is list and any(_of_kind(one, kind[5:-1]) for one in arms(inner[0]))
    if kind.startswith("map[") or kind == "object":
        return arm is dict or origin in (dict, list) or (inspect.isclass(arm) and issubclass(arm, msgspec.Struct))
    plain = {"int": int, "float": float, "bool": bool}
    if set(kind.split("/")) <= {"float", "str", "bool"} and "/" in kind:
        return arm in (float, str, bool)
    return arm is plain[kind] if kind in plain else getattr(arm, "__name__", None) == kind


@pytest.mark.parametrize("model", sorted(contract()) or ["every model"])
def test_tables_of_the_contract(model: str) -> None:
    """Each field of a table is there; R has no default, N admits null, D has its default and admits no null."""
    needs_spec("wire-contract.md")
    assert contract()[model]
    for name, kind, rule in contract()[model]:
        if (model, name) in LEFT_OUT:
            assert name not in WIRE[model].__struct_fields__
            continue
        cls = WIRE[ELSEWHERE.get((model, name), model)]
        assert name in cls.__struct_fields__, f"{model}.{name} is missing"
        kinds = arms(hints(cls)[name])
        where = f"{model}.{name} {rule}: {kinds}"
        assert any(_of_kind(arm, kind) for arm in kinds), f"{where} is no {kind}"
        if (model, name) in STRICTER:
            assert NoneType not in kinds, where
        elif rule == "R":
            assert _field(cls, name).required, where
            assert NoneType not in kinds, where
        elif rule in ("N", "X N"):
            assert NoneType in kinds, where
            assert _default(cls, name) is None, where
        elif rule.startswith("D="):
            assert NoneType not in kinds, where
            _check_default(_default(cls, name), rule[2:], where)
        else:
            assert rule.startswith("X"), where
            assert NoneType not in kinds or name in ("duration_seconds", "thumbnail_gcs_uri", "thumbnail_uri"), where


def _check_default(ours: Any, told: str, where: str) -> None:
    if told == "{}" and isinstance(ours, msgspec.Struct):
        assert all(not one.required for one in msgspec.structs.fields(type(ours))), where
        return
    try:
        expected = ast.literal_eval(told.capitalize() if told in ("true", "false") else told)
    except (SyntaxError, ValueError):
        expected = told
    assert ours == expected, where
    assert type(ours) is type(expected), where


def test_tables_were_read() -> None:
    """The reader of the tables finds them all, with the fifteen media counters and the inherited rows."""
    needs_spec("wire-contract.md")
    models = contract()
    assert len(models) >= 74
    counters = {row.field for row in models["PromptRun"]} & {
        f"{state}_{kind}"
        for state in ("total", "completed", "failed", "partial", "cancelled")
        for kind in ("videos", "audios", "images")
    }
    assert len(counters) == 15
    assert {"video_id", "gif_data"} <= {row.field for row in models["VideoWithDetails"]}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("full", [False, True], ids=["bare", "full"])
def test_shapes_say_what_they_declare(name: str, *, full: bool) -> None:
    """What a shape writes, defaults included, is valid by its own types, and no field is left out but an unset one."""
    made = built(WIRE[name], full=full)
    text = msgspec.json.encode(made)
    assert msgspec.json.decode(text, type=WIRE[name]) == made
    unset = {one.encode_name for one in msgspec.structs.fields(WIRE[name]) if getattr(made, one.name) is UNSET}
    assert set(json.loads(text)) == {one.encode_name for one in msgspec.structs.fields(WIRE[name])} - unset


def test_exports_have_their_closed_sets_of_keys() -> None:
    """The status of an export has 23 keys and the minted URL five; the strict client refuses any other."""
    assert len(WIRE["Export"].__struct_fields__) == 23
    assert set(WIRE["ExportDownloadUrlResult"].__struct_fields__) == {
        "export_id",
        "status",
        "destination_type",
        "destination_connector_id",
        "download_url",
    }


def test_shapes_are_frozen_and_keyword_only() -> None:
    """No shape can be changed once made, nor built by position."""
    for name, one in WIRE.items():
        assert one.__struct_config__.frozen, name
        with pytest.raises(TypeError, match="Extra positional"):
            one(None)


def test_every_shape_describes_itself() -> None:
    """JSON Schema can be made of every shape, and each says what it is."""
    concrete = [one for one in WIRE.values() if not getattr(one, "__parameters__", ())]
    _, schemas = msgspec.json.schema_components(concrete)
    assert {one.__name__ for one in concrete} <= set(schemas)
    assert [name for name, one in WIRE.items() if not name.startswith("_") and not one.__doc__] == []


def test_names_are_unique() -> None:
    """Two shapes with one name would be one component of the OpenAPI document."""
    names = [
        one.__name__
        for module in modules()
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, msgspec.Struct) and one.__module__ == module.__name__
    ]
    assert len(names) == len(set(names))
