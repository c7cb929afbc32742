"""The twenty workflows that are documented for the published client, written anew on 2.0.0, sync and async."""

from __future__ import annotations

import io
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from attrs import define
from videovector import AsyncVideoVector, VideoVector, VideoVectorError

from tests.clients.conformance.finding import PIXEL
from tests.clients.conformance.recorder import Recorder, settled
from tests.clients.conformance.running import FIXED

pytestmark = [pytest.mark.real, pytest.mark.timeout(400)]

TEXT: dict[str, Any] = {"type": "string"}
SCORE: dict[str, Any] = {"type": "number", "minimum": 0, "maximum": 1}
LEVEL: dict[str, Any] = {"type": "string", "enum": ["none", "low", "high"]}


def record(required: list[str] | None = None, **properties: Any) -> dict[str, Any]:
    """Return a schema of an object."""
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


PRODUCTS = {"type": "array", "items": record(brand=TEXT, brand_position={"type": "string", "enum": ["shelf"]})}


@define
class Scene:
    """A client, the world around it, and what an earlier run left: an index with two media and its run."""

    c: Any
    w: dict[str, Any]
    index: str
    film: str
    run: str
    prompt: str

    async def ask(self, name: str, schema: dict[str, Any], **more: Any) -> Any:
        """Make a prompt."""
        text = f"{name}: fill the fields from what is seen and heard."
        return await self.c.prompts.create(name=name, prompt_text=text, json_schema=schema, **more)

    async def ran(self, prompt: Any, **more: Any) -> Any:
        """Run a prompt over the film, and wait until that has ended well."""
        target = {"type": "videos", "video_ids": [self.film], "index_id": self.index}
        given = {"prompt_id": prompt.prompt_id, "target": target, **FIXED, **more}
        begun = await self.c.prompt_runs.execute(**given)
        run = await self.c.prompt_runs.wait_for_completion(begun.run_id, poll_interval=0.2, timeout=120)
        assert run.status == "completed", run
        return run

    async def rows(self, run: Any) -> list[dict[str, Any]]:
        """Return what a run extracted from the film, which is something."""
        found = (await self.c.prompt_runs.list_results(run.run_id, video_id=self.film)).data
        assert found
        return [row.metadata for row in found]


@pytest.fixture(scope="module")
def left(around: dict[str, Any]) -> dict[str, str]:
    """What an earlier run left."""
    with VideoVector(api_key=around["server"].key, base_url=around["base_url"]) as client:
        index = client.indexes.create(name="Shop").index_id
        film = client.videos.upload(file=around["film"], title="Shelf", index_id=index).video_ids[0]
        schema = record(["products"], products=PRODUCTS, compliance=record(["score"], score=SCORE), headline=TEXT)
        prompt = client.prompts.create(name="Shop", prompt_text="Look at the shelves.", json_schema=schema)
        target: Any = {"type": "index", "index_id": index}
        run = client.prompt_runs.execute(prompt_id=prompt.prompt_id, target=target, **FIXED)  # type: ignore[arg-type]  # its words are literals
        run = client.prompt_runs.wait_for_completion(run.run_id, poll_interval=0.2, timeout=200)
        assert run.status == "completed", run
    return {"index": index, "film": film, "run": run.run_id, "prompt": prompt.prompt_id}


async def upload_and_search(s: Scene) -> None:
    """01: an index, an upload, and a search before anything was processed."""
    index = await s.c.indexes.create(name="First steps", idempotency_key="example-01")
    await s.c.videos.upload(file=s.w["sound"], title="Sound", index_id=index.index_id)
    assert await s.c.search.text(index.index_id, query="anything", top_k=10) == []


async def search_of_eight(s: Scene) -> None:
    """02: hits have what a list of them shows."""
    hits = await s.c.search.text(s.index, query="shelf", top_k=8)
    assert 0 < len(hits) <= 8
    assert all(hit.video_id and hit.segment_id and hit.content_preview is not None for hit in hits)
    assert all(isinstance(hit.similarity_score, float) for hit in hits)


async def scene_taxonomy(s: Scene) -> None:
    """03: closed words, bounds, required fields, and one field that is not embedded."""
    schema = record(["mood", "pace"], mood=LEVEL, pace=SCORE, notes=TEXT)
    prompt = await s.ask("Taxonomy", schema, semantic_indexing={"disabled_segment_fields": ["notes"]})
    assert prompt.semantic_indexing.disabled_segment_fields == ["notes"]
    rows = await s.rows(await s.ran(prompt))
    assert all(row["mood"] in LEVEL["enum"] and 0 <= row["pace"] <= 1 for row in rows)


async def video_summary(s: Scene) -> None:
    """04: a summary of the whole."""
    level = {
        "instructions_text": "Sum up.",
        "included_segment_fields": ["headline"],
        "json_schema": record(summary=TEXT),
    }
    prompt = await s.ask("Summary", record(headline=TEXT), video_level=level)
    run = await s.ran(prompt, processing_model="gemini-2.5-flash")
    assert (await s.c.prompt_runs.get_video_result(run.run_id, s.film)).metadata["summary"]


