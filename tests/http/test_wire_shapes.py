"""The shapes against the wire contract, against the published client's models, and against the documented requests."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import pkgutil
import re
import typing
from functools import cache
from itertools import product
from pathlib import Path
from types import NoneType, UnionType
from typing import Any

import msgspec
import pytest
from msgspec import NODEFAULT, UNSET, UnsetType
from pydantic import BaseModel

import videovector_http.wire
from tests.needs import needs
from videovector_http.wire.base import Body, Shape
from videovector_http.wire.convert import hints

SPEC = Path(__file__).parents[3] / "shared" / "spec"


def needs_spec(name: str) -> Path:
    """Return a file of the specification, or skip (fail where `CI` is set)."""
    needs((SPEC / name).exists(), f"{name} in shared/spec beside the project")
    return SPEC / name


def _modules() -> list[Any]:
    names = [one.name for one in pkgutil.iter_modules(videovector_http.wire.__path__, "videovector_http.wire.")]
    return [importlib.import_module(name) for name in names]


WIRE: dict[str, type[msgspec.Struct]] = {
    name: one
    for module in _modules()
    for name, one in vars(module).items()
    if isinstance(one, type) and issubclass(one, Shape | Body) and one.__module__ == module.__name__
}
SHAPES = sorted(name for name, one in WIRE.items() if issubclass(one, Shape) and not getattr(one, "__parameters__", ()))

# The contract's tables ------------------------------------------------------------------------------------------


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

LEFT_OUT = {("Export", "user_id"): "7.10 lists exactly 23 keys"}
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


def _arms(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, UnionType) else (hint,)


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
        return origin is list and any(_of_kind(one, kind[5:-1]) for one in _arms(inner[0]))
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
        arms = _arms(hints(cls)[name])
        where = f"{model}.{name} {rule}: {arms}"
        assert any(_of_kind(arm, kind) for arm in arms), f"{where} is no {kind}"
        if (model, name) in STRICTER:
            assert NoneType not in arms, where
        elif rule == "R":
            assert _field(cls, name).required, where
            assert NoneType not in arms, where
        elif rule in ("N", "X N"):
            assert NoneType in arms, where
            assert _default(cls, name) is None, where
        elif rule.startswith("D="):
            assert NoneType not in arms, where
            _check_default(_default(cls, name), rule[2:], where)
        else:
            assert rule.startswith("X"), where
            assert NoneType not in arms or name in ("duration_seconds", "thumbnail_gcs_uri", "thumbnail_uri"), where


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


# The published client -------------------------------------------------------------------------------------------


def _sdk_models() -> dict[str, type[BaseModel]]:
    types = importlib.import_module("videovector._types")
    return {name: one for name, one in vars(types).items() if inspect.isclass(one) and issubclass(one, BaseModel)} | {
        "UploadJob": types.ImportJob
    }


SDK = {name: one for name, one in _sdk_models().items() if name != "BaseModel"}

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
    hint = next((arm for arm in _arms(hint) if arm not in (NoneType, UnsetType)), hint)
    origin = typing.get_origin(hint)
    if origin is typing.Literal:
        return typing.get_args(hint)[0]
    if origin is list:
        return [_sample(typing.get_args(hint)[0], full=full)] if full else []
    if origin is dict:
        return {"k": _sample(typing.get_args(hint)[1], full=full)} if full else {}
    if inspect.isclass(hint) and issubclass(hint, msgspec.Struct):
        return _built(hint, full=full)
    return {str: "x", int: 1, float: 0.5, bool: True}.get(hint, "anything")


def _built(cls: type[msgspec.Struct], *, full: bool, **given: Any) -> Any:
    """Build a struct: from its required fields alone, or with every field given."""
    types = hints(cls)
    wanted = [one for one in msgspec.structs.fields(cls) if full or one.required]
    return cls(**{one.name: _sample(types[one.name], full=full) for one in wanted} | given)


@pytest.mark.parametrize("name", sorted(SDK))
def test_required_fields_alone_satisfy_the_client(name: str) -> None:
    """An answer built from its required fields only is accepted by SDK 2.0.0."""
    SDK[name].model_validate_json(msgspec.json.encode(_built(WIRE[name], full=False)))


@pytest.mark.parametrize("name", sorted(SDK))
def test_every_field_reaches_the_client(name: str) -> None:
    """Every field of a client's model is one of ours, and what we put in it is what the client reads."""
    sent = _built(WIRE[name], full=True, **COHERENT.get(name, {}))
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


