"""What requests may hold: as the decoder that reads them has it, with the rules between fields that no type can say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from videovector_core.exports.model import MEDIA_TYPES
from videovector_core.imports.model import JobStatus
from videovector_core.markers import PALETTE
from videovector_core.search.filters import LENGTHS, OPERATORS, VALUELESS, Operator, ValueType
from videovector_core.usage import UNITS
from videovector_core.webhooks.model import DeliveryStatus
from videovector_http.wire.base import Body
from videovector_http.wire.connectors import GcsConnectorFields
from videovector_http.wire.media import UploadFields
from videovector_http.wire.workflow import WorkflowUploadFields

PRINTABLE: Final = r"^[^\x00-\x1f\x7f]*$"
FILES: Final = {
    "/api/v2/videos/{video_id}/gif": ("image/gif",),
    "/api/v2/videos/segments/{segment_id}/thumbnail": ("image/jpeg",),
    "/api/v2/exports/{export_id}/download": tuple(MEDIA_TYPES.values()),
}
"""What routes that answer with bytes answer with."""
RANGED: Final = frozenset(
    {
        "/api/v2/exports/{export_id}/download",
        "/api/v2/media/stream",
        "/api/v2/prompt-runs/{run_id}/results.parquet",
    }
)
"""Routes that honour byte ranges."""
_TOOLS: Final = "videovector_http.wire.tools"
"""What tools of agents are given is described to agents, under names of its own."""
_REF: Final = "#/components/schemas/{name}"


def bodies() -> dict[str, Any]:
    """Return the JSON Schema of every request body, by name."""
    known = list(dict.fromkeys(_below(Body)))
    _, schemas = msgspec.json.schema_components(known, ref_template=_REF)
    return {name: {**schema, **RULES.get(name, {})} for name, schema in schemas.items()}


FORMS: Final[dict[str, tuple[type[Body], str, str]]] = {
    "/api/v2/videos/upload": (UploadFields, "file", "video/mp4"),
    "/api/v2/workflow/upload": (WorkflowUploadFields, "file", "video/mp4"),
    "/api/v2/connectors/gcs": (GcsConnectorFields, "credentials_file", "application/json"),
}
"""Routes that take a form: its text fields, the name of its file and a type that the file may have."""


def form(path: str) -> dict[str, Any]:
    """Describe the multipart request of a route."""
    fields, file, media = FORMS[path]
    (_,), schemas = msgspec.json.schema_components([fields], ref_template=_REF)
    schema = schemas[fields.__name__]
    properties = {name: _text(inner) for name, inner in schema["properties"].items()}
    properties[file] = {"type": "string", "format": "binary", "minLength": 1, "description": "The file itself."}
    described = {**schema, "properties": properties, "required": [*schema.get("required", ()), file]}
    content = {"schema": described, "encoding": {file: {"contentType": media}}}
    return {"required": True, "content": {"multipart/form-data": content}}


def parameters(path: str, listed: list[dict[str, Any]]) -> None:
    """Say of parameters what their types cannot, and what the gate asks of all of them: no control characters."""
    for one in listed:
        if (path, one["name"]) in PARAMETERS:
            one["schema"] = PARAMETERS[path, one["name"]]
        if one["in"] != "header":
            for schema in _texts(one["schema"]):
                schema.setdefault("pattern", PRINTABLE)


def _below(cls: type[Body]) -> Iterator[type[Body]]:
    for one in cls.__subclasses__():
        if not one.__name__.startswith("_") and not one.__module__.startswith(_TOOLS):
            yield one
        yield from _below(one)


def _text(schema: dict[str, Any]) -> dict[str, Any]:
    """A field of a form is text: what may be null may be left out, and what has a default has it here as well."""
    arms = [arm for arm in schema.get("anyOf", ()) if arm.get("type") != "null"]
    return arms[0] if len(arms) == 1 else schema


def _texts(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    kinds = schema.get("type")
    if ("string" in kinds if isinstance(kinds, list) else kinds == "string") and not {"enum", "format"} & set(schema):
        yield schema
    for name in ("oneOf", "anyOf", "allOf"):
        for arm in schema.get(name, ()):
            yield from _texts(arm)


def _given(name: str) -> dict[str, Any]:
    return {"required": [name], "properties": {name: {"not": {"type": "null"}}}}


def _listed(name: str) -> dict[str, Any]:
    return {"required": [name], "properties": {name: {"type": "array", "minItems": 1}}}


def _one_of(*names: str) -> dict[str, Any]:
    return {"oneOf": [_given(name) for name in names]}


def _not_both(*names: str) -> dict[str, Any]:
    return {"not": {"allOf": [_given(name) for name in names]}}


def _never(*names: str) -> dict[str, Any]:
    return {"not": {"anyOf": [{"required": [name]} for name in names]}}


_SCALARS: Final = {
    ValueType.STRING: {"type": "string"},
    ValueType.INTEGER: {"type": "integer"},
    ValueType.NUMBER: {"type": "number"},
    ValueType.BOOLEAN: {"type": "boolean"},
    ValueType.ARRAY: {"type": "string"},
}


def _conditions() -> Iterator[dict[str, Any]]:
    """Say which operators go with which type, and what value with both."""
    for kind, operators in OPERATORS.items():
        groups = (
            (operators & LENGTHS, {"type": "integer", "minimum": 0}),
            (operators - VALUELESS - LENGTHS, _SCALARS[kind]),
        )
        for of, value in groups:
            if of:
                yield {"properties": {**_named(kind, of), "value": value}, "required": ["type", "value"]}
        if operators & VALUELESS:
            named = _named(kind, operators & VALUELESS)
            yield {"properties": named, "required": ["type", "operator"], "not": {"required": ["value"]}}


def _untyped() -> Iterator[dict[str, Any]]:
    """Say the same of conditions whose type stands in a schema: which scalar it takes is not known here."""
    of = {"type": {"type": "null"}, "operator": {"enum": sorted(one.value for one in Operator if one not in VALUELESS)}}
    yield {"properties": {**of, "value": {"type": ["string", "number", "boolean"]}}, "required": ["value"]}
    of = {"type": {"type": "null"}, "operator": {"enum": sorted(VALUELESS)}}
    yield {"properties": of, "required": ["operator"], "not": {"required": ["value"]}}


def _named(kind: ValueType, operators: Iterable[Operator]) -> dict[str, Any]:
    return {"type": {"const": kind.value}, "operator": {"enum": sorted(one.value for one in operators)}}


def _any_of(*names: str) -> dict[str, Any]:
    return {"anyOf": [_given(name) for name in names]}


def _durations() -> dict[str, Any]:
    """Say that a duration goes with fixed slices, and only with them."""
    kinds = ("video", "audio")
    return {"allOf": [_duration(f"{kind}_segment_duration", f"{kind}_segmentation_type") for kind in kinds]}


def _duration(duration: str, mode: str) -> dict[str, Any]:
    fixed = {"required": [mode], "properties": {mode: {"const": "fixed"}}}
    return {"anyOf": [{"allOf": [_given(duration), fixed]}, {"not": {"anyOf": [_given(duration), fixed]}}]}


_SOMEWHERE: Final = {"anyOf": [_given("index_id"), _listed("run_ids")]}
_IMMUTABLE: Final = ("bucket", "region", "endpoint_url", "gcp_project_id", "storage_account", "container", "root")
_CHANGES: Final = ("name", "scopes", "import_mode", "export_base_path", "status", "credentials", "client_secret")
_MOMENT: Final = {"anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]}

_COLOUR: Final = f"^(#[0-9a-fA-F]{{6}}|{'|'.join(sorted(PALETTE))})$"


def _written(name: str, **more: Any) -> dict[str, Any]:
    return {"required": [name], "properties": {name: {"type": "string", "pattern": r"\S", **more}}}


PARAMETERS: Final[dict[tuple[str, str], dict[str, Any]]] = {
    ("/api/v2/usage/details", "metric_type"): {"type": "string", "enum": list(UNITS)},
    ("/api/v2/import-jobs", "status"): {"type": "string", "enum": [one.value for one in JobStatus]},
    ("/api/v2/webhooks/{webhook_id}/deliveries", "status"): {
        "type": "string",
        "enum": [one.value for one in DeliveryStatus],
    },
    **{
        (f"/api/v2/usage/{page}", f"{end}_date"): _MOMENT
        for page in ("breakdown", "details", "history")
        for end in ("start", "end")
    },
    ("/api/v2/chat/sessions/{session_id}/turns/{turn_id}/stream", "Last-Event-ID"): {
        "type": "string",
        "pattern": "^[0-9]{1,9}$",
    },
}

RULES: Final[dict[str, dict[str, Any]]] = {
    "BatchSegments": {**_one_of("video_ids", "targets"), "example": {"video_ids": ["vid_456"]}},
    "CreateExport": {"if": _given("destination_subpath"), "then": _given("destination_connector_id")},
    "Evaluate": _SOMEWHERE,
    "MultiRunSearch": _SOMEWHERE,
    "LabelledQuery": _any_of("query", "image_data"),
    "RelevantMoment": {
        "anyOf": [
            {"allOf": [_given("start_time"), _given("end_time")]},
            {"not": {"anyOf": [_given("start_time"), _given("end_time")]}},
        ],
        "example": {"video_id": "vid_456", "start_time": 12.0, "end_time": 15.5},
    },
    "FilterCondition": {"anyOf": list(_conditions())},
    "WorkflowFilter": {
        "anyOf": [*_conditions(), *_untyped()],
        "example": {"field": "scene.people[].emotion", "value": "happy"},
    },
    "FilterSearch": _never("start_after"),
    "MultimodalSearch": _any_of("text_query", "image_data"),
    "UpdateConnector": {
        **_never(*_IMMUTABLE),
        "anyOf": [{"required": [name]} for name in _CHANGES],
        "example": {"name": "Archive"},
    },
    "UpdateWebhook": {"anyOf": [{"required": [name]} for name in ("name", "url", "events", "status")]},
    "ExecutePrompt": _durations(),
    "PromptPresetBody": _durations(),
    "PutMarker": {
        "if": {"properties": {"target_type": {"const": "field"}}},
        "then": {"allOf": [_given("field_path"), _given("run_id")]},
        "else": {"not": _given("field_path")},
        "anyOf": [_written("color"), _written("note")],
        "allOf": [{"anyOf": [{"not": _written("color")}, _written("color", pattern=_COLOUR)]}],
        "example": {"target_type": "video", "target_id": "vid_456", "color": "#ffaa00"},
    },
    "ProcessMedia": {
        **_one_of("prompt_id", "prompt_instruction"),
        "allOf": [
            _not_both("index_id", "index_name"),
            *(_not_both("import_job_id", other) for other in ("index_id", "index_name", "video_ids")),
            *_durations()["allOf"],
        ],
        "example": {"prompt_id": "prompt_scene_extract", "video_ids": "vid_456"},
    },
    "ImportAttachments": {
        **_not_both("index_id", "index_name"),
        "example": {"files": [{"file_id": "1", "download_url": "https://files.example.com/clip.mp4"}]},
    },
    "WorkflowSearch": {
        "allOf": [_not_both("index_id", "index_name"), {"anyOf": [_written("query"), _listed("filters")]}],
        "example": {"query": "reporter at station entrance", "index_id": "idx_archive"},
    },
}
"""Rules between the fields of a request."""
