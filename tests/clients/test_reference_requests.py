"""Every request that the API reference shows is played as it is written there, ids apart."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from attrs import frozen

from tests.clients.conformance.finding import PIXEL
from tests.clients.conformance.table import template
from tests.http.api import Api, serving
from tests.http.shapes import SPEC, needs_spec
from tests.http.test_ledger import catalogue
from tests.http.world import CLIP, Ids, populated
from videovector_adapters.duckdb.sandbox import DuckdbSandbox
from videovector_adapters.duckdb.tables import ParquetTables
from videovector_adapters.memory.models import ToyDecoder
from videovector_adapters.memory.parts import MemoryBlobs


@frozen
class Example:
    """A request as curl would send it."""

    method: str
    path: str
    headers: dict[str, str]
    body: str | None
    form: tuple[str, ...]

    def __str__(self) -> str:
        """Name it, as a test's id."""
        return f"{self.method} {self.path}"


def parsed(command: str) -> Example:
    """Read a curl command as a shell and curl would."""
    _, *words = shlex.split(command)
    options: dict[str, list[str]] = {"-X": [], "-H": [], "-d": [], "-F": [], "": []}
    while words:
        name = words.pop(0) if words[0] in options else ""
        options[name].append(words.pop(0))
    body = next(iter(options["-d"]), None)
    headers = dict(line.split(": ", 1) for line in options["-H"])
    method = next(iter(options["-X"]), "POST" if body else "GET")
    return Example(method, options[""][0].removeprefix("/api/v2"), headers, body, tuple(options["-F"]))


def examples() -> list[Example]:
    """Read all examples of the reference, the bodies of automations among them."""
    path = SPEC / "api-reference.txt"
    text = path.read_text() if path.exists() else ""
    found = [parsed(one) for one in re.findall(r"^curl .*?(?=\n\n|\Z)", text, re.MULTILINE | re.DOTALL)]
    key = {"X-API-Key": "sk_live_...", "Content-Type": "application/json"}
    for kind, body in re.findall(r"^(Import|Export) automation request\n\n(\{.*?^\})", text, re.MULTILINE | re.DOTALL):
        found.append(Example("PUT", f"/indexes/idx_archive/automations/{kind.lower()}", key, body, ()))
    return found


def test_there_are_as_many_as_were_counted() -> None:
    """None is lost in reading."""
    needs_spec("api-reference.txt")
    assert len(examples()) == 21


@pytest.fixture
async def engine() -> AsyncIterator[DuckdbSandbox]:
    """The engine for SQL; it starts nothing before it is asked."""
    box = DuckdbSandbox(spare=0)
    yield box
    await box.close()


@pytest.mark.parametrize("example", examples(), ids=str)
async def test_an_example_is_answered_as_published(example: Example, engine: DuckdbSandbox) -> None:
    """Ids, the key and the picture are put in; the rest is sent as it stands, and succeeds with the published status."""
    blobs = MemoryBlobs()
    decoder = ToyDecoder(blobs)
    async with serving(sql=engine, tables=ParquetTables(blobs), blobs=blobs, decoder=decoder) as api:
        ids = await populated(api)
        run = await of_the_reference(api, ids)
        known = {
            "idx_archive": ids.index,
            "run_123": run,
            "run_124": ids.run,
            "vid_456": ids.video,
            "conn_123": ids.connector,
            "conn_archive": ids.connector,
            "conn_export": ids.connector,
            "prompt_scene_extract": ids.prompt,
            "prompt_episode_extract": ids.prompt,
            "session_123": ids.session,
            "gs://bucket/path/to/asset.mp4": ids.uri,
            "<base64-image>": PIXEL,
            "sk_live_...": api.key,
            "<jwt>": api.tokens.issue(api.user_id),
        }
        answer = await sent(api.client, example, known)
        path = template(example.method, put_in(example.path, known).partition("?")[0])
        (status,) = {
            told[1]
            for (method, route), told in catalogue().items()
            if (method, route) == (example.method, f"/api/v2{path}".replace("{id}", "{}"))
        }
        assert answer.status_code == status, answer.text
        assert answer.headers["x-request-id"]


async def of_the_reference(api: Api, ids: Ids) -> str:
    """Run the prompt that the reference shows, whose fields its searches name."""
    (shown,) = [one for one in examples() if one.path == "/prompts"]
    prompt = (await api.client.post("/prompts", json=json.loads(shown.body or ""))).json()["prompt_id"]
    body = {"prompt_id": prompt, "target": {"type": "index", "index_id": ids.index}}
    run: str = (await api.client.post("/prompt-runs/execute", json=body)).json()["run_id"]
    await api.finished(run)
    return run


def put_in(text: str, known: dict[str, str]) -> str:
    """Put what is known where the reference has its own."""
    for theirs, ours in known.items():
        text = text.replace(theirs, ours)
    return text


async def sent(client: httpx.AsyncClient, example: Example, known: dict[str, str]) -> httpx.Response:
    """Send an example."""
    headers = {name: put_in(value, known) for name, value in example.headers.items()}
    given: dict[str, Any] = {"headers": headers}
    fields = dict(put_in(part, known).split("=", 1) for part in example.form)
    if fields:
        given |= {
            "files": {name: (value[1:], CLIP) for name, value in fields.items() if value.startswith("@")},
            "data": {name: value for name, value in fields.items() if not value.startswith("@")},
        }
    if example.body is not None:
        json.loads(example.body)
        given["content"] = put_in(example.body, known)
    # curl sends no key but the one that the example has
    client.headers.pop("x-api-key", None)
    return await client.request(example.method, put_in(example.path, known), **given)
