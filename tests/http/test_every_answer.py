"""Every answer of every route, about things that are there and things that are not: what no client expects is not in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.http.api import Api, error, serving
from tests.http.test_foreign import CASES, named, send
from tests.http.world import populated
from videovector_http.document import handlers


@pytest.fixture
async def api():
    async with serving() as one:
        yield one


ORDER = ["GET", "PUT", "PATCH", "POST", "DELETE"]


async def answers(api: Api) -> list[tuple[str, Any]]:
    """Ask every route about things that are there, then about things that are not, whatever the body."""
    own = await populated(api)
    api.context.stopping.set()  # so that streams end
    found = []
    routes = [(method, path) for path, method, _ in handlers(api.app.app)]
    for method, path in sorted(routes, key=lambda one: ORDER.index(one[0])):
        for ids in (own, own.strange()):
            for case in CASES.get(f"{method} {named(path)}", [lambda *_: {}]):
                headers = api.bearer() if "api-keys" in path else {}
                found.append((f"{method} {named(path)}", await send(api, headers, method, path, ids, case(ids, own))))
    return found


OTHER_ERRORS = {"POST /mcp", "GET /health"}
"""Errors of JSON-RPC have its shape, and health tells of each part."""


async def test_no_answer_trips_a_client(api):
    """Nothing redirects, nothing but validation is empty, all carry a request's id, and errors are objects."""
    seen = await answers(api)
    assert {answer.status_code // 100 for _, answer in seen} >= {2, 4}
    for route, answer in seen:
        assert not 300 <= answer.status_code < 400, route
        assert (answer.status_code == 204) == (route == "GET /auth/validate"), route
        assert answer.headers["x-request-id"], route
        if answer.status_code >= 400 and route not in OTHER_ERRORS:
            assert isinstance(error(answer), dict), route


async def test_a_trailing_slash_leads_nowhere_else(api):
    """A slash at the end changes nothing: never a redirect, on which clients drop their credentials."""
    await populated(api)
    for path in ("/indexes", "/prompts", "/videos/vid_1", "/connectors"):
        bare, slashed = await api.client.get(path), await api.client.get(f"{path}/")
        assert slashed.status_code == bare.status_code
        assert bare.status_code == 404 or slashed.content == bare.content


# Every field ------------------------------------------------------------------------------------------------------

NEVER_NULL = {
    "marker",
    "metadata_markers",
    "extracted_metadata_markers",
    "stop_state",
    "content_preview",
    "file_pattern",
    "source_prefix",
    "progress",
    "outputs",
    "execution",
    "semantic_indexing",
}


FREE = frozenset({"metadata", "extracted_metadata", "json_schema", "data", "details", "properties"})
"""Names of objects whose fields a user chose."""


def fields(value: Any) -> Iterator[tuple[str, Any]]:
    """Name every field of a document with what it holds, but for fields that a user chose."""
    for name, one in value.items() if isinstance(value, dict) else ():
        yield name, one
        if name not in FREE or isinstance(one, list):
            yield from fields(one)
    for one in value if isinstance(value, list) else ():
        yield from fields(one)


def is_text(value: Any) -> bool:
    """Tell whether an id is one that clients read: a text, a list of them, or none."""
    return value is None or isinstance(value, str) or (isinstance(value, list) and all(map(is_text, value)))


async def test_no_field_trips_a_client(api):
    """What clients take for given is never null, ids are texts, counts are whole, and media have a type."""
    seen = [(route, answer.json()) for route, answer in await answers(api) if _is_json(answer)]
    names = set()
    for route, document in seen:
        for name, value in fields(document):
            names.add(name)
            assert value is not None or name not in NEVER_NULL, (route, name)
            assert not name.endswith(("_id", "_ids")) or is_text(value), (route, name, value)
            assert not name.startswith(("total_", "completed_", "failed_")) or not _broken(value), (route, name, value)
            if name == "totals":
                assert all(type(one) is int for one in value.values()), (route, value)
    assert names >= NEVER_NULL - {"execution", "stop_state"}, NEVER_NULL - names


def _is_json(answer: Any) -> bool:
    return answer.status_code < 400 and answer.headers.get("content-type", "").startswith("application/json")


def _broken(value: Any) -> bool:
    return isinstance(value, float) and value != int(value)