async def brand_search(s: Scene) -> None:
    """05: a picture and words, weighted."""
    hits = await s.c.search.multimodal(
        s.index, image_data=PIXEL, text_query="brand", text_weight=0.65, image_weight=0.35, top_k=12
    )
    assert hits
    assert all(hit.match_type in {"both", "text_only", "image_only"} and hit.fused_score > 0 for hit in hits)


async def nested_filter(s: Scene) -> None:
    """06: two conditions on nested fields hold together."""
    position = {"field": "products[].brand_position", "operator": "equals", "value": "shelf", "type": "string"}
    score = {"field": "compliance.score", "operator": "greater_equal", "value": 0.0, "type": "number"}
    found = await s.c.search.filter(s.index, run_ids=[s.run], conditions=[position, score], page_size=25)
    assert found.results
    assert all(row.metadata["compliance"]["score"] >= 0 for row in found.results)
    strict = {**score, "operator": "greater_than", "value": 1}
    assert not (await s.c.search.filter(s.index, run_ids=[s.run], conditions=[position, strict])).results


async def news_archive(s: Scene) -> None:
    """07: lists and truth values."""
    schema = record(["topics", "breaking"], topics={"type": "array", "items": TEXT}, breaking={"type": "boolean"})
    for row in await s.rows(await s.ran(await s.ask("News", schema))):
        assert isinstance(row["topics"], list)
        assert isinstance(row["breaking"], bool)


async def retail_shelf(s: Scene) -> None:
    """08: lists of objects, in segments of a fixed length."""
    run = await s.ran(await s.ask("Shelf", record(["products"], products=PRODUCTS)), video_segment_duration=20)
    (row,) = await s.rows(run)
    assert row["products"]
    assert all("brand" in one for one in row["products"])


async def sports(s: Scene) -> None:
    """09: a bounded number, with pictures embedded."""
    rows = await s.rows(await s.ran(await s.ask("Sports", record(["intensity"], intensity=SCORE))))
    assert all(0 <= row["intensity"] <= 1 for row in rows)
    assert await s.c.search.image(s.index, image_data=PIXEL, top_k=3)


async def safety(s: Scene) -> None:
    """10: what it would cost is told before it is run."""
    prompt = await s.ask("Safety", record(["risk"], risk=LEVEL))
    told = await s.c.prompt_runs.estimate(
        prompt_id=prompt.prompt_id, target={"type": "index", "index_id": s.index}, video_segmentation_type="smart"
    )
    assert told.estimated_mt >= 0
    assert told.sufficient_balance


async def lecture(s: Scene) -> None:
    """11: chapters of sound, cut where it pauses."""
    job = await s.c.videos.upload(file=s.w["sound"], title="Lecture", index_id=s.index)
    level = {
        "instructions_text": "Chapters.",
        "included_segment_fields": ["topic"],
        "json_schema": record(outline=TEXT),
    }
    prompt = await s.ask("Lecture", record(topic=TEXT), video_level=level)
    begun = await s.c.prompt_runs.execute(
        prompt_id=prompt.prompt_id,
        target={"type": "videos", "video_ids": job.video_ids, "index_id": s.index},
        audio_segmentation_type="content_aware",
    )
    run = await s.c.prompt_runs.wait_for_completion(begun.run_id, poll_interval=0.2, timeout=120)
    assert (run.status, run.completed_audios) == ("completed", 1)


async def from_s3(s: Scene) -> None:
    """12: a bucket is tried, looked into and imported."""
    connector = await bucket(s, scopes=["import", "export"], import_mode="new_only", export_base_path="exports")
    assert (await s.c.connectors.test(connector)).success
    assert [one.name for one in await s.c.connectors.browse(connector, prefix="in/", pattern="*.wav")] == ["a.wav"]
    index = await s.c.indexes.create(name="From S3")
    job = await s.c.import_jobs.create(
        connector_id=connector, index_id=index.index_id, source_prefix="in/", recursive=True
    )
    done = await s.c.import_jobs.wait_for_completion(job.job_id, poll_interval=0.2, timeout=60)
    assert (done.progress.imported, done.progress.failed) == (1, 0)


async def bucket(s: Scene, **more: Any) -> str:
    """Make a connector to the bucket."""
    names = ("bucket", "region", "aws_access_key_id", "aws_secret_access_key")
    made = await s.c.connectors.create_s3(name="Archive", **{name: s.w["store"][name] for name in names}, **more)
    return str(made.connector_id)


async def from_gcs(s: Scene) -> None:
    """13: a service account that is refused is said so, by the connector and by the job."""
    made = await s.c.connectors.create_gcs(
        name="GCS", bucket="films", gcp_project_id="films", credentials_file=Path(s.w["gcs_key"])
    )
    assert made.status == "failed"
    index = await s.c.indexes.create(name="From GCS")
    job = await s.c.import_jobs.create(
        connector_id=made.connector_id, index_id=index.index_id, file_pattern="*.{mp4,mov}"
    )
    with pytest.raises(VideoVectorError):
        await s.c.import_jobs.wait_for_completion(job.job_id, poll_interval=0.2, timeout=60)