# Requests -------------------------------------------------------------------------------------------------------

ROUTES = {
    "/api-keys": "CreateApiKey",
    "/indexes": "CreateIndex",
    "/indexes/{id}/search": "TextSearch",
    "/indexes/{id}/multimodal-search": "MultimodalSearch",
    "/prompts": "CreatePrompt",
    "/prompts/test-schema": "TestSchema",
    "/prompt-runs/execute": "ExecutePrompt",
    "/search/filter/{id}": "FilterSearch",
    "/search/sql/{id}/generate": "SqlGenerate",
    "/connectors/s3": "CreateS3Connector",
    "/connectors/{id}/browse": "BrowseConnector",
    "/import-jobs": "CreateImportJob",
    "/exports/index/{id}": "CreateExport",
    "/webhooks": "CreateWebhook",
    "/chat/sessions": "CreateChatSession",
    "/chat/sessions/{id}/turns": "CreateChatTurn",
    "/videos/signed-url": "SignUrl",
}


def test_documented_requests_are_understood() -> None:
    """Every JSON request of the API reference decodes, and no documented field is lost on the way."""
    path = needs_spec("api-reference.txt")
    calls = re.findall(r"curl[^\n]*?/api/v2(/\S+)(?:(?!curl).)*?-d '(\{.*?\})'", path.read_text(), flags=re.DOTALL)
    assert len(calls) >= 15
    for route, payload in calls:
        general = re.sub(r"(idx|conn|session)_\w+", "{id}", route)
        decoded = msgspec.json.decode(payload, type=WIRE[ROUTES[general]])
        assert _lost(json.loads(payload), msgspec.to_builtins(decoded)) == [], route


def _lost(sent: Any, got: Any) -> list[str]:
    if not isinstance(sent, dict):
        return [] if sent == got else [f"{sent!r} became {got!r}"]
    return [problem for key, value in sent.items() for problem in (_lost(value, got[key]) if key in got else [key])]


CONDITION: dict[str, Any] = {"field": "a.b[].c", "operator": "equals", "type": "string", "value": "x"}
REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("CreateIndex", {"name": ""}),
    ("CreateIndex", {"name": "n" * 256}),
    ("CreateIndex", {"name": "nul\0inside"}),
    ("CreateIndex", {"name": None}),
    ("CreateApiKey", {"name": "k", "expires_in_days": 0}),
    ("CreateApiKey", {"name": "k", "expires_in_days": 366}),
    ("CreateApiKey", {"name": "k", "scopes": ["root"]}),
    ("TextSearch", {"query": ""}),
    ("TextSearch", {"query": "q", "top_k": 0}),
    ("TextSearch", {"query": "q", "top_k": 101}),
    ("TextSearch", {"query": "q", "top_k": "ten"}),
    ("MultiRunSearch", {"query": "q", "top_k": 51}),
    ("MultiRunSearch", {"query": "q", "aggregation": "worst"}),
    ("MultimodalSearch", {"text_query": "q", "text_weight": 1.1}),
    ("FilterSearch", {"conditions": []}),
    ("FilterSearch", {"conditions": [CONDITION] * 5}),
    ("FilterSearch", {"conditions": [{**CONDITION, "fuzzyMatch": True}]}),
    ("FilterSearch", {"conditions": [{**CONDITION, "operator": "matches"}]}),
    ("FilterSearch", {"conditions": [CONDITION], "page_size": 101}),
    ("WorkflowSearch", {"filters": [{"field": "a", "value": 1, "start_after": "x"}]}),
    ("WorkflowSearch", {"query": "q", "limit": 51}),
    ("CreatePrompt", {"name": "ab", "prompt_text": "long enough", "json_schema": {}}),
    ("CreatePrompt", {"name": "abc", "prompt_text": "too short", "json_schema": {}}),
    ("CreatePrompt", {"name": "abc", "prompt_text": "long enough", "json_schema": []}),
    ("UpdatePrompt", {"description": "d" * 501}),
    ("ExecutePrompt", {"prompt_id": "p", "target": {"type": "galaxy"}}),
    ("ExecutePrompt", {"prompt_id": "p", "target": {"type": "videos", "video_ids": []}}),
    ("ExecutePrompt", {"prompt_id": "p", "target": {"type": "playground"}, "video_segment_duration": 301}),
    ("ExecutePrompt", {"prompt_id": "p", "target": {"type": "playground"}, "video_segment_duration": 1.5}),
    ("BatchVideos", {"video_ids": []}),
    ("BatchVideos", {"video_ids": ["v"] * 101}),
    ("BatchSegments", {"video_ids": ["v"] * 51}),
    ("SqlQuery", {"query": "SELECT 1", "result_limit": 2001}),
    ("CreateWebhook", {"name": "w", "url": "https://example.com", "events": ["prompt.run.completed"]}),
    ("CreateWebhook", {"name": "w", "url": "ftp://example.com", "events": ["export.ready"]}),
    ("UpdateWebhook", {"status": "disabled"}),
    ("PutImportAutomation", {"connector_id": "c", "debounce_interval": "2m", "prompt_preset": {"prompt_id": "p"}}),
    ("CreateChatTurn", {"message": ""}),
    ("ProcessingActivity", {"event_id": "e", "surface": "browser", "reason": "authentication"}),
]


