"""Answers from the values of the domain: by name through `out`, and here only what is not a name of the same thing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeVar

from attrs import field, frozen
from litestar import Response

from videovector_core.deletions import Deletion, DeletionStatus
from videovector_core.imports.model import ImportFile
from videovector_core.imports.service import JobView
from videovector_core.markers import Marks
from videovector_core.media.model import MediaItem
from videovector_core.prompts.model import Prompt
from videovector_core.runs.model import (
    LlmCall,
    Operation,
    Outcome,
    Retry,
    Run,
    RunMedium,
    RunStatus,
    SegmentResult,
    VideoResult,
)
from videovector_core.runs.service import RunView
from videovector_core.search.model import Hit
from videovector_core.segments.model import Segment
from videovector_core.signals import MediaType
from videovector_http.context import Context
from videovector_http.wire import imports as imports_wire
from videovector_http.wire import media as media_wire
from videovector_http.wire import prompts as prompts_wire
from videovector_http.wire import results as results_wire
from videovector_http.wire import runs as runs_wire
from videovector_http.wire import search as search_wire
from videovector_http.wire import segments as segments_wire
from videovector_http.wire.base import Shape
from videovector_http.wire.convert import out, rfc3339
from videovector_http.wire.markers import MarkerInfo

Snapshot = tuple[Run, RunMedium, list[SegmentResult], VideoResult | None]
PREVIEW = 280


@frozen
class Render:
    """Writes answers; `context` mints the links in them, `marks` are shown on what they hang on."""

    context: Context
    marks: Marks = field(factory=Marks)

    def video(self, item: MediaItem, snapshots: Sequence[Snapshot] = (), *, segments: bool = False) -> media_wire.Video:
        """Write a media item; lists leave the segments of its runs out."""
        keys = {key for _, _, rows, _ in snapshots for row in rows[:50] for key in row.metadata or {}}
        return out(
            item,
            media_wire.Video,
            video_uri=item.uri,
            duration_seconds=item.duration,
            processing_status=[snapshot(one, segments=segments) for one in snapshots],
            metadata_keys=sorted(keys),
            marker=self._marker("video", item.video_id),
        )

    def prompt(self, prompt: Prompt) -> prompts_wire.Prompt:
        """Write a prompt."""
        return out(prompt, prompts_wire.Prompt, marker=self._marker("prompt", prompt.prompt_id))

    def run(self, view: RunView) -> runs_wire.PromptRun:
        """Write a run with its counters."""
        run, counts = view.run, view.counts
        wanted = {
            "transcription": run.enable_transcription,
            "image_embedding": run.enable_image_embedding,
            "field_extraction": True,
        }
        failures = {
            "transcription": counts.transcription_failures,
            "image_embedding": counts.image_embedding_failures,
            "field_extraction": counts.field_extraction_failures,
        }
        flags = {
            f"{name}_succeeded": (failures[name] == 0 if run.terminal and asked else None)
            for name, asked in wanted.items()
        }
        level = counts.video_level
        return out(
            run,
            runs_wire.PromptRun,
            prompt_name=run.prompt.name,
            prompt_type="default" if run.prompt.is_system else "custom",
            run_context=run.target,
            **_media_counters(view),
            total_segments=counts.total_segments,
            completed_segments=counts.segments.get(Outcome.SUCCESSFUL, 0),
            field_extraction_failures=counts.field_extraction_failures,
            transcription_failures=counts.transcription_failures,
            image_embedding_failures=counts.image_embedding_failures,
            **flags,
            video_segmentation_type=run.segmentation.video.value,
            audio_segmentation_type=run.segmentation.audio.value,
            video_segment_duration=run.segmentation.video_seconds,
            audio_segment_duration=run.segmentation.audio_seconds,
            created_new_segments=counts.created_new_segments,
            processing_model=run.processing_model or run.effective_model,
            total_video_seconds=run.total_seconds,
            video_level_enabled=run.prompt.video_level is not None,
            video_level_total_items=counts.total_media if run.prompt.video_level is not None else 0,
            video_level_completed_items=level.get(Outcome.SUCCESSFUL, 0),
            video_level_failed_items=level.get(Outcome.FAILED, 0),
            video_level_partial_items=level.get(Outcome.PARTIAL, 0),
            marker=self._marker("prompt_run", run.run_id),
        )

    def segment(self, item: MediaItem, segment: Segment, row: SegmentResult | None) -> segments_wire.Segment:
        """Write a segment with what a run found in it."""
        found: dict[str, Any] = {}
        if row is not None:
            found = {
                "processed": row.status is Outcome.SUCCESSFUL,
                "processing_failed": row.status is Outcome.FAILED,
                "segment_status": segment_status(row.status),
                "failure_stage": row.failure_stage,
                "failure_message": row.failure_message,
                "attempt_id": row.attempt_id,
                "metadata": row.document() if row.metadata is not None else None,
                "metadata_text": row.metadata_text,
                "processed_at": row.processed_at,
                "error_message": row.failure_message,
                "processing_warning": row.warning,
                "from_run_id": row.run_id,
                "status_source": "prompt_run",
                "metadata_markers": self._fields(f"segment:{segment.segment_id}:{row.run_id}"),
                **operations(row),
            }
        shows = item.media_type is not MediaType.AUDIO
        return segments_wire.Segment(
            **{
                **self.links(item, segment.segment_id),
                **out_fields(found),
                "segment_id": segment.segment_id,
                "video_id": segment.video_id,
                "start_time": segment.start,
                "end_time": segment.end,
                "created_at": None,
                "marker": self._marker("segment", segment.segment_id),
                "thumbnail_available": True,
                "gif_available": shows,
            }
        )

    def segment_result(self, item: MediaItem, run: Run, row: SegmentResult) -> results_wire.SegmentRunResult:
        """Write what a run found in a segment."""
        return out(
            row,
            results_wire.SegmentRunResult,
            prompt_id=run.prompt_id,
            prompt_run_id=run.run_id,
            video_name=item.title,
            source_index_id=item.index_id,
            executed_at=run.executed_at,
            start_time=row.start,
            end_time=row.end,
            metadata=row.document(),
            processing_warning=row.warning,
            schema_used=schema_text(run.prompt.json_schema),
            thumbnail_available=True,
            gif_available=item.media_type is not MediaType.AUDIO,
            field_extraction_succeeded=row.field_extraction is not False,
            transcription_succeeded=row.transcription,
            image_embedding_succeeded=row.image_embedding,
            **self._marked(f"segment:{row.segment_id}:{run.run_id}"),
            **self.links(item, row.segment_id),
        )

    def video_result(self, item: MediaItem, run: Run, row: VideoResult) -> results_wire.PromptRunVideoResult:
        """Write what a run says about a whole media item."""
        return out(
            row,
            results_wire.PromptRunVideoResult,
            prompt_id=run.prompt_id,
            prompt_run_id=run.run_id,
            video_name=item.title,
            source_index_id=item.index_id,
            executed_at=run.executed_at,
            status=video_level_status(row.status),
            raw_llm_response=row.raw_response,
            processing_warning=row.warning,
            schema_used=schema_text(run.prompt.video_level.json_schema) if run.prompt.video_level else None,
            successful_segment_count=row.successful_segments,
            failed_segment_count=row.failed_segments,
            source_fingerprint=row.fingerprint,
            embedding_status="searchable" if run.searchable else "pending",
            rendered_prompt_char_count=row.prompt_chars,
            template_fields=run.prompt.video_level.included_segment_fields if run.prompt.video_level else [],
            segment_uri=self.context.link(item.user_id, "media", item.video_id),
            gcs_uri=item.uri,
            gif_uri=self.context.link(item.user_id, "gif", item.video_id),
            gif_available=item.media_type is not MediaType.AUDIO,
            marker=self._marker("result", f"video:{item.video_id}:{run.run_id}"),
        )

    def hit(self, hit: Hit, shape: type[search_wire.SearchResult] = search_wire.SearchResult, **more: Any) -> Any:
        """Write a hit."""
        row, item, run = hit.result, hit.item, hit.run
        links = self.links(item, row.segment_id) if row is not None else {}
        document = hit.metadata
        fields = {field.path: field.score for field in reversed(hit.fields)}
        return shape(
            **{
                **links,
                "result_type": "segment" if row is not None else "video",
                "result_id": hit.result_id,
                "marker": self._marker("result", hit.result_id),
                "extracted_metadata_markers": self._fields(hit.result_id),
                "video_id": item.video_id,
                "video_uri": item.uri,
                "video_name": item.title,
                "segment_id": row.segment_id if row is not None else None,
                "start_time": hit.start,
                "end_time": hit.end,
                "text_content": hit.text,
                "content_preview": (hit.fields[0].value if hit.fields else hit.text)[:PREVIEW],
                "metadata_text": hit.text,
                "similarity_score": hit.similarity,
                "fused_score": hit.fused,
                "text_score": hit.text_score,
                "image_score": hit.image_score,
                "text_rank": hit.text_rank,
                "image_rank": hit.image_rank,
                "matched_image_timestamp": hit.image_time,
                "matched_image_score": hit.image_score,
                "shot_timestamp": hit.image_time,
                "thumbnail_available": row is not None,
                "gif_available": row is not None and item.media_type is not MediaType.AUDIO,
                "media_type": item.media_type.value,
                "metadata": document,
                "extracted_metadata": document,
                "field_scores": fields,
                "field_instance_scores": {field.instance_key: field.score for field in hit.fields},
                "matched_field_paths": list(dict.fromkeys(field.path for field in hit.fields)),
                "matched_field_instances": [
                    search_wire.MatchedFieldInstance(
                        field_path=field.path,
                        field_display_label=field.label,
                        field_instance_key=field.instance_key,
                        field_instance_path=field.instance_path,
                        field_instance_display_label=field.instance_label,
                        score=field.score,
                        value_preview=field.value,
                    )
                    for field in hit.fields
                ],
                "run_id": run.run_id,
                "source_run_id": run.run_id,
                "prompt_run_id": run.run_id,
                "prompt_id": run.prompt_id,
                "source_index_id": item.index_id,
                **more,
            }
        )

    def job(self, view: JobView, cursor: str | None = None, failed_cursor: str | None = None) -> dict[str, Any]:
        """Return the fields of an import job."""
        job = view.job
        failed = [imports_wire.FailedFile(path=file.file_name, error=file.error or "") for file in view.failed.items]
        done = [file for file in view.files.items if file.status == "completed"]
        skipped = [file for file in view.files.items if file.status == "skipped"]
        base = out(
            job,
            imports_wire.ImportJob,
            progress=imports_wire.ImportJobProgress(
                total_files=view.total,
                imported=len(done),
                failed=len(failed),
                skipped=len(skipped),
                bytes_transferred=sum(file.size for file in done),
                parts_total=view.total,
                parts_completed=len(done),
                parts_failed=len(failed),
            ),
            outputs=imports_wire.ImportOutputsPage(
                items=[output(file) for file in view.files.items if file.video_id], next_cursor=cursor, total=view.total
            ),
            video_ids=[file.video_id for file in done if file.video_id],
            failed_files=failed,
            failed_files_next_cursor=failed_cursor,
            skipped_files=[
                imports_wire.SkippedFile(path=file.file_name, reason=file.skip_reason or "") for file in skipped
            ],
        )
        return {name: getattr(base, name) for name in imports_wire.ImportJob.__struct_fields__}

    def upload(self, view: JobView, *, index_name: str | None = None, created: bool = False) -> imports_wire.UploadJob:
        """Write the job of an upload, with its media item in every place where a client looks for it."""
        item = view.items[0]
        about: dict[str, Any] = {
            "video_id": item.video_id,
            "title": item.title,
            "video_uri": item.uri,
            "media_type": item.media_type.value,
            "duration_seconds": item.duration,
            "created_at": self.job(view)["created_at"],
        }
        destination = imports_wire.UploadDestination(
            type="index" if item.index_id else "playground",
            index_id=item.index_id,
            index_name=index_name,
            index_created=created,
        )
        video = imports_wire.UploadedVideo(**about, status=item.status.value)
        return imports_wire.UploadJob(**{**self.job(view), **about}, video=video, destination=destination)

    def _marker(self, target_type: str, target_id: str) -> MarkerInfo:
        found = self.marks.on(target_type, target_id)
        return out(found, MarkerInfo) if found is not None else MarkerInfo()

    def _fields(self, result_id: str) -> dict[str, MarkerInfo]:
        return {path: out(one, MarkerInfo) for path, one in self.marks.fields(result_id).items()}

    def _marked(self, result_id: str) -> dict[str, Any]:
        fields = self._fields(result_id)
        return {
            "marker": self._marker("result", result_id),
            "metadata_markers": fields,
            "extracted_metadata_markers": fields,
        }

    def links(self, item: MediaItem, segment_id: str) -> dict[str, Any]:
        """Return the links of a segment and their durable counterparts."""
        shows = item.media_type is not MediaType.AUDIO
        folder = item.uri.rsplit("/", 1)[0]
        return {
            "segment_uri": self.context.link(item.user_id, "segment", segment_id),
            "gcs_uri": f"{folder}/segments/{segment_id}",
            "thumbnail_uri": self.context.link(item.user_id, "thumbnail", segment_id),
            "thumbnail_gcs_uri": f"{folder}/thumbnails/{segment_id}.jpg",
            "gif_uri": self.context.link(item.user_id, "segment-gif", segment_id) if shows else None,
            "gif_gcs_uri": f"{folder}/gifs/{segment_id}.gif" if shows else None,
        }


def _media_counters(view: RunView) -> dict[str, int]:
    names = {MediaType.VIDEO: "videos", MediaType.AUDIO: "audios", MediaType.IMAGE: "images"}
    outcomes = {
        "total": (),
        "completed": (Outcome.SUCCESSFUL,),
        "failed": (Outcome.FAILED,),
        "partial": (Outcome.PARTIAL,),
        "cancelled": (Outcome.CANCELLED,),
    }
    return {
        f"{word}_{plural}": view.counts.of(kind, *which)
        for word, which in outcomes.items()
        for kind, plural in names.items()
    }


def segment_status(outcome: Outcome) -> str:
    """Return the wire's word; what was cancelled was never done and shows as failed."""
    return "failed" if outcome in {Outcome.CANCELLED, Outcome.PARTIAL} else outcome.value


