"""The OpenAPI document: what the routes say of themselves, and what the gate adds to every one of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec
from litestar import Litestar
from litestar.config.app import AppConfig
from litestar.di import Provide
from litestar.handlers import HTTPRouteHandler
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.routes import HTTPRoute

from videovector_core import __version__
from videovector_http.described import FILES, FORMS, RANGED, bodies, form, parameters
from videovector_http.errors import BY_STATUS
from videovector_http.gate import JWT, PUBLIC, Rule

DESCRIPTION: Final = """Upload video, audio and images, run prompts over their segments, and search what was found.

Send an API key in `X-API-Key` or a bearer token in `Authorization`. Scopes include each other: `admin` > `write` >
`read` > `search`. Lists are read with `limit` and `cursor`. Writes take an `Idempotency-Key`: the same key with the same
request has one effect, and the answer is replayed for 24 hours. Every answer carries `X-Request-ID`.
"""
SECURITY: Final = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
}
_KEY: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Makes sure that the request has one effect, however often it is sent.",
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": 255,
        "pattern": r"^[^\x00-\x1f\x7f]*[^\x00-\x20\x7f][^\x00-\x1f\x7f]*$",
    },
}
_ERROR: Final = {
    "type": "object",
    "required": ["error", "request_id"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "details", "request_id", "timestamp"],
            "properties": {
                "code": {"type": "string", "description": "Stable name of the error."},
                "message": {"type": "string", "description": "What happened and what to do next."},
                "details": {"type": "object"},
                "request_id": {"type": "string", "description": "Also in the header `X-Request-ID`."},
                "retry_after": {"type": "integer", "description": "Seconds to wait."},
                "timestamp": {"type": "string", "format": "date-time"},
            },
        },
        "request_id": {"type": "string"},
    },
}


def document(routes: Iterable[Any], provided: Iterable[str]) -> dict[str, Any]:
    """Write the document of some route handlers; `provided` names what they are given and no request says."""
    app = Litestar(
        [*routes],
        dependencies={name: _provided() for name in provided},
        openapi_config=OpenAPIConfig(
            "VideoVector",
            __version__,
            description=DESCRIPTION,
            use_handler_docstrings=True,
            render_plugins=[JsonRenderPlugin()],
        ),
        logging_config=None,
        on_app_init=[_plain],
    )
    written: dict[str, Any] = msgspec.to_builtins(app.openapi_schema.to_schema())
    components = written.setdefault("components", {})
    components["securitySchemes"] = SECURITY
    components["responses"] = {str(status): _refusal(status, *said) for status, said in BY_STATUS.items()}
    schemas = components.setdefault("schemas", {})
    schemas["Error"] = _ERROR
    schemas.update({name: schema for name, schema in bodies().items() if name in schemas})
    rules = rules_of(app)
    for path, method, operation in operations(written):
        _complete(path, operation, rules[path, method.upper()], schemas)
    return written


def rules_of(app: Litestar) -> dict[tuple[str, str], Rule]:
    """Return the rule of every path and method of an application."""
    return {(path, method): Rule.of(handler) for path, method, handler in handlers(app)}


def methods_of(app: Litestar) -> dict[str, str]:
    """Return the methods of every path, as the header `Allow` tells them."""
    found: dict[str, set[str]] = {}
    for path, method, _ in handlers(app):
        found.setdefault(path, {"OPTIONS"}).add(method)
    return {path: ", ".join(sorted(methods)) for path, methods in found.items()}


def handlers(app: Litestar) -> Iterator[tuple[str, str, HTTPRouteHandler]]:
    """Return every path with its method and its handler; what the framework adds by itself is left out."""
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for handler in route.route_handlers:
                for method in handler.http_methods:
                    if method != "OPTIONS":
                        yield route.path_format, str(method), handler


def operations(written: Mapping[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Return path, method and operation of everything in a document."""
    for path, item in written["paths"].items():
        for method, operation in item.items():
            if method in {"get", "post", "put", "patch", "delete"}:
                yield path, method, operation


def _provided() -> Provide:
    """Stand for what is provided: this application serves nobody."""

    async def nothing() -> None: ...

    return Provide(nothing)


def _plain(config: AppConfig) -> AppConfig:
    config.request_max_body_size = None
    return config