@pytest.mark.parametrize(("body", "sent"), REFUSED, ids=lambda given: given if isinstance(given, str) else "")
def test_bounds_are_kept(body: str, sent: dict[str, Any]) -> None:
    """A request outside a documented bound is refused where it is decoded."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.json.decode(json.dumps(sent).encode(), type=WIRE[body])


def test_unknown_fields_are_ignored_outside_conditions() -> None:
    """A newer client's extra fields break nothing."""
    decoded = msgspec.json.decode(b'{"name":"n","colour":"red"}', type=WIRE["CreateIndex"])
    assert decoded == WIRE["CreateIndex"](name="n")


def test_absent_is_not_null_where_it_matters() -> None:
    """A condition's value, and an update's fields, tell null from absent."""
    bare = {key: value for key, value in CONDITION.items() if key != "value"}
    condition = WIRE["FilterCondition"]
    assert msgspec.convert(bare, condition).value is UNSET  # type: ignore[attr-defined]
    assert msgspec.convert({**bare, "value": None}, condition).value is None  # type: ignore[attr-defined]
    update = WIRE["UpdateWebhook"]
    assert msgspec.convert({}, update).index_ids is UNSET  # type: ignore[attr-defined]
    assert msgspec.convert({"index_ids": None}, update).index_ids is None  # type: ignore[attr-defined]


def test_numbers_keep_their_type_in_conditions() -> None:
    """An integer stays an integer and a boolean a boolean, since the rules of the value depend on it."""
    for value in (1, 1.0, True, "1"):
        sent = json.dumps({**CONDITION, "value": value}).encode()
        got = msgspec.json.decode(sent, type=WIRE["FilterCondition"]).value  # type: ignore[attr-defined]
        assert type(got) is type(value)


def test_one_id_or_many() -> None:
    """The workflow routes take a list of ids or a single one."""
    for sent in ("vid_1", ["vid_1", "vid_2"]):
        got = msgspec.convert({"video_ids": sent}, WIRE["ProcessMedia"])
        assert got.video_ids == sent  # type: ignore[attr-defined]


# The whole house ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("full", [False, True], ids=["bare", "full"])
def test_shapes_say_what_they_declare(name: str, *, full: bool) -> None:
    """What a shape writes, defaults included, is valid by its own types, and no field is left out but an unset one."""
    made = _built(WIRE[name], full=full)
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
        with pytest.raises(TypeError):
            one(*range(len(one.__struct_fields__) + 1))


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
        for module in _modules()
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, msgspec.Struct) and one.__module__ == module.__name__
    ]
    assert len(names) == len(set(names))
