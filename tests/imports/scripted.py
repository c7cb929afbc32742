"""A loopback server that speaks enough S3 to be read from, and fails by script: in turn, or always, for each object."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from email.utils import formatdate
from typing import Any, Final
from urllib.parse import parse_qs, quote, unquote, urlsplit
from xml.sax.saxutils import escape

from attrs import define, field

PAGE: Final = 1000
BUCKET: Final = "films"


@define
class Scripted:
    """Objects by key, and what each is to fail with: the faults of a key are used up one for each time it is read."""

    objects: Mapping[str, bytes] = field(factory=dict)
    faults: dict[str, list[str]] = field(factory=dict)
    listing: list[str] = field(factory=list)
    """What the next lists fail with."""
    reads: Counter[str] = field(factory=Counter)
    over: threading.Event = field(factory=threading.Event)
    """Set at the end, for answers that never come."""
    url: str = ""
    _lock: threading.Lock = field(factory=threading.Lock)

    def fault(self, key: str) -> str | None:
        """Return what the next read of a key fails with; `always ...` stays."""
        with self._lock:
            self.reads[key] += 1
            return _next(self.faults.get(key, []))

    def list_fault(self) -> str | None:
        """Return what the next list fails with."""
        with self._lock:
            return _next(self.listing)

    def page(self, prefix: str, after: str) -> tuple[list[str], bool]:
        """Return the keys behind a place of the list, and whether there are more."""
        found = sorted(key for key in self.objects if key.startswith(prefix) and key > after)
        return found[:PAGE], len(found) > PAGE

    def size(self, key: str) -> int:
        """Say how long an object is."""
        return len(self.objects[key])

    def tag(self, key: str) -> str:
        """Name the version of an object."""
        return f'"{hashlib.md5(self.objects[key], usedforsecurity=False).hexdigest()}"'


def _next(script: list[str]) -> str | None:
    if not script:
        return None
    return script[0].removeprefix("always ") if script[0].startswith("always ") else script.pop(0)


_STATUS: Final = {
    "throttled": (503, "SlowDown"),
    "too many": (429, "TooManyRequests"),
    "broken": (500, "InternalError"),
    "denied": (403, "AccessDenied"),
}


class _Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    script: Scripted

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        key = unquote(asked.path).removeprefix(f"/{BUCKET}").removeprefix("/")
        if key:
            self._object(key)
        else:
            self._list({name: values[0] for name, values in parse_qs(asked.query, keep_blank_values=True).items()})

    def do_HEAD(self) -> None:
        self._whole(unquote(urlsplit(self.path).path).removeprefix(f"/{BUCKET}/"), b"")

    def _list(self, asked: Mapping[str, str]) -> None:
        if (fault := self.script.list_fault()) is not None:
            self._refuse(*_STATUS[fault])
            return
        keys, more = self.script.page(asked.get("prefix", ""), asked.get("continuation-token", ""))
        told = "".join(self._told(key) for key in keys)
        token = f"<NextContinuationToken>{escape(keys[-1])}</NextContinuationToken>" if more else ""
        body = f"<IsTruncated>{str(more).lower()}</IsTruncated>{token}{told}"
        self._send(200, f"<ListBucketResult>{body}</ListBucketResult>".encode())

    def _told(self, key: str) -> str:
        when, name = "2026-01-01T00:00:00.000Z", quote(key)  # the client asks for names in this writing
        about = f"<Key>{name}</Key><LastModified>{when}</LastModified><ETag>{escape(self.script.tag(key))}</ETag>"
        return f"<Contents>{about}<Size>{self.script.size(key)}</Size></Contents>"

    def _object(self, key: str) -> None:
        fault = self.script.fault(key)
        if fault in _STATUS:
            self._refuse(*_STATUS[fault])
            return
        if fault == "changed":
            self.script.objects = {**self.script.objects, key: self.script.objects[key] + b" "}
        if fault == "silent":
            self._hang()
            return
        wanted = self.headers.get("If-Match")
        if wanted not in {None, self.script.tag(key)} and fault != "changed":
            self._refuse(412, "PreconditionFailed")
            return
        content = self.script.objects[key]
        self._whole(key, content[: len(content) // 2] if fault in {"cut", "stalled"} else content)
        if fault == "stalled":
            self._hang()
        elif fault == "cut":
            self.close_connection = True

    def _hang(self) -> None:
        self.wfile.flush()
        self.script.over.wait()
        self.close_connection = True

    def _whole(self, key: str, content: bytes) -> None:
        """Announce all of an object, and send what is given."""
        headers = {"ETag": self.script.tag(key), "Last-Modified": formatdate(1767225600, usegmt=True)}
        self._send(200, content, {**headers, "Content-Length": str(self.script.size(key))})

    def _refuse(self, status: int, code: str) -> None:
        self._send(status, f"<Error><Code>{code}</Code><Message>scripted</Message></Error>".encode())

    def _send(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@contextlib.contextmanager
def serving(script: Scripted) -> Iterator[Scripted]:
    """Run the server until the block ends."""
    handler: Callable[..., Any] = type("Handler", (_Answers,), {"script": script})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    script.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield script
    finally:
        script.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
