"""Import jobs."""

from __future__ import annotations

from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from videovector_core.access.model import Caller, Scope
from videovector_core.errors import Invalid
from videovector_core.imports.model import JobStatus
from videovector_core.imports.service import JobView
from videovector_http.context import Context
from videovector_http.paging import Cursor, Limit, LongLimit
from videovector_http.render.imports import job, output, source
from videovector_http.wire import imports as wire


@get("/import-jobs", opt={"scope": Scope.READ})
async def list_jobs(
    context: NamedDependency[Context],
    caller: NamedDependency[Caller],
    status: FromQuery[str | None] = None,
    index_id: FromQuery[str | None] = None,
    limit: LongLimit = 200,
) -> list[wire.ImportJob]:
    """List import jobs, newest first."""
    if status is not None and status.lower() not in set(JobStatus):
        raise Invalid(f"status is one of {', '.join(JobStatus)}.", code="validation_import_status")
    wanted = JobStatus(status.lower()) if status else None
    jobs = await context.vv.imports.all(caller, status=wanted, index_id=index_id, limit=limit)
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
    page, total = await context.vv.imports.files(caller, job_id, limit=limit, after=after)
    rows = [output(file) for file in page.items if file.video_id]
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
    page, total = await context.vv.imports.files(caller, job_id, limit=limit, after=after, failed_only=failed_only)
    rows = [source(file) for file in page.items]
    return wire.ImportFilesPage(items=rows, next_cursor=context.signer.cursor(page.after, *bound), total=total)


def _job(context: Context, caller: Caller, view: JobView) -> wire.ImportJob:
    job_id = view.job.job_id
    cursor = context.signer.cursor(view.files.after, "outputs", caller.user_id, job_id)
    failed = context.signer.cursor(view.failed.after, "files", caller.user_id, job_id, True)
    return job(view, wire.ImportJob, cursor=cursor, failed_cursor=failed)


ROUTES = [list_jobs, retrieve_job, list_outputs, list_files]
