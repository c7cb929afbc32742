"""Storage connectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from litestar import Request, Response, delete, get, patch, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from videovector_core.access.model import Caller, Scope
from videovector_core.connectors.model import Connector, Provider, StoredObject
from videovector_core.errors import Invalid, TooLarge
from videovector_core.idempotency import Answer, Slot
from videovector_http.context import Context
from videovector_http.gate import fingerprint_body
from videovector_http.receipts import REPLAYED, Complete, Effect, Receipts, forget
from videovector_http.uploads import Form, read_form
from videovector_http.wire import connectors as wire
from videovector_http.wire.convert import out
from videovector_http.wire.envelopes import DeleteResponse

Asked = Request[Any, Any, Any]

MAX_CREDENTIALS: Final = 64 * 1024
MAX_FORM: Final = 256 * 1024
_SECRETS: Final = {
    Provider.S3: ("aws_access_key_id", "aws_secret_access_key"),
    Provider.AZURE: ("tenant_id", "client_id", "client_secret"),
    Provider.GCS: ("credentials",),
    Provider.LOCAL: (),
}


@post(
    "/connectors/gcs",
    opt={"scope": Scope.WRITE, "keyed": "own", "body": "form"},
    status_code=201,
    request_max_body_size=MAX_FORM,
)
async def create_gcs(
    request: Asked,
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    receipts: NamedDependency[Receipts],
) -> Response[wire.Connector]:
    """Make a connector to a bucket of Google Cloud Storage; the key of a service account comes as `credentials_file`."""
    form = await read_form(request, "credentials_file")
    try:
        fields = {name: values if name == "scopes" else values[0] for name, values in form.fields.items()}
        about = _converted(fields)
        given = msgspec.structs.asdict(about)
        making = _making(context, caller, Provider.GCS, given, await _account(form))
        return await _once(request, receipts, await form.fingerprint(), making, 201)
    finally:
        await form.file.close()


@post("/connectors/s3", opt={"scope": Scope.WRITE, "keyed": "own"}, status_code=201)
async def create_s3(
    data: JSONBody[wire.CreateS3Connector],
    request: Asked,
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    receipts: NamedDependency[Receipts],
) -> Response[wire.Connector]:
    """Make a connector to an S3 bucket, or to one that speaks S3 at `endpoint_url`."""
    return await _created(Provider.S3, data, request, context, caller, receipts)


@post("/connectors/azure", opt={"scope": Scope.WRITE, "keyed": "own"}, status_code=201)
async def create_azure(
    data: JSONBody[wire.CreateAzureConnector],
    request: Asked,
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    receipts: NamedDependency[Receipts],
) -> Response[wire.Connector]:
    """Make a connector to a container of Azure Blob Storage, for a service principal."""
    return await _created(Provider.AZURE, data, request, context, caller, receipts)


@post("/connectors/local", opt={"scope": Scope.WRITE, "keyed": "own"}, status_code=201)
async def create_local(
    data: JSONBody[wire.CreateLocalConnector],
    request: Asked,
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    receipts: NamedDependency[Receipts],
) -> Response[wire.Connector]:
    """Make a connector to a directory of the server that its operator has opened."""
    return await _created(Provider.LOCAL, data, request, context, caller, receipts)


@get("/connectors", opt={"scope": Scope.READ})
async def list_connectors(context: NamedDependency[Context], caller: NamedDependency[Caller]) -> list[wire.Connector]:
    """List the caller's connectors, newest first."""
    return [out(one, wire.Connector) for one in await context.vv.connectors.all(caller)]