def video_level_status(outcome: Outcome) -> str:
    """Return the wire's word for a media-level result."""
    return "completed" if outcome is Outcome.SUCCESSFUL else outcome.value


def operations(row: SegmentResult) -> dict[str, Any]:
    """Return the outcomes of the three operations."""
    return {
        "field_extraction_succeeded": row.field_extraction,
        "transcription_succeeded": row.transcription,
        "image_embedding_succeeded": row.image_embedding,
        "field_extraction_error": row.field_extraction_error,
        "transcription_error": row.transcription_error,
        "image_embedding_error": row.image_embedding_error,
    }


def out_fields(found: dict[str, Any]) -> dict[str, Any]:
    """Write moments in plain values."""
    return {name: rfc3339(value) if hasattr(value, "tzinfo") else value for name, value in found.items()}


def schema_text(schema: dict[str, Any]) -> str:
    """Return a schema as JSON text."""
    return json.dumps(schema)


def snapshot(one: Snapshot, *, segments: bool) -> media_wire.PromptRunProcessingStatus:
    """Write how far a run has come with a media item."""
    run, medium, rows, level = one
    by_status = {status: sum(row.status is status for row in rows) for status in Outcome}
    status = _medium_status(medium)
    return media_wire.PromptRunProcessingStatus(
        run_id=run.run_id,
        prompt_id=run.prompt_id,
        status=status,
        total_segments=max(medium.total_segments, len(rows)),
        pending_segments=by_status[Outcome.PENDING],
        processing_segments=by_status[Outcome.PROCESSING],
        successful_segments=by_status[Outcome.SUCCESSFUL],
        failed_segments=by_status[Outcome.FAILED] + by_status[Outcome.CANCELLED],
        **out_fields({"created_at": run.executed_at, "updated_at": medium.completed_at or medium.started_at}),
        video_level=_level(level) if level is not None else None,
        segments=[_segment_status(row) for row in rows] if segments else [],
    )


