"""Import jobs, their files and what those became."""

from __future__ import annotations

from typing import Any, TypeVar

from videovector_core.imports.model import ImportFile, ImportJob, Which
from videovector_core.imports.service import JobView
from videovector_core.media.model import uri_of
from videovector_core.page import Page
from videovector_http.wire import imports as wire
from videovector_http.wire.convert import out

J = TypeVar("J", bound=wire.ImportJob)


def job(
    view: JobView, shape: type[J], *, cursor: str | None = None, failed_cursor: str | None = None, **more: Any
) -> J:
    """Write an import job with the first page of its files; `more` are further fields of the shape."""
    files, about = view.files.items, view.job
    media = about.count_of(Which.MEDIA)
    return out(
        about,
        shape,
        progress=out(
            about,
            wire.ImportJobProgress,
            parts_total=media,
            parts_completed=about.imported,
            parts_failed=about.failed,
        ),
        outputs=wire.ImportOutputsPage(items=[output(file) for file in files], next_cursor=cursor, total=media),
        video_ids=[file.video_id for file in files if file.video_id and file.status == "completed"],
        failed_files=[wire.FailedFile(path=file.file_name, error=file.error or "") for file in view.failed.items],
        failed_files_next_cursor=failed_cursor,
        skipped_files=[
            wire.SkippedFile(path=file.file_name, reason=file.skip_reason or "") for file in view.skipped.items
        ],
        **more,
    )


def upload(view: JobView, *, index_name: str | None = None, created: bool = False) -> wire.UploadJob:
    """Write the job of an upload, with its media item in every place where a client looks for it."""
    item = view.items[0]
    about: dict[str, Any] = {
        "video_id": item.video_id,
        "title": item.title,
        "video_uri": item.uri,
        "media_type": item.media_type.value,
        "duration_seconds": item.duration,
        "created_at": view.job.created_at,
    }
    destination = wire.UploadDestination(
        type="index" if item.index_id else "playground",
        index_id=item.index_id,
        index_name=index_name,
        index_created=created,
    )
    video = out(about, wire.UploadedVideo, status=item.status.value)
    return job(view, wire.UploadJob, **about, video=video, destination=destination)


def registered(view: ImportJob, file: ImportFile) -> wire.UploadJob:
    """Write the job of a registration, with the media item that it is to become in every place where a client looks."""
    about: dict[str, Any] = {
        "video_id": file.video_id,
        "title": file.title or file.file_name,
        "video_uri": uri_of(file.video_id or "", file.file_name.rsplit("/", 1)[-1]),
        "created_at": view.created_at,
        "message": "The import was accepted.",
    }
    destination = wire.UploadDestination(type="index", index_id=view.target_index_id)
    video = out(about, wire.UploadedVideo, status="not_processed")
    return job(JobView(view, Page((file,))), wire.UploadJob, **about, video=video, destination=destination)


def output(file: ImportFile) -> wire.ImportOutput:
    """Write what a source file became."""
    return wire.ImportOutput(
        file_id=file.shown_id,
        file_name=file.file_name,
        source_ordinal=file.ordinal,
        part_index=0,
        part_count=1,
        source_start_seconds=0.0,
        source_end_seconds=file.duration or 0.0,
        video_id=file.video_id or "",
        title=file.title or file.file_name,
        status=file.status,
    )


def source(file: ImportFile) -> wire.ImportSourceFile:
    """Write a source file."""
    refresh = file.error_code == "attachment_download_failed"
    failure = (
        {"error_code": file.error_code, "message": file.error, "refresh_required": refresh} if file.error else None
    )
    done = file.status == "completed"
    return wire.ImportSourceFile(
        file_id=file.shown_id,
        file_name=file.file_name,
        source_ordinal=file.ordinal,
        status=file.status,
        part_count=1 if done else None,
        parts_completed=int(done),
        parts_failed=int(file.status == "failed"),
        failure=failure,
        skip_reason=file.skip_reason,
    )
