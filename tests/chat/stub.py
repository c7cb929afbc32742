"""A chat model behind the real wire protocol: it searches for the question, and cites what it found."""

from __future__ import annotations

import json
import re
import time
from typing import Any

from tests.faults.plant import sound
from tests.server import Server
from tests.stub_model import Call, Reply

SETTINGS = {
    "VIDEOVECTOR_EXTRACTION_MODEL": "openai:stub",
    "VIDEOVECTOR_CHAT_MODEL": "openai:stub",
    "VIDEOVECTOR_TRANSCRIPTION_MODEL": "none",
    "VIDEOVECTOR_IMAGE_EMBEDDING_MODEL": "none",
    "VIDEOVECTOR_PICTURE_MODEL": "none",
    "VIDEOVECTOR_LEASE_SECONDS": "2",
}
"""Of a server whose models are at the endpoint."""
QUERIES = ("printing", "wood", "type")


def messages(call: Call) -> list[dict[str, Any]]:
    """Return the messages of a call, from the question of this turn on."""
    told = call.body["messages"]
    last = max(n for n, one in enumerate(told) if one["role"] == "user")
    return list(told[last:])


def completion(text: str, *uses: tuple[str, dict[str, Any]]) -> Reply:
    """Make the answer of an endpoint: words, or tools to use."""
    calls = [
        {"id": f"c{n}", "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
        for n, (name, arguments) in enumerate(uses)
    ]
    message = {"role": "assistant", "content": text or None, **({"tool_calls": calls} if calls else {})}
    return Reply(
        body={
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": "stub",
            "choices": [
                {"index": 0, "finish_reason": "tool_calls" if calls else "stop", "message": message, "logprobs": None}
            ],
            "usage": {"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110},
        }
    )


def script(call: Call, _: int) -> Reply | None:
    """Search three times, one after the other, then answer with the labels that were found."""
    if "tools" not in call.body and not any(one.get("tool_calls") for one in call.body.get("messages", ())):
        return None
    results = [one["content"] for one in messages(call) if one["role"] == "tool"]
    if len(results) < len(QUERIES):
        return completion("", ("text_search", {"query": QUERIES[len(results)]}))
    labels = [label for one in results for label in re.findall(r"rs[0-9]+:1\b", one)]
    return completion("Here: " + " ".join(f"[{label}]" for label in [*labels, "rs9:9"]))


def finished_run(served: Server) -> str:
    """Run a prompt over twelve seconds of sound in an index, and return the id of the run."""
    with served.http() as http:
        home = http.post("/indexes", json={"name": "sounds"}).json()["index_id"]
        files = {"file": ("a.wav", sound(12, seed="chat"), "audio/wav")}
        assert http.post("/videos/upload", files=files, data={"index_id": home}).status_code == 202
        schema = {"type": "object", "properties": {"headline": {"type": "string"}}}
        body = {"name": "Sound", "prompt_text": "Say what is heard here.", "json_schema": schema}
        prompt = http.post("/prompts", json=body).json()["prompt_id"]
        body = {"prompt_id": prompt, "target": {"type": "index", "index_id": home}}
        more = {"audio_segmentation_type": "fixed", "audio_segment_duration": 3, "enable_image_embedding": False}
        started = http.post("/prompt-runs/execute", json={**body, **more})
        assert started.status_code == 202, started.text
        run_id = str(started.json()["run_id"])
        while (found := http.get(f"/prompt-runs/{run_id}").json())["status"] in {"pending", "processing"}:
            time.sleep(0.1)
    assert found["status"] == "completed", found
    return run_id
