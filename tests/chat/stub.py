"""A chat model behind the real wire protocol: it searches for the question, and cites what it found."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.stub_model import Call, Reply

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
