"""The documented format is the one that is written."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema_rs
import pytest

from tests.exports.test_exports import built, file_of
from tests.http.api import serving
from tests.http.world import populated
from videovector_adapters.memory.models import ToyDecoder
from videovector_adapters.memory.parts import MemoryBlobs
from videovector_core.exports.rows import COLUMNS, SCHEMA_VERSION

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "export-format.md"


@pytest.fixture(scope="module")
def schema():
    found = re.search(r"```json schema\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert found
    return json.loads(found[1])


async def test_files_fit_the_documented_schema(schema):
    """Run and index exports, with media-level results, markers and failures, fit the schema of the page, which forbids more."""
    blobs = MemoryBlobs()
    async with serving(blobs=blobs, decoder=ToyDecoder(blobs)) as api:
        ids = await populated(api)
        level = {
            "instructions_text": "Sum it up.",
            "json_schema": {"type": "object", "properties": {"a": {"type": "string"}}},
        }
        prompt = {
            "name": "Both",
            "prompt_text": "Say what is seen here.",
            "json_schema": {"type": "object", "properties": {"headline": {"type": "string"}}},
            "video_level": {**level, "included_segment_fields": ["headline"]},
        }
        made = (await api.client.post("/prompts", json=prompt)).json()["prompt_id"]
        body = {"prompt_id": made, "target": {"type": "index", "index_id": ids.index}}
        run = (await api.client.post("/prompt-runs/execute", json=body)).json()["run_id"]
        await api.finished(run)
        pin = {"target_type": "field", "target_id": ids.result, "field_path": "headline", "color": "red"}
        assert (await api.client.put("/markers", json=pin)).status_code == 200
        files = [
            json.loads(await file_of(api, await built(api, path)))
            for path in (f"/exports/index/{ids.index}", f"/exports/prompt-run/{run}")
        ]
    validator = jsonschema_rs.validator_for(schema)
    for told in files:
        assert [str(error) for error in validator.iter_errors(told)] == []
    media = [item for run_ in files[0]["runs"] for item in run_["media"]]
    assert any(item["video_result"] for item in media)
    assert any(one["markers"]["fields"] for item in media for one in item["segments"])


def test_the_page_tells_version_and_columns(schema):
    """The page names the version that is written, and every column with its type in order."""
    assert schema["properties"]["schema_version"]["const"] == SCHEMA_VERSION
    rows = re.findall(r"^\| `(\w+)` \| ([A-Z]+) \|", PAGE.read_text(), re.MULTILINE)
    assert dict(rows) == COLUMNS
    assert [name for name, _ in rows] == list(COLUMNS)