@get("/connectors/{connector_id:str}", opt={"scope": Scope.READ})
async def retrieve_connector(
    connector_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.Connector:
    """Return one connector; secrets never come back."""
    return out(await context.vv.connectors.get(caller, connector_id), wire.Connector)


@patch("/connectors/{connector_id:str}", opt={"scope": Scope.WRITE})
async def update_connector(
    connector_id: FromPath[str],
    data: JSONBody[wire.UpdateConnector],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
) -> wire.Connector:
    """Change a connector; what is absent stays, and the place it stands for cannot be changed."""
    changes = {name: value for name, value in msgspec.structs.asdict(data).items() if value is not msgspec.UNSET}
    known = await context.vv.connectors.get(caller, connector_id)
    secrets = {name: changes.pop(name) for name in _SECRETS[known.provider] if name in changes}
    missing = [name for name in _SECRETS[known.provider] if name not in secrets] if secrets else []
    if missing:
        raise Invalid(
            f"Credentials are replaced as a set; also give {', '.join(missing)}.",
            code="validation_connector_credentials",
        )
    credentials = secrets.get("credentials", secrets) if secrets else None
    return out(await context.vv.connectors.update(caller, connector_id, changes, credentials), wire.Connector)


@post("/connectors/{connector_id:str}/test", opt={"scope": Scope.WRITE, "keyed": "own"}, status_code=200)
async def test_connector(
    connector_id: FromPath[str],
    request: Asked,
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    receipts: NamedDependency[Receipts],
) -> Response[wire.TestConnectionResult]:
    """Try what the connector is for now; a failure is the answer, never an error."""

    async def effect(complete: Complete) -> Answer:
        error = await context.vv.connectors.probe(caller, connector_id)
        answer = Answer(200, msgspec.json.encode(wire.TestConnectionResult(success=error is None, error_message=error)))
        async with context.vv.begin():
            await context.vv.connectors.note(caller, connector_id, error)
            await complete(answer)
        return answer

    return await _once(request, receipts, fingerprint_body(await request.body(), b""), effect, 200)


@post("/connectors/{connector_id:str}/browse", opt={"scope": Scope.READ, "keyed": False}, status_code=200)
async def browse_connector(
    connector_id: FromPath[str],
    data: JSONBody[wire.BrowseConnector],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
) -> Response[list[wire.CloudFile]]:
    """List the files behind a connector, by path; `X-Truncated: true` says that there are more."""
    found = await context.vv.connectors.browse(
        caller,
        connector_id,
        prefix=data.prefix,
        pattern=data.pattern,
        recursive=data.recursive,
        limit=data.limit,
    )
    headers = {"X-Truncated": "true"} if found.truncated else None
    return Response([_file(one) for one in found.files], status_code=200, headers=headers)


@delete("/connectors/{connector_id:str}", opt={"scope": Scope.ADMIN}, status_code=200)
async def delete_connector(
    connector_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> DeleteResponse:
    """Remove a connector that no job and no automation uses; what was imported or exported stays."""
    await context.vv.connectors.delete(caller, connector_id)
    return DeleteResponse(message="The connector was deleted.")


async def _created(
    provider: Provider, data: Any, request: Asked, context: Context, caller: Caller, receipts: Receipts
) -> Response[Any]:
    given = msgspec.structs.asdict(data)
    credentials = {name: given.pop(name) for name in _SECRETS[provider]}
    fingerprint = fingerprint_body(await request.body(), request.scope.get("query_string", b""))
    making = _making(context, caller, provider, given, credentials)
    return await _once(request, receipts, fingerprint, making, 201)


def _making(
    context: Context, caller: Caller, provider: Provider, given: dict[str, Any], credentials: Mapping[str, Any]
) -> Effect:
    async def effect(complete: Complete) -> Answer:
        connectors = context.vv.connectors
        made: Connector = await connectors.prepare(caller, provider=provider, credentials=credentials, **given)
        answer = Answer(201, msgspec.json.encode(out(made, wire.Connector)))
        async with context.vv.begin():
            await connectors.keep(caller, made)
            await complete(answer)
        return answer

    return effect


async def _once(request: Asked, receipts: Receipts, fingerprint: str, effect: Effect, status: int) -> Response[Any]:
    """Do what reaches outside, once for each idempotency key."""
    slot: Slot | None = request.scope["state"].get("slot")
    if slot is None:
        answer, replayed = await effect(forget), False
    else:
        answer, replayed = await receipts.once(slot, fingerprint, effect)
    headers = REPLAYED if replayed else None
    return Response(answer.body, status_code=status, media_type="application/json", headers=headers)


async def _account(form: Form) -> dict[str, Any]:
    content = await form.file.read(MAX_CREDENTIALS + 1)
    if len(content) > MAX_CREDENTIALS:
        raise TooLarge("The credentials file is over 64 KiB; send the key of a service account.")
    try:
        found = msgspec.json.decode(content, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(
            "The credentials file is no JSON object; send the key of a service account.",
            code="validation_connector_credentials",
        ) from error
    return found


def _converted(fields: Mapping[str, Any]) -> wire.GcsConnectorFields:
    try:
        return msgspec.convert(fields, wire.GcsConnectorFields)
    except msgspec.ValidationError as error:
        raise Invalid(f"The form breaks a rule: {error}.") from error


def _file(found: StoredObject) -> wire.CloudFile:
    return out(found, wire.CloudFile, path=found.key, size_bytes=found.size, last_modified=found.modified)


ROUTES = [
    create_gcs,
    create_s3,
    create_azure,
    create_local,
    list_connectors,
    retrieve_connector,
    update_connector,
    test_connector,
    browse_connector,
    delete_connector,
]