def _complete(path: str, operation: dict[str, Any], rule: Rule, schemas: Mapping[str, Any]) -> None:
    operation["tags"] = [path.removeprefix("/api/v2/").split("/")[0].lstrip("/") or "server"]
    lines = (operation.get("description") or "").strip()
    operation["description"] = lines
    if lines:
        operation["summary"] = lines.split(".")[0].split(":")[0].split(";")[0][:80]
    operation["security"] = _security(rule)
    operation["x-required-scope"] = str(rule.scope)
    parameters(path, operation.get("parameters", []))
    if path in FILES:
        file = {"schema": {"type": "string", "format": "binary"}}
        told: dict[str, Any] = {kind: {"schema": {}} if kind == "application/json" else file for kind in FILES[path]}
        operation["responses"]["200"]["content"] = told
    if rule.keyed:
        operation.setdefault("parameters", []).append(_KEY)
    if path in FORMS:
        operation["requestBody"] = form(path)
    body = operation.get("requestBody")
    if body is not None and path not in FORMS:
        body["required"] = _must_be_sent(body, schemas)
        for kind, media in body.get("content", {}).items():
            if kind == "application/json":
                media["example"] = example(media["schema"], schemas)
    _answers(operation, rule, schemas)
    if path in RANGED:
        operation["responses"]["416"] = {"$ref": "#/components/responses/416"}


def _must_be_sent(body: Mapping[str, Any], schemas: Mapping[str, Any]) -> bool:
    """Say whether a body may be left out: an absent one is the same as `{}`."""
    schema = body.get("content", {}).get("application/json", {}).get("schema")
    if schema is None:
        return True
    named = schemas.get(schema.get("$ref", "").rsplit("/", 1)[-1], schema)
    ruled = not {"anyOf", "oneOf", "allOf"}.isdisjoint(named)
    return bool(named.get("required")) or ruled or "properties" not in named


def _security(rule: Rule) -> list[dict[str, list[str]]]:
    if rule.scope == PUBLIC:
        return []
    return [{"bearer": []}] if rule.scope == JWT else [{"apiKey": []}, {"bearer": []}]


def _answers(operation: dict[str, Any], rule: Rule, schemas: Mapping[str, Any]) -> None:
    answers = operation["responses"]
    for status in [status for status in answers if status.startswith("4")]:
        del answers[status]
    for answer in answers.values():
        media = answer.get("content", {}).get("application/json")
        if media is not None:
            media["example"] = example(media["schema"], schemas)
    wanted = [400, 401, 404, 405, 409, 410, 413, 415, 422, 431, 500, 502, 503]
    if rule.scope != PUBLIC:
        wanted += [403, 429]
    for answer in answers.values():
        answer.setdefault("headers", {})["X-Request-ID"] = {"schema": {"type": "string"}}
    for status in sorted(wanted):
        answers.setdefault(str(status), {"$ref": f"#/components/responses/{status}"})


def _refusal(status: int, code: str, message: str) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "code": code,
        "message": message,
        "details": {},
        "request_id": "req_x",
        "timestamp": "2026-01-01T00:00:00.000Z",
    }
    headers = {"X-Request-ID": {"schema": {"type": "string"}}}
    if status == 416:
        headers["Content-Range"] = {"schema": {"type": "string"}}
    if status in {429, 503}:
        headers["Retry-After"] = {"schema": {"type": "integer"}}
    return {
        "description": message,
        "headers": headers,
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/Error"},
                "example": {"error": shown, "request_id": "req_x"},
            }
        },
    }


def example(schema: Mapping[str, Any], schemas: Mapping[str, Any], depth: int = 0) -> Any:
    """Make a value that fits a schema, from its own examples and defaults where it has any."""
    if "$ref" in schema:
        return example(schemas[schema["$ref"].rsplit("/", 1)[1]], schemas, depth + 1) if depth < 12 else {}
    for name in ("example", "const", "default"):
        if schema.get(name) is not None:
            return schema[name]
    for name in ("examples", "enum"):
        if schema.get(name):
            return schema[name][0]
    for name in ("oneOf", "anyOf", "allOf"):
        arms = [arm for arm in schema.get(name, ()) if arm.get("type") != "null"]
        if arms:
            return example(arms[0], schemas, depth + 1)
    return _of_type(schema, schemas, depth)


def _of_type(schema: Mapping[str, Any], schemas: Mapping[str, Any], depth: int) -> Any:
    kind = schema.get("type")
    kind = next((one for one in kind if one != "null"), None) if isinstance(kind, list) else kind
    if kind == "object" or "properties" in schema:
        wanted = schema.get("properties", {}).items() if depth < 8 else ()
        return {name: example(inner, schemas, depth + 1) for name, inner in wanted}
    if kind == "array":
        return [example(schema["items"], schemas, depth + 1)] if schema.get("items") and depth < 8 else []
    plain: dict[Any, Any] = {
        "string": "text".ljust(schema.get("minLength", 4), "."),
        "integer": schema.get("minimum", 1),
        "number": float(schema.get("minimum", 0.5)),
        "boolean": False,
    }
    return plain.get(kind)