async def export_delivered(s: Scene) -> None:
    """14: a run is exported into a storage."""
    connector = await bucket(s, scopes=["export"])
    made = await s.c.exports.create_prompt_run_export(
        s.run, destination_connector_id=connector, destination_subpath="review"
    )
    done = await s.c.exports.wait_for_completion(made.export_id, poll_interval=0.2, timeout=60)
    assert (done.destination_type, done.download_url) == ("connector", None)
    assert "review/" in done.destination_uri


async def webhook_pipeline(s: Scene) -> None:
    """15: a receiver of four events is tried."""
    events = ["prompt_run.completed", "prompt_run.failed", "export.ready", "import_job.completed"]
    made = await s.c.webhooks.create(name="Pipeline", url=f"{s.w['receiver']}/take", events=events)
    assert sorted(made.events) == sorted(events)
    assert (await s.c.webhooks.test(made.webhook_id)).success


async def estimate_and_replay(s: Scene) -> None:
    """16: the same key starts one run, however often it comes."""
    given = {"prompt_id": s.prompt, "target": {"type": "index", "index_id": s.index}, **FIXED}
    assert (await s.c.prompt_runs.estimate(**given)).breakdown
    first, second = [await s.c.prompt_runs.execute(**given, idempotency_key="example-16") for _ in range(2)]
    assert first.run_id == second.run_id
    assert hasattr(first, "billing_status")


async def failed_segment(s: Scene) -> None:
    """17: what failed is found in the manifest, and done again."""
    mark = f"{s.w['stumble']} {type(s.c.client).__name__}! "
    prompt = await s.c.prompts.create(name="Stumbling", prompt_text=f"{mark}Name it.", json_schema=record(name=TEXT))
    target = {"type": "videos", "video_ids": [s.film], "index_id": s.index}
    begun = await s.c.prompt_runs.execute(prompt_id=prompt.prompt_id, target=target, **FIXED)
    run = await s.c.prompt_runs.wait_for_completion(begun.run_id, poll_interval=0.2, timeout=120)
    assert run.status == "completed_with_failures"
    told = await s.c.prompt_runs.get_failed_segments(run.run_id)
    failed = next(one for video in told.videos for one in video.segments if one.retryable)
    retry = await s.c.prompt_runs.retry_segment(run.run_id, s.film, failed.segment_id, idempotency_key="example-17")
    assert retry.idempotency_key == "example-17"


async def usage_and_limits(s: Scene) -> None:
    """18: what was used, of which kinds, and how much is left."""
    used = await s.c.usage.get_current()
    kinds = {one.type for one in await s.c.usage.get_metric_types()}
    assert set(used.metrics) <= kinds
    limits = (await s.c.rate_limits.get_status()).categories["search"]
    assert limits.minute_used + limits.minute_remaining == limits.minute_limit


async def direct_download(s: Scene) -> None:
    """19: an export is streamed; an address for others needs https."""
    made = await s.c.exports.create_prompt_run_export(s.run)
    done = await s.c.exports.wait_for_completion(made.export_id, poll_interval=0.2, timeout=60)
    into = io.BytesIO()
    assert await s.c.exports.download(done.export_id, into) == done.file_size_bytes
    assert json.loads(into.getvalue())
    assert await s.c.exports.download_url(done.export_id) is None


async def playback(s: Scene) -> None:
    """20: segments of one run, each with an address that plays."""
    from videovector._types import BatchVideoSegmentsTarget

    target = BatchVideoSegmentsTarget(video_id=s.film, run_id=s.run)
    (found,) = await s.c.videos.batch_segments_for_targets([target])
    assert len(found.segments) == 3
    for segment in found.segments:
        signed = await s.c.videos.get_signed_url(segment.gcs_uri)
        async with httpx.AsyncClient() as stranger:
            assert (await stranger.get(signed.signed_url)).content


EXAMPLES: list[Callable[[Scene], Awaitable[None]]] = [
    upload_and_search, search_of_eight, scene_taxonomy, video_summary, brand_search,
    nested_filter, news_archive, retail_shelf, sports, safety,
    lecture, from_s3, from_gcs, export_delivered, webhook_pipeline,
    estimate_and_replay, failed_segment, usage_and_limits, direct_download, playback,
]  # fmt: skip


@pytest.mark.parametrize("kind", [VideoVector, AsyncVideoVector], ids=["sync", "async"])
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one.__name__)
async def test_a_workflow(example: Any, kind: Any, around: dict[str, Any], left: dict[str, str]) -> None:
    """The workflow ends well; a second time it replays what it keyed."""
    client = kind(api_key=around["server"].key, base_url=around["base_url"], max_retries=0)
    try:
        await example(Scene(Recorder(client), around, **left))
    finally:
        await settled(client.close())


def test_there_are_twenty() -> None:
    """None is left out."""
    assert len(EXAMPLES) == 20
