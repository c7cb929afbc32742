"""Exports: ask for a file, see how far it is, fetch it."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote, urlsplit

import msgspec
from litestar import Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from videovector_core.access.model import Caller, Scope
from videovector_core.errors import Invalid, NotFound, Unavailable
from videovector_core.exports.model import MEDIA_TYPES, Export, Format, ResultScope
from videovector_core.exports.service import Wanted
from videovector_http.context import Context
from videovector_http.gate import PUBLIC
from videovector_http.paging import LongLimit
from videovector_http.ranges import served
from videovector_http.wire import exports as wire
from videovector_http.wire.convert import out

LINK_SECONDS: Final = 900
"""How long a minted URL works."""


@post("/exports/index/{index_id:str}", opt={"scope": Scope.WRITE, "category": "execute"}, status_code=202)
async def create_index_export(
    index_id: FromPath[str],
    data: JSONBody[wire.CreateExport],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
) -> wire.ExportCreateResult:
    """Export the finished runs of an index, or those that are named."""
    made = await context.vv.exports.of_index(caller, index_id, run_ids=data.prompt_run_ids, wanted=_wanted(data))
    return out(made, wire.ExportCreateResult)


@post("/exports/prompt-run/{run_id:str}", opt={"scope": Scope.WRITE, "category": "execute"}, status_code=202)
async def create_run_export(
    run_id: FromPath[str],
    data: JSONBody[wire.CreateExport],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
) -> wire.ExportCreateResult:
    """Export one run that has ended."""
    if data.prompt_run_ids is not None:
        raise Invalid("prompt_run_ids is for exports of an index; leave it out.", code="validation_prompt_run_ids")
    return out(await context.vv.exports.of_run(caller, run_id, wanted=_wanted(data)), wire.ExportCreateResult)


@get("/exports", opt={"scope": Scope.READ})
async def list_exports(
    context: NamedDependency[Context], caller: NamedDependency[Caller], limit: LongLimit = 50
) -> list[wire.Export]:
    """List exports, newest first."""
    return [_shown(one) for one in await context.vv.exports.all(caller, limit=limit)]


@get("/exports/{export_id:str}", opt={"scope": Scope.READ})
async def retrieve_export(
    export_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.Export:
    """Return an export as it stands."""
    return _shown(await context.vv.exports.get(caller, export_id))


@post("/exports/{export_id:str}/download-url", opt={"scope": Scope.READ, "keyed": False}, status_code=200)
async def mint_download_url(
    export_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.ExportDownloadUrlResult:
    """Return a URL that downloads the file without a credential for 15 minutes; null where there is no file here.

    Clients take only https, so a server whose public origin is http answers null.
    """
    export = await context.vv.exports.get(caller, export_id)
    url = _minted(context, export) if export.downloadable else None
    return out(export, wire.ExportDownloadUrlResult, download_url=url)


@get("/exports/{export_id:str}/download", opt={"scope": PUBLIC})
async def download(
    export_id: FromPath[str],
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    token: FromQuery[str | None] = None,
) -> Response[Any]:
    """Stream the file; needs a credential with the scope `read`, or the token of a minted URL. Ranges are honoured."""
    headers = {name.lower(): value for name, value in request.headers.items()}
    caller = await context.caller(headers) if token is None else _bearer(context, export_id, token)
    export = await context.vv.exports.file(caller, export_id)
    return served(
        context.vv.ports.blobs,
        export.sha256 or "",
        export.file_size_bytes or 0,
        headers.get("range"),
        media_type=MEDIA_TYPES[export.format],
        headers={
            "Cache-Control": "private, no-store",
            "ETag": f'"{export.sha256}"',
            "Content-Disposition": f'attachment; filename="{export.name}"',
        },
    )


def _shown(export: Export) -> wire.Export:
    params = export.export_params
    return out(export, wire.Export, export_params=msgspec.convert(params, wire.ExportParams) if params else None)


def _wanted(data: wire.CreateExport) -> Wanted:
    return Wanted(
        data.destination_connector_id, data.destination_subpath, Format(data.format), ResultScope(data.result_scope)
    )


def _minted(context: Context, export: Export) -> str | None:
    """Make a URL that clients accept: https, the bare origin, one key in the query.

    Raises:
        Unavailable: the public URL has more than an origin, so that no client would take the link.
    """
    origin = urlsplit(context.public_url)
    if origin.scheme != "https":
        return None
    if not origin.hostname or origin.path.strip("/") or origin.query or origin.fragment or origin.username is not None:
        raise Unavailable(
            "VIDEOVECTOR_PUBLIC_URL is not an origin such as https://video.example; its operator can mend that.",
            code="metadata_export_token_configuration_invalid",
            retry_after=60,
            details={"retryable": False},
        )
    until = int(context.now().timestamp()) + LINK_SECONDS
    token = f"v1.{context.signer.seal([export.user_id, export.export_id, until], 'export-download')}"
    return f"https://{origin.netloc}/api/v2/exports/{quote(export.export_id, safe='')}/download?token={token}"


def _bearer(context: Context, export_id: str, token: str) -> Caller:
    """Say whose file a token opens; one that is changed, ended or of another export opens nothing."""
    found = context.signer.open(token.removeprefix("v1."), "export-download") if token.startswith("v1.") else None
    if not isinstance(found, list) or found[1] != export_id or found[2] < context.now().timestamp():
        raise NotFound("This link has ended or was changed; mint another one.", code="resource_export_not_found")
    return Caller(found[0], frozenset({Scope.READ}))


ROUTES = [
    create_index_export,
    create_run_export,
    list_exports,
    retrieve_export,
    mint_download_url,
    download,
]
