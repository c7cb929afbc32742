"""Multipart uploads: decoded to disk, fingerprinted by content, taken in once."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import msgspec
from attrs import frozen
from litestar import Request
from litestar.datastructures import UploadFile

from videovector_core.access.model import Caller
from videovector_core.errors import Invalid, Malformed, NotFound
from videovector_core.idempotency import Answer, Slot, fingerprint_form
from videovector_http.context import Context
from videovector_http.receipts import Complete, Receipts
from videovector_http.render import imports as render

CHUNK = 1024 * 1024


@frozen
class Form:
    """A decoded form: its text fields, and the one file."""

    fields: dict[str, list[str]]
    file: UploadFile

    def text(self, name: str) -> str | None:
        """Return a text field; blank counts as absent."""
        return next((value for value in self.fields.get(name, []) if value.strip()), None)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Stream the file from its beginning."""
        await self.file.seek(0)
        while chunk := await self.file.read(CHUNK):
            yield chunk

    async def fingerprint(self) -> str:
        """Fingerprint the request: fields, file name and content; the boundary does not count."""
        digest = hashlib.sha256()
        async for chunk in self.chunks():
            await asyncio.to_thread(digest.update, chunk)
        return fingerprint_form(self.fields, {"file": (self.file.filename, digest.hexdigest())})


async def read_form(request: Request[Any, Any, Any], part: str = "file") -> Form:
    """Decode a multipart request that brings one file in a part of that name."""
    if not (request.headers.get("content-type") or "").startswith("multipart/form-data"):
        raise Malformed(f"Send the file as multipart/form-data, in a part named {part}.")
    try:
        data = await request.form()
    except Exception as error:
        raise Malformed("The form cannot be read: it broke off or is no multipart; send it again.") from error
    fields: dict[str, list[str]] = {}
    files: dict[str, UploadFile] = {}
    for name, value in data.multi_items():
        if isinstance(value, UploadFile):
            files[name] = value
        else:
            fields.setdefault(name, []).append(str(value))
    if part not in files:
        raise Invalid(f"There is no part named {part}; send the file in it.", code="validation_file_missing")
    return Form(fields, files[part])


async def upload(
    request: Request[Any, Any, Any], context: Context, receipts: Receipts, caller: Caller
) -> tuple[bytes, bool]:
    """Take an uploaded file in, once for each idempotency key; return the answer's body and whether it is a replay."""
    form = await read_form(request)

    async def effect(complete: Complete | None) -> Answer:
        body = await _take_in(context, caller, form, complete)
        return Answer(202, body)

    slot: Slot | None = request.scope["state"].get("slot")
    try:
        if slot is None:
            return (await effect(None)).body, False
        answer, replayed = await receipts.once(slot, await form.fingerprint(), effect)
        return answer.body, replayed
    finally:
        await form.file.close()


async def _take_in(context: Context, caller: Caller, form: Form, complete: Complete | None) -> bytes:
    """Store the file, then keep rows and receipt in one transaction."""
    index_id, index_name, created = form.text("index_id"), form.text("index_name"), False
    if index_name is not None and index_id is None:
        index, created = await context.vv.indexes.named(caller, index_name)
        index_id = index.index_id
    prepared = await context.vv.imports.prepare(
        caller,
        form.chunks(),
        file_name=form.file.filename or "upload",
        title=form.text("title"),
        index_id=index_id,
    )
    try:
        async with context.vv.begin():
            view = await context.vv.imports.keep(caller, prepared)
            body = msgspec.json.encode(render.upload(view, index_name=index_name, created=created))
            if complete is not None:
                await complete(Answer(202, body))
    except NotFound:
        await context.vv.media.discard(prepared.sha256)
        raise
    return body