def _medium_status(medium: RunMedium) -> Any:
    words = {
        Outcome.PENDING: RunStatus.PENDING,
        Outcome.PROCESSING: RunStatus.PROCESSING,
        Outcome.SUCCESSFUL: RunStatus.COMPLETED,
        Outcome.PARTIAL: RunStatus.COMPLETED_WITH_FAILURES,
        Outcome.FAILED: RunStatus.FAILED,
        Outcome.CANCELLED: RunStatus.CANCELLED,
    }
    return words[medium.status].value


def _level(level: VideoResult) -> media_wire.VideoLevelProcessingStatus:
    return out(
        level,
        media_wire.VideoLevelProcessingStatus,
        status=video_level_status(level.status),
        result_available=level.status in {Outcome.SUCCESSFUL, Outcome.PARTIAL},
        successful_segment_count=level.successful_segments,
        failed_segment_count=level.failed_segments,
        updated_at=level.completed_at,
    )


def _segment_status(row: SegmentResult) -> media_wire.SegmentRunProcessingStatus:
    return out(
        row,
        media_wire.SegmentRunProcessingStatus,
        status=segment_status(row.status),
        start_time=row.start,
        end_time=row.end,
        completed_at=row.processed_at,
        updated_at=row.processed_at,
        error_message=row.failure_message,
    )


