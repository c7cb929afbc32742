"""Indexes, media and prompts: made, read, changed, listed and deleted."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from tests.clients.conformance.journey import Journey
from tests.clients.conformance.recorder import Recorder, settled

SCHEMA = {"type": "object", "properties": {"headline": {"type": "string"}}, "required": ["headline"]}
SUMMARY = {"type": "object", "properties": {"summary": {"type": "string"}}}


async def signs_in(j: Journey) -> None:
    """Sign in, where the client can."""
    if j.modern:
        await j.c.authenticate()


async def indexes(j: Journey) -> None:
    """Create, find again, and list."""
    c = j.c
    j.index = await c.indexes.create(name="Films", idempotency_key="index")
    again = await c.indexes.create(name="Films", idempotency_key="index")
    assert again == j.index
    assert await c.indexes.retrieve(j.index.index_id) == j.index
    assert j.index.index_id in {one.index_id for one in await c.indexes.list()}
    assert [one.name for one in await c.indexes.list(include_defaults=False)] == ["Films"]


async def uploads(j: Journey) -> None:
    """Upload by path and by stream, into an index and into the playground."""
    c = j.c
    first = await c.videos.upload(file=j.w["sound"], title="Sound", index_id=j.index.index_id)
    second = await c.videos.upload(file=io.BytesIO(j.content("film")), title="Film", index_id=j.index.index_id)
    third = await c.videos.upload(file=Path(j.w["sound"]), title="Loose")
    j.sound, j.film, j.loose = [one_of(job) for job in (first, second, third)]
    j.job = first.job_id if j.modern else None
    page = await c.videos.list_playground(limit=10)
    assert [one.video_id for one in page.data] == [j.loose]
    assert not page.has_more


async def prompts(j: Journey) -> None:
    """Create, read, change, try and count."""
    c = j.c
    made = await c.prompts.create(
        name="Scene",
        prompt_text="Say what is seen here.",
        json_schema=SCHEMA,
        video_level={
            "instructions_text": "Sum up.",
            "json_schema": SUMMARY,
            "included_segment_fields": ["headline"],
        },
        semantic_indexing={"disabled_segment_fields": [], "disabled_video_level_fields": []},
    )
    j.prompt = made.prompt_id
    assert await c.prompts.retrieve(j.prompt) == made
    changed = await c.prompts.update(j.prompt, description="Changed.")
    assert (changed.description, changed.video_level) == ("Changed.", made.video_level)
    listed = await c.prompts.list(active_only=False, include_defaults=False)
    assert [one.prompt_id for one in listed.prompts] == [j.prompt]
    assert listed.total_count == listed.active_count == 1
    tried = await c.prompts.test_schema(json_schema=SCHEMA, sample_data={"headline": "x"})
    assert tried.valid
    assert tried.validated_data == {"headline": "x"}
    wrong = await c.prompts.test_schema(json_schema=SCHEMA, sample_data={"headline": 1})
    assert not wrong.valid
    assert wrong.error


async def videos(j: Journey) -> None:
    """Media with their segments and addresses, one by one and many at once."""
    c, both = j.c, [j.sound, j.film]
    film = await c.videos.retrieve(j.film)
    assert (film.media_type, film.title) == ("video", "Film")
    page = await c.videos.list_segments(j.film, run_id=j.run, limit=1)
    assert [one.segment_id for one in page.data] == [j.segment]
    assert len(await settled(page.auto_paging_iter())) == 3
    assert len((await c.videos.list_segments(j.film, latest_run=True)).data) == 3
    assert [one.video_id for one in await c.videos.batch_retrieve(both)] == both
    assert [one.video_id for one in await c.videos.batch_status(both)] == both
    assert [one.video_id for one in await c.videos.batch_segments(both)] == both
    targets = [{"video_id": j.film, "run_id": j.run}]
    (only,) = await c.videos.batch_segments_for_targets(as_targets(c, targets))
    signed = await c.videos.get_signed_url(only.segments[0].gcs_uri)
    assert signed.signed_url.startswith("http")
    assert [one.run_id for one in await c.videos.list_prompt_runs(j.film, limit=5)] == [j.run]
    started = await c.videos.process(j.loose, segment_duration=2, prompt_id=j.prompt)
    assert started.message


async def refusals(j: Journey) -> None:
    """Every kind of refusal comes as the exception that the client has for it."""
    c, errors = j.c.client, j.errors
    strange = "idx_" + "0" * 32
    for kind, call in {
        errors.NotFoundError: lambda: c.indexes.retrieve(strange),
        errors.AuthorizationError: c.api_keys.list,
        errors.ValidationError: lambda: c.indexes.create(name=""),
        errors.ConflictError: lambda: c.indexes.create(name="Others", idempotency_key="index"),
    }.items():
        try:
            await settled(call())
        except kind as error:
            told = (error.error_code, error.request_id)
        else:
            told = (None, None)
        assert all(told), kind


async def deletions(j: Journey) -> None:
    """What is deleted is gone when its deletion says so."""
    c = j.c
    await c.videos.delete(j.sound)
    await j.until(
        lambda: c.videos.get_deletion(j.sound),
        lambda one: (one.status, one.retry_after_seconds) == ("deleted", None),
    )
    await c.indexes.delete(j.index.index_id)
    await j.until(lambda: c.indexes.get_deletion(j.index.index_id), lambda one: one.status == "deleted")
    assert j.index.index_id not in {one.index_id for one in await c.indexes.list()}


def one_of(job: Any) -> str:
    """Return the one item of an upload, as this client tells of it."""
    if getattr(job, "video_ids", None):
        return str(job.video_ids[0])
    return str(getattr(job, "video", job).video_id)


def as_targets(c: Recorder, targets: list[dict[str, str]]) -> Any:
    """Make targets of the kind that this client takes."""
    import videovector._types as types

    kind = getattr(types, "BatchVideoSegmentsTarget", None)
    return [kind(**one) for one in targets] if kind else targets
