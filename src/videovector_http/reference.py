"""The API reference: the OpenAPI document, and a page of it that needs nothing from anywhere else."""

from __future__ import annotations

import functools
import html
import json
from collections.abc import Mapping
from typing import Any

import msgspec
from attrs import define
from litestar import Response, get
from litestar.di import NamedDependency

from videovector_http.document import operations
from videovector_http.gate import PUBLIC

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;background:#fff}
code,pre{font:14px/1.4 ui-monospace,monospace}pre{background:#f5f5f5;padding:.7rem;overflow:auto}
h2{margin-top:2.5rem;border-bottom:1px solid #ccc}details{margin:.4rem 0}summary{cursor:pointer}
table{border-collapse:collapse}td,th{text-align:left;padding:.15rem .8rem .15rem 0;vertical-align:top}
.m{display:inline-block;min-width:4rem;font-weight:600}.s{color:#555;font-size:.85em}
@media(prefers-color-scheme:dark){body{color:#eee;background:#151515}pre{background:#222}.s{color:#aaa}}
"""


@define
class Reference:
    """The document as it is served; made once."""

    written: Mapping[str, Any]

    @functools.cached_property
    def json(self) -> bytes:
        """The document."""
        return msgspec.json.encode(self.written)

    @functools.cached_property
    def page(self) -> str:
        """The page: one section for each tag, one line for each operation, its details folded in."""
        tags: dict[str, list[str]] = {}
        for path, method, operation in operations(self.written):
            tags.setdefault(operation["tags"][0], []).append(_operation(path, method, operation, self.written))
        sections = "".join(f'<h2 id="{_(tag)}">{_(tag)}</h2>{"".join(parts)}' for tag, parts in sorted(tags.items()))
        links = " · ".join(f'<a href="#{_(tag)}">{_(tag)}</a>' for tag in sorted(tags))
        info = self.written["info"]
        return (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{_(info["title"])} API</title>'
            f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style>'
            f"<h1>{_(info['title'])} API <span class=s>{_(info['version'])}</span></h1><p>{_(info['description'])}</p>"
            f'<p><a href="openapi.json">openapi.json</a></p><nav>{links}</nav>{sections}</html>'
        )


@get("/openapi.json", opt={"scope": PUBLIC}, include_in_schema=False)
async def openapi(reference: NamedDependency[Reference]) -> Response[bytes]:
    """Return the OpenAPI document."""
    return Response(reference.json, media_type="application/json")


@get("/docs", opt={"scope": PUBLIC}, include_in_schema=False)
async def docs(reference: NamedDependency[Reference]) -> Response[str]:
    """Return the reference as a page."""
    policy = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}
    return Response(reference.page, media_type="text/html", headers=policy)


def _operation(path: str, method: str, operation: Mapping[str, Any], written: Mapping[str, Any]) -> str:
    head = f"<span class=m>{method.upper()}</span><code>{_(path)}</code> <span class=s>{_(operation['x-required-scope'])}</span>"
    parts = [f"<p>{_(operation['description'])}</p>"]
    rows = [
        f"<tr><td><code>{_(one['name'])}</code><td>{_(one['in'])}<td>{_(_type(one.get('schema', {})))}"
        f"<td>{_(one.get('description') or '')}"
        for one in operation.get("parameters", ())
    ]
    if rows:
        parts.append(f"<table>{''.join(rows)}</table>")
    bodies = operation.get("requestBody", {}).get("content", {}).values()
    parts += [_block("Request", media, written) for media in bodies]
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            media = answer.get("content", {}).get("application/json", {})
            parts.append(_block(f"Answer {status}", media, written))
    return f"<details><summary>{head}</summary>{''.join(parts)}</details>"


def _block(title: str, media: Mapping[str, Any], written: Mapping[str, Any]) -> str:
    schema = media.get("schema", {})
    named = written["components"]["schemas"].get(schema.get("$ref", "").rsplit("/", 1)[-1], schema)
    required = set(named.get("required", ()))
    fields = "".join(
        f"<tr><td><code>{_(name)}</code>{'*' if name in required else ''}<td>{_(_type(one))}"
        f"<td>{_(one.get('description') or '')}"
        for name, one in named.get("properties", {}).items()
    )
    shown = _(json.dumps(media["example"], indent=2)) if "example" in media else ""
    return f"<h4>{_(title)}</h4><table>{fields}</table>" + (f"<pre>{shown}</pre>" if shown else "")


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[1])
    arms = [_type(arm) for name in ("oneOf", "anyOf") for arm in schema.get(name, ())]
    kind = schema.get("type", "")
    return " | ".join(arms) if arms else " | ".join(kind) if isinstance(kind, list) else str(kind)


def _(text: object) -> str:
    return html.escape(str(text))


ROUTES = [openapi, docs]
