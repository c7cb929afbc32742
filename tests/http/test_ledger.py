"""The routes of the running application are those of the published catalogue and those of additions.md, and no others."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.http.api import Api, serving
from videovector_http.document import handlers, operations
from videovector_http.gate import PUBLIC, Rule

ROOT = Path(__file__).parents[2]
ADDITIONS = ROOT / "docs" / "reference" / "additions.md"
CATALOGUE = Path(__file__).with_name("catalogue.txt")

Route = tuple[str, str]

FOR_PEOPLE: frozenset[Route] = frozenset(
    {("GET", f"/{path}") for path in ("", "console", "console/{}", "api/v2/openapi.json", "api/v2/docs")}
)
"""Routes that are no part of the interface for programs, and so not of its description."""

NOT_YET: frozenset[str] = frozenset(
    """
""".strip().splitlines()
)
"""Routes of the catalogue whose work is not done; this list only ever gets shorter."""


@pytest.fixture
async def api():
    async with serving() as one:
        yield one


def shape(path: str) -> str:
    """Return a path whose parameters have no names."""
    return re.sub(r"\{[^}]*\}", "{}", path)


def catalogue() -> dict[Route, tuple[str, int]]:
    """Read the published catalogue: method, path, scope, success status."""
    rows = [line.split() for line in CATALOGUE.read_text().splitlines() if line]
    return {(method, shape(path)): (scope, int(status)) for method, path, scope, status in rows}


def additions() -> dict[Route, tuple[str, int]]:
    """Read the table of additions.md."""
    rows = re.findall(r"^\| `(\w+) ([^`]+)` \| ([\w-]+) \| (\d+) \|", ADDITIONS.read_text(), re.MULTILINE)
    return {(method, shape(path)): (scope, int(status)) for method, path, scope, status in rows}


def running(api: Api) -> dict[Route, tuple[str, int]]:
    """Return what the application serves."""
    return {
        (method, shape(path)): (str(Rule.of(handler).scope), handler.status_code)
        for path, method, handler in handlers(api.app.app)
    }


async def test_every_route_is_in_the_ledger(api):
    """Each route that runs is published or an addition, never both and never neither, with its scope and its status."""
    published, added = catalogue(), additions()
    assert not set(published) & set(added)
    known = {**published, **added}
    for route, told in running(api).items():
        assert route in known, f"{route} is neither published nor in additions.md"
        assert told == known[route], route


async def test_what_is_missing_is_said(api):
    """Every published route runs or is listed as not done, and none is listed that runs."""
    missing = {f"{method} {path}" for method, path in set(catalogue()) - set(running(api))}
    assert missing == NOT_YET


async def test_every_addition_runs(api):
    """No addition is described that is not there."""
    assert set(additions()) <= set(running(api))


async def test_the_document_tells_every_route(api):
    """OpenAPI has each route with words, scope, security, an example of its body and answer, and its errors."""
    told: dict[str, Any] = (await api.client.get("/openapi.json")).json()
    assert told["openapi"].startswith("3.1")
    found = {(method.upper(), shape(path)): operation for path, method, operation in operations(told)}
    assert set(found) == set(running(api)) - FOR_PEOPLE
    assert "416" in found["GET", shape("/api/v2/media/stream")]["responses"]
    for route, operation in found.items():
        scope, status = running(api)[route]
        assert operation["summary"], route
        assert operation["description"], route
        assert operation["x-required-scope"] == scope
        assert (operation["security"] == []) == (scope == PUBLIC)
        assert str(status) in operation["responses"], route
        wanted = {"422", "413", "405"} | ({"401", "403", "429"} if scope != PUBLIC else set())
        assert wanted <= set(operation["responses"]), route
        for media in operation.get("requestBody", {}).get("content", {}).values():
            assert "example" in media or "multipart" in str(operation["requestBody"]), route


async def test_every_reference_resolves(api):
    """Every reference in the document leads to a part of it."""
    answer = await api.client.get("/openapi.json")
    told = answer.json()
    references = set(re.findall(r'"\$ref":"#/components/(\w+)/([^"]+)"', answer.text))
    assert references
    for kind, name in references:
        assert name in told["components"][kind], (kind, name)


async def test_the_reference_needs_nothing_from_elsewhere(api):
    """The page loads nothing: no scripts, no links to other hosts, and a policy that forbids both."""
    page = await api.client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert not re.search(r"<script|<link|<img|src=|url\(", page.text)
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.text.count("<details>") == len(running(api)) - len(FOR_PEOPLE)
