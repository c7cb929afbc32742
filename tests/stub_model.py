"""An OpenAI-compatible endpoint for tests: deterministic, countable, slow or broken on demand, and outside the server.

    with StubModel(latency=0.2) as stub:
        Server(data_dir, {"VIDEOVECTOR_OPENAI_BASE_URL": stub.url, ...})

It serves `/chat/completions` (with a `json_schema` response format) and `/embeddings` (floats or base64).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Self

import uvicorn
from attrs import define, field, frozen

from tests.server import free_port

WORDS = ("harbour", "kitchen", "stadium", "forest", "studio", "market", "bridge", "desert", "library", "airport")


@frozen
class Reply:
    """What the endpoint says instead of a proper answer. `content` replaces the text of the message."""

    status: int = 200
    content: str | None = None
    headers: Mapping[str, str] = field(factory=dict)
    body: Mapping[str, Any] | None = None
    refusal: str | None = None
    finish: str = "stop"
    seconds: float = 0.0


@frozen
class Call:
    """A call as it arrived; `at` is `time.monotonic()`."""

    at: float
    path: str
    body: dict[str, Any]

    @property
    def text(self) -> str:
        """All that was said in the messages."""
        parts = []
        for message in self.body.get("messages", ()):
            content = message["content"]
            parts += [content] if isinstance(content, str) else [part.get("text", "") for part in content]
        return "\n".join(parts)


Script = Callable[[Call, int], Reply | None]


@define
class StubModel:
    """The endpoint, served by a thread of its own. `script` may answer a call itself; it is given how many came before."""

    latency: float = 0.0
    script: Script | None = None
    dimensions: int = 8
    calls: list[Call] = field(factory=list, init=False)
    at_once: int = field(default=0, init=False)
    most_at_once: int = field(default=0, init=False)
    port: int = field(factory=free_port, init=False)
    _server: uvicorn.Server | None = field(default=None, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)

    @property
    def url(self) -> str:
        """The base URL, as the `openai` client takes it."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def counts(self) -> Counter[str]:
        """Calls by path."""
        return Counter(call.path for call in self.calls)

    def __enter__(self) -> Self:
        """Start to serve."""
        config = uvicorn.Config(
            self._app,
            interface="asgi3",
            port=self.port,
            log_config=None,
            access_log=False,
            lifespan="off",
            timeout_keep_alive=75,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        assert self._server is not None
        assert self._thread is not None
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(10)

    def _serve(self) -> None:
        assert self._server is not None
        with asyncio.Runner() as runner:
            runner.run(self._server.serve())

    async def _app(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        data = b""
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":  # whoever asked is gone: nothing was asked
                return
            data += message.get("body", b"")
            if not message.get("more_body"):
                break
        call = Call(time.monotonic(), scope["path"].removeprefix("/v1"), json.loads(data or b"{}"))
        before = len(self.calls)
        self.calls.append(call)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            reply = self.script(call, before) if self.script else None
            await asyncio.sleep(self.latency + (reply.seconds if reply else 0.0))
        finally:
            self.at_once -= 1
        status, headers, body = self._answer(call, reply)
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        raw.append((b"content-type", b"application/json"))
        await send({"type": "http.response.start", "status": status, "headers": raw})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})

    def _answer(self, call: Call, reply: Reply | None) -> tuple[int, Mapping[str, str], Mapping[str, Any]]:
        if reply is not None and (reply.status != 200 or reply.body is not None):
            wrong = {"error": {"message": "scripted", "type": "scripted", "code": str(reply.status)}}
            return reply.status, reply.headers, reply.body or wrong
        if call.path == "/embeddings":
            return 200, {}, self._embeddings(call.body)
        if call.path == "/chat/completions":
            return 200, {}, _completion(call, reply or Reply())
        return 404, {}, {"error": {"message": "no such path", "type": "not_found"}}

    def _embeddings(self, body: Mapping[str, Any]) -> dict[str, Any]:
        texts = [body["input"]] if isinstance(body["input"], str) else body["input"]
        size = int(body.get("dimensions") or self.dimensions)
        data = [
            {"object": "embedding", "index": place, "embedding": _vector(text, size, body.get("encoding_format"))}
            for place, text in enumerate(texts)
        ]
        usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
        return {"object": "list", "model": body["model"], "data": data, "usage": usage}


def filled(schema: Mapping[str, Any], seed: str) -> Any:
    """Make a value that fits a schema, the same one for the same seed."""
    if "enum" in schema:
        return schema["enum"][_number(seed) % len(schema["enum"])]
    kinds = schema.get("type", "object")
    kind = kinds if isinstance(kinds, str) else next(kind for kind in kinds if kind != "null")
    if kind == "object":
        return {name: filled(part, f"{seed}/{name}") for name, part in schema.get("properties", {}).items()}
    if kind == "array":
        return [filled(schema.get("items", {"type": "string"}), f"{seed}/0")]
    simple = {"integer": _number(seed) % 10, "number": _number(seed) % 100 / 10, "boolean": bool(_number(seed) % 2)}
    return simple.get(kind, f"a {WORDS[_number(seed) % len(WORDS)]}")


def _completion(call: Call, reply: Reply) -> dict[str, Any]:
    schema = call.body.get("response_format", {}).get("json_schema", {}).get("schema", {"type": "object"})
    content = json.dumps(filled(schema, call.text)) if reply.content is None else reply.content
    message = {"role": "assistant", "content": None if reply.refusal else content, "refusal": reply.refusal}
    return {
        "id": f"chatcmpl-{_number(call.text):x}",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": call.body["model"],
        "choices": [{"index": 0, "finish_reason": reply.finish, "message": message, "logprobs": None}],
        "usage": {"prompt_tokens": len(call.text) // 4, "completion_tokens": len(content) // 4, "total_tokens": 1},
    }


def _vector(text: str, size: int, encoding: str | None) -> Any:
    raw = b""
    while len(raw) < size:
        raw += hashlib.sha256(f"{text}{len(raw)}".encode()).digest()
    values = [byte / 255 - 0.5 for byte in raw[:size]]
    packed = struct.pack(f"<{size}f", *values)
    return base64.b64encode(packed).decode() if encoding == "base64" else values


def _number(seed: str) -> int:
    return int.from_bytes(hashlib.sha256(seed.encode()).digest()[:6])
