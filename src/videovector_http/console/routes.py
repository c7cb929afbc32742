"""The files of the console, and the way there for a browser that opens the server's address.

Everything is read once from the package and kept in memory, plain and compressed, so no request reaches the file
system. Every path below `/console` that is no file is the one page; its script reads the address.
"""

from __future__ import annotations

import functools
import gzip
import hashlib
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Final

from attrs import frozen
from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from videovector_http.gate import PUBLIC

POLICY: Final = "; ".join(  # noqa: FLY002 - one rule a line can be read
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "media-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
"""Only what this server sends runs, loads or is asked, and no script may turn text into markup."""

_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
    "Vary": "Accept-Encoding",
}
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_PAGE: Final = "index.html"


@frozen
class Asset:
    """A file as it is sent."""

    media_type: str
    plain: bytes
    packed: bytes
    tag: str

    @classmethod
    def of(cls, file: Traversable) -> Asset:
        """Read a file of the package."""
        plain = file.read_bytes()
        tag = f'"{hashlib.sha256(plain).hexdigest()[:24]}"'
        return cls(_TYPES["." + file.name.rpartition(".")[2]], plain, gzip.compress(plain, 9, mtime=0), tag)


@functools.cache
def assets() -> Mapping[str, Asset]:
    """Return every file of the console by its path."""
    return dict(_below(resources.files(__package__) / "assets", ""))


def _below(folder: Traversable, prefix: str) -> list[tuple[str, Asset]]:
    found: list[tuple[str, Asset]] = []
    for entry in folder.iterdir():
        name = prefix + entry.name
        found += _below(entry, f"{name}/") if entry.is_dir() else [(name, Asset.of(entry))]
    return found


@get("/", opt={"scope": PUBLIC}, status_code=307, include_in_schema=False)
async def home(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Lead a browser to the console; for everything else there is nothing at this address."""
    if "text/html" not in request.headers.get("accept", ""):
        raise NotFoundException
    return Response(b"", status_code=307, headers={"Location": "/console", "Vary": "Accept"})


@get("/console", opt={"scope": PUBLIC}, include_in_schema=False)
async def console(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Return the page of the console."""
    return _sent(request, assets()[_PAGE])


@get("/console/{rest:path}", opt={"scope": PUBLIC}, include_in_schema=False)
async def console_file(rest: FromPath[str], request: Request[Any, Any, Any]) -> Response[bytes]:
    """Return a file of the console; an address of one of its pages is the page itself."""
    name = rest.strip("/")
    if name.startswith("assets/"):
        found = assets().get(name.removeprefix("assets/"))
        if found is None:
            raise NotFoundException
        return _sent(request, found)
    return _sent(request, assets()[_PAGE])


def _sent(request: Request[Any, Any, Any], asset: Asset) -> Response[bytes]:
    headers = {**_HEADERS, "ETag": asset.tag}
    if request.headers.get("if-none-match") == asset.tag:
        return Response(b"", status_code=304, headers=headers)
    packed = "gzip" in request.headers.get("accept-encoding", "")
    if packed:
        headers["Content-Encoding"] = "gzip"
    return Response(asset.packed if packed else asset.plain, media_type=asset.media_type, headers=headers)


ROUTES = [home, console, console_file]