def output(file: ImportFile) -> imports_wire.ImportOutput:
    """Write what a source file became."""
    return imports_wire.ImportOutput(
        file_id=file.file_id,
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


def source(file: ImportFile) -> imports_wire.ImportSourceFile:
    """Write a source file."""
    failure = {"error_code": file.error_code, "message": file.error, "refresh_required": False} if file.error else None
    done = file.status == "completed"
    return imports_wire.ImportSourceFile(
        file_id=file.file_id,
        file_name=file.file_name,
        source_ordinal=file.ordinal,
        status=file.status,
        part_count=1 if done else None,
        parts_completed=int(done),
        parts_failed=int(file.status == "failed"),
        failure=failure,
        skip_reason=file.skip_reason,
    )


def manifest(
    view: RunView, rows: Sequence[SegmentResult], media: Sequence[RunMedium]
) -> results_wire.PromptRunFailedSegmentsManifest:
    """Write what failed in a run."""
    by_video: dict[str, list[SegmentResult]] = {medium.video_id: [] for medium in media}
    for row in rows:
        by_video.setdefault(row.video_id, []).append(row)
    videos = [
        results_wire.PromptRunFailedVideo(
            video_id=video_id,
            failed_segments=len(failed),
            operation_counts=_operation_counts(failed, whole=not failed),
            segments=[_failed(row) for row in failed],
        )
        for video_id, failed in by_video.items()
    ]
    return results_wire.PromptRunFailedSegmentsManifest(
        run_id=view.run.run_id,
        status=view.run.status.value,
        videos_with_failures=len(videos),
        failed_segments=len(rows),
        operation_counts=_operation_counts(rows),
        videos=videos,
    )


def _operation_counts(
    rows: Sequence[SegmentResult], *, whole: bool = False
) -> results_wire.PromptRunFailureOperationCounts:
    counts = {operation.value: sum(operation in row.failed_operations for row in rows) for operation in Operation}
    counts["processing"] += int(whole)
    return results_wire.PromptRunFailureOperationCounts(**counts)


def _failed(row: SegmentResult) -> results_wire.PromptRunFailedSegment:
    return results_wire.PromptRunFailedSegment(
        segment_id=row.segment_id,
        failed_operations=[operation.value for operation in row.failed_operations],
        field_extraction_error=row.field_extraction_error,
        transcription_error=row.transcription_error,
        image_embedding_error=row.image_embedding_error,
        failure_stage=row.failure_stage or row.failed_operations[0].value,
        failure_message=row.failure_message,
        failure_code=row.failure_code,
        retryable=row.retryable if row.retryable is not None else True,
        start_time=row.start,
        end_time=row.end,
    )


def retry(
    one: Retry, row: SegmentResult | None = None
) -> results_wire.PromptRunSegmentRetry | results_wire.PromptRunSegmentRetryStatus:
    """Write a repair; with the segment, its status."""
    if row is None:
        message = "The retry was queued." if one.active else f"The retry {one.status}."
        return out(one, results_wire.PromptRunSegmentRetry, message=message)
    flags = {name: value for name, value in operations(row).items() if name.endswith("_succeeded")}
    return out(one, results_wire.PromptRunSegmentRetryStatus, **flags)


D = TypeVar("D", bound=Shape)


def deletion(record: Deletion, shape: type[D], **owner: str) -> Response[D]:
    """Answer with a deletion: 202 while it is under way, 200 when it is over."""
    over = record.status is DeletionStatus.DELETED
    return Response(out(record, shape, **owner), status_code=200 if over else 202)


def llm_call(call: LlmCall) -> runs_wire.LlmCall:
    """Write a model call."""
    took = call.completed_at - call.invoked_at if call.completed_at else None
    return out(
        call,
        runs_wire.LlmCall,
        prompt_run_id=call.run_id,
        total_tokens=call.input_tokens + call.output_tokens,
        video_seconds=call.media_seconds,
        segment_start_time=call.segment_start,
        segment_end_time=call.segment_end,
        created_at=call.invoked_at,
        duration_ms=round(took.total_seconds() * 1000) if took else None,
    )
