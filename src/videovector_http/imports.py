"""Import jobs."""

from __future__ import annotations

from typing import Any, Final

from litestar import Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody

from videovector_core.access.model import Caller, Scope
from videovector_core.connectors.model import ImportMode
from videovector_core.errors import Invalid
from videovector_core.imports.jobs import Attachment
from videovector_core.imports.model import ImportJob, JobStatus, Which
from videovector_core.imports.service import JobView
from videovector_http.context import Context
from videovector_http.paging import Cursor, Limit, LongLimit
from videovector_http.render.imports import job, output, source
from videovector_http.wire import imports as wire

OLDER_CLIENT: Final = "videovector-python/1."
"""The published client 1.x fails at a job without a connector; for it an upload is no job."""


@get("/import-jobs", opt={"scope": Scope.READ})
async def list_jobs(
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    status: FromQuery[str | None] = None,
    index_id: FromQuery[str | None] = None,
    automation_only: FromQuery[bool] = False,
    limit: LongLimit = 200,
) -> list[wire.ImportJob]:
    """List import jobs, newest first."""
    if status is not None and status.lower() not in set(JobStatus):
        raise Invalid(f"status is one of {', '.join(JobStatus)}.", code="validation_import_status")
    wanted = JobStatus(status.lower()) if status else None
    jobs = await context.vv.imports.all(
        caller,
        status=wanted,
        index_id=index_id,
        limit=limit,
        automation_only=automation_only,
        connectors_only=request.headers.get("user-agent", "").startswith(OLDER_CLIENT),
    )
    return [_job(context, caller, view) for view in jobs]


@get("/import-jobs/{job_id:str}", opt={"scope": Scope.READ})
async def retrieve_job(
    job_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.ImportJob:
    """Return an import job with the first page of what it made."""
    return _job(context, caller, await context.vv.imports.get(caller, job_id))


@get("/import-jobs/{job_id:str}/outputs", opt={"scope": Scope.READ})
async def list_outputs(
    job_id: FromPath[str],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    limit: Limit = 100,
    cursor: Cursor = None,
) -> wire.ImportOutputsPage:
    """List the media that a job made, by source."""
    bound = ("outputs", caller.user_id, job_id)
    after = context.signer.place(cursor, *bound)
    page, total = await context.vv.imports.files(caller, job_id, limit=limit, after=after, which=Which.MEDIA)
    rows = [output(file) for file in page.items]
    return wire.ImportOutputsPage(items=rows, next_cursor=context.signer.cursor(page.after, *bound), total=total)


@get("/import-jobs/{job_id:str}/files", opt={"scope": Scope.READ})
async def list_files(
    job_id: FromPath[str],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    limit: Limit = 100,
    cursor: Cursor = None,
    failed_only: FromQuery[bool] = False,
) -> wire.ImportFilesPage:
    """List the files that a job reads."""
    bound = ("files", caller.user_id, job_id, failed_only)
    after = context.signer.place(cursor, *bound)
    which = Which.FAILED if failed_only else Which.ALL
    page, total = await context.vv.imports.files(caller, job_id, limit=limit, after=after, which=which)
    rows = [source(file) for file in page.items]
    return wire.ImportFilesPage(items=rows, next_cursor=context.signer.cursor(page.after, *bound), total=total)


@post("/import-jobs", opt={"scope": Scope.WRITE}, status_code=202)
async def create_job(
    data: JSONBody[wire.CreateImportJob], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.ImportJob:
    """Bring in what lies behind a connector."""
    made = await context.vv.import_jobs.start(
        caller,
        connector_id=data.connector_id,
        index_id=data.index_id,
        source_prefix=data.source_prefix,
        file_pattern=data.file_pattern,
        recursive=data.recursive,
        mode=ImportMode(data.import_mode_override) if data.import_mode_override else None,
    )
    return await _now(context, caller, made)


@post("/import-jobs/{job_id:str}/cancel", opt={"scope": Scope.WRITE}, status_code=200)
async def cancel_job(
    job_id: FromPath[str], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.ImportJob:
    """Stop an import job; what was imported stays."""
    return await _now(context, caller, await context.vv.import_jobs.cancel(caller, job_id))


@post("/import-jobs/{job_id:str}/retry", opt={"scope": Scope.WRITE}, status_code=202)
async def retry_job(
    job_id: FromPath[str],
    data: JSONBody[wire.RetryImportJob],
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
) -> wire.ImportJob:
    """Fetch again what failed of an attachment job; `files` bring fresh URLs."""
    fresh = [_attachment(file) for file in data.files or ()]
    return await _now(context, caller, await context.vv.import_jobs.retry(caller, job_id, fresh))


@post("/workflow/attachments", opt={"scope": Scope.WRITE}, status_code=202)
async def import_attachments(
    data: JSONBody[wire.ImportAttachments], context: NamedDependency[Context], caller: NamedDependency[Caller]
) -> wire.ImportJob:
    """Fetch files by URL; without an index they go to the playground."""
    if data.index_id is not None and data.index_name is not None:
        raise Invalid("Give either index_id or index_name.", code="validation_index_choice")
    async with context.vv.begin():
        index_id = data.index_id
        if data.index_name is not None:
            index_id = (await context.vv.indexes.named(caller, data.index_name))[0].index_id
        files = [_attachment(file) for file in data.files]
        made = await context.vv.import_jobs.attach(caller, files, index_id=index_id, title=data.title)
        return await _now(context, caller, made)


def _attachment(file: wire.AttachmentFile) -> Attachment:
    return Attachment(file.download_url, file.file_id, file.file_name or None)


async def _now(context: Context, caller: Caller, made: ImportJob) -> wire.ImportJob:
    return _job(context, caller, await context.vv.imports.get(caller, made.job_id))


def _job(context: Context, caller: Caller, view: JobView) -> wire.ImportJob:
    job_id = view.job.job_id
    cursor = context.signer.cursor(view.files.after, "outputs", caller.user_id, job_id)
    failed = context.signer.cursor(view.failed.after, "files", caller.user_id, job_id, True)
    return job(view, wire.ImportJob, cursor=cursor, failed_cursor=failed)


ROUTES = [
    list_jobs,
    retrieve_job,
    list_outputs,
    list_files,
    create_job,
    cancel_job,
    retry_job,
    import_attachments,
]
