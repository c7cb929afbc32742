"""Auth probes and API keys."""

from __future__ import annotations

from litestar import delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from videovector_core.access.model import ApiKey, Caller
from videovector_core.access.secrets import Secret
from videovector_http.context import Context
from videovector_http.gate import ANY, JWT
from videovector_http.wire import access as wire
from videovector_http.wire.convert import out
from videovector_http.wire.envelopes import DeleteResponse


@get("/auth/validate", opt={"scope": ANY}, status_code=204, summary="Say whether the credential works")
async def validate() -> None:
    """204 when the credential works for any scope; nothing else happens."""


@post("/auth/processing-activity", opt={"scope": ANY, "keyed": False}, status_code=200)
async def activity(data: JSONBody[wire.ProcessingActivity]) -> wire.ProcessingActivityAck:
    """Hear that work is coming. A server of one's own needs no waking, so the answer is immediate."""
    return wire.ProcessingActivityAck(accepted=bool(data.event_id))


@post("/api-keys", opt={"scope": JWT}, status_code=201)
async def create_key(
    data: JSONBody[wire.CreateApiKey], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.ApiKeyWithSecret:
    """Make a key; the answer shows it this once."""
    key, secret = await context.vv.access.create_key(
        caller, name=data.name, scopes=list(data.scopes), expires_in_days=data.expires_in_days
    )
    return _with_secret(context, key, secret)


@get("/api-keys", opt={"scope": JWT})
async def list_keys(context: NamedDependency[Context], caller: NamedDependency[Caller]) -> list[wire.ApiKey]:
    """List the caller's keys, masked, newest first."""
    return [_masked(context, key) for key in await context.vv.access.keys(caller)]


@get("/api-keys/{key_id:str}", opt={"scope": JWT})
async def retrieve_key(
    key_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.ApiKey:
    """Return one key, masked."""
    return _masked(context, await context.vv.access.key(caller, key_id))


@post("/api-keys/{key_id:str}/rotate", opt={"scope": JWT}, status_code=200)
async def rotate_key(
    key_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.ApiKeyRotation:
    """Replace a key; the old one stops working at once."""
    key, secret = await context.vv.access.rotate_key(caller, key_id)
    return wire.ApiKeyRotation(old_key_id=key_id, new_key=_with_secret(context, key, secret))


@post("/api-keys/{key_id:str}/revoke", opt={"scope": JWT}, status_code=200)
async def revoke_key(
    key_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.ApiKey:
    """Stop a key from working; it stays in the list."""
    return _masked(context, await context.vv.access.revoke_key(caller, key_id))


@delete("/api-keys/{key_id:str}", opt={"scope": JWT}, status_code=200)
async def delete_key(
    key_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> DeleteResponse:
    """Remove a key."""
    await context.vv.access.delete_key(caller, key_id)
    return DeleteResponse(message="The API key was deleted.")


def _masked(context: Context, key: ApiKey) -> wire.ApiKey:
    return out(key, wire.ApiKey, is_active=key.active(context.now()))


def _with_secret(context: Context, key: ApiKey, secret: Secret) -> wire.ApiKeyWithSecret:
    return out(key, wire.ApiKeyWithSecret, is_active=key.active(context.now()), key=secret.reveal())


ROUTES = [validate, activity, create_key, list_keys, retrieve_key, rotate_key, revoke_key, delete_key]
