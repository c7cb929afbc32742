"""Auth probes and API keys."""

from __future__ import annotations

from litestar import Response, delete, get, post
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from videovector_core.access.model import ApiKey, Caller
from videovector_core.access.secrets import Secret
from videovector_http.context import Context
from videovector_http.gate import ANY, JWT, PUBLIC
from videovector_http.sessions import COOKIE, SECONDS
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


@post("/auth/login", opt={"scope": PUBLIC}, status_code=200)
async def log_in(data: JSONBody[wire.LogIn], context: NamedDependency[Context]) -> Response[wire.Session]:
    """Open a session for a browser with an API key or a bearer token; further requests need its `X-CSRF-Token`."""
    caller = await context.bearer(f"Bearer {data.credential}")
    cookie, csrf = context.sessions.open(caller, context.now())
    body = wire.Session(user_id=caller.user_id, csrf_token=csrf, expires_in=SECONDS)
    return Response(body, cookies=[_cookie(context, cookie, SECONDS)])


@post("/auth/logout", opt={"scope": PUBLIC}, status_code=200)
async def log_out(context: NamedDependency[Context]) -> Response[DeleteResponse]:
    """Forget the session in this browser."""
    return Response(DeleteResponse(message="You are logged out."), cookies=[_cookie(context, "", 0)])


def _cookie(context: Context, value: str, seconds: int) -> Cookie:
    secure = context.public_url.startswith("https://")
    return Cookie(COOKIE, path="/api/v2", value=value, max_age=seconds, httponly=True, samesite="strict", secure=secure)


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


ROUTES = [log_in, log_out, validate, activity, create_key, list_keys, retrieve_key, rotate_key, revoke_key, delete_key]
