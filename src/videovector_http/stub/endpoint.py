"""The endpoint: deterministic, countable, slow or broken on demand, and served by a thread of its own.

    with StubModel(latency=0.2) as stub:
        settings = {"VIDEOVECTOR_OPENAI_BASE_URL": stub.url, "VIDEOVECTOR_EXTRACTION_MODEL": "openai:stub"}

It serves `/chat/completions` (a `json_schema` response format, or a schema written in the prompt), `/embeddings`
(floats or base64) and `/audio/transcriptions`.
"""

from __future__ import annotations

import asyncio
import io
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Self, TypeAlias

import uvicorn
from attrs import define, field, frozen
from python_multipart import parse_form

from videovector_http.stub.answers import answered, asked_schema, embeddings, number, transcription


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


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
    """A call as it arrived; `at` is `time.monotonic()`. Of a form, `body` has the fields and `file` the file."""

    at: float
    path: str
    body: dict[str, Any]
    file: bytes = field(default=b"", repr=False)

    @property
    def text(self) -> str:
        """All that was said in the messages."""
        parts = []
        for message in self.body.get("messages", ()):
            content = message["content"]
            parts += [content] if isinstance(content, str) else [part.get("text", "") for part in content]
        return "\n".join(parts)


Script: TypeAlias = Callable[[Call, int], Reply | None]


@define
class StubModel:
    """The endpoint. `script` may answer a call itself; it is given how many came before."""

    latency: float = 0.0
    script: Script | None = None
    dimensions: int = 8
    quotes: bool = False
    """Whether answers quote the evidence of a question instead of being made up."""
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
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._app,
                interface="asgi3",
                port=self.port,
                log_config=None,
                access_log=False,
                lifespan="off",
                timeout_keep_alive=75,
            )
        )
        self._thread = threading.Thread(target=self._serve, args=[self._server], daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(10)

    @staticmethod
    def _serve(server: uvicorn.Server) -> None:
        with asyncio.Runner() as runner:
            runner.run(server.serve())

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
        call = _read(scope, data)
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
            return 200, {}, embeddings(call.body, self.dimensions)
        if call.path == "/chat/completions":
            return 200, {}, _completion(call, reply or Reply(), quotes=self.quotes)
        if call.path == "/audio/transcriptions":
            return 200, {}, transcription(call.file)
        return 404, {}, {"error": {"message": "no such path", "type": "not_found"}}


def _read(scope: Mapping[str, Any], data: bytes) -> Call:
    path = scope["path"].removeprefix("/v1")
    headers = dict(scope["headers"])
    if not headers.get(b"content-type", b"").startswith(b"multipart/form-data"):
        return Call(time.monotonic(), path, json.loads(data or b"{}"))
    fields: dict[str, Any] = {}
    files: list[bytes] = []

    def field_sent(one: Any) -> None:
        fields[one.field_name.decode()] = (one.value or b"").decode()

    def file_sent(one: Any) -> None:
        one.file_object.seek(0)
        files.append(one.file_object.read())
        one.close()

    parse_form({"Content-Type": headers[b"content-type"]}, io.BytesIO(data), field_sent, file_sent)
    return Call(time.monotonic(), path, fields, files[0] if files else b"")


def _completion(call: Call, reply: Reply, *, quotes: bool) -> dict[str, Any]:
    content = reply.content
    if content is None:
        content = json.dumps(answered(asked_schema(call.body, call.text), call.text, quotes=quotes))
    message = {"role": "assistant", "content": None if reply.refusal else content, "refusal": reply.refusal}
    asked, said = len(call.text) // 4, len(content) // 4
    return {
        "id": f"chatcmpl-{number(call.text):x}",
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": call.body["model"],
        "choices": [{"index": 0, "finish_reason": reply.finish, "message": message, "logprobs": None}],
        "usage": {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said},
    }
