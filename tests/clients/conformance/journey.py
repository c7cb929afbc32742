"""Every public method of a published client, in an order in which each finds what it needs; checks what comes back.

Runs in the interpreter of that client, sync and async alike: see `recorder`.
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import time
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.clients.conformance.recorder import Recorder, settled

SCHEMA = {"type": "object", "properties": {"headline": {"type": "string"}}, "required": ["headline"]}
SUMMARY = {"type": "object", "properties": {"summary": {"type": "string"}}}
FIXED = {
    "video_segmentation_type": "fixed",
    "audio_segmentation_type": "fixed",
    "video_segment_duration": 1,
    "audio_segment_duration": 1,
}
PIXEL = base64.b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc000000301010018dd8d"
        "b00000000049454e44ae426082"
    )
).decode()
ENDS = {"completed", "completed_with_failures", "failed", "cancelled"}


class Journey:
    """One walk: `c` is the client with an API key, `jwt` the one with a token, `w` says where things are."""

    def __init__(self, c: Recorder, jwt: Recorder, w: dict[str, Any], *, errors: Any):
        self.c, self.jwt, self.w, self.errors = c, jwt, w, errors
        self.modern = "authenticate" in c.rows
        self.failed: list[str] = []

    async def go(self) -> None:
        """Take every stage, whatever became of the ones before."""
        for stage in (
            self.signs_in,
            self.indexes,
            self.uploads,
            self.prompts,
            self.runs,
            self.stumbles,
            self.videos,
            self.searches,
            self.filters,
            self.workflow,
            self.connectors,
            self.imports,
            self.exports,
            self.webhooks,
            self.keys,
            self.usage,
            self.refusals,
            self.deletions,
        ):
            try:
                await stage()
            except Exception as error:  # noqa: BLE001 - a stage that fails is a finding, and the others are taken
                lines = [one.lineno for one in traceback.extract_tb(error.__traceback__) if one.filename == __file__]
                self.failed.append(f"{stage.__name__} {lines}: {type(error).__name__}: {error}"[:600])

    async def until(self, ask: Any, done: Any, seconds: float = 120) -> Any:
        """Ask until the answer is as wanted."""
        deadline = time.monotonic() + seconds
        while not done(value := await ask()):
            assert time.monotonic() < deadline, value
            await asyncio.sleep(0.2)
        return value

    def content(self, name: str) -> bytes:
        """Read a file of the world."""
        return Path(self.w[name]).read_bytes()

    async def signs_in(self) -> None:
        """Sign in, where the client can."""
        if self.modern:
            await self.c.authenticate()

    async def indexes(self) -> None:
        """Create, find again, and list."""
        c = self.c
        self.index = await c.indexes.create(name="Films", idempotency_key="index")
        again = await c.indexes.create(name="Films", idempotency_key="index")
        assert again == self.index
        assert await c.indexes.retrieve(self.index.index_id) == self.index
        assert self.index.index_id in {one.index_id for one in await c.indexes.list()}
        assert [one.name for one in await c.indexes.list(include_defaults=False)] == ["Films"]

    async def uploads(self) -> None:
        """Upload by path and by stream, into an index and into the playground."""
        c = self.c
        first = await c.videos.upload(file=self.w["sound"], title="Sound", index_id=self.index.index_id)
        second = await c.videos.upload(
            file=io.BytesIO(self.content("film")), title="Film", index_id=self.index.index_id
        )
        third = await c.videos.upload(file=Path(self.w["sound"]), title="Loose")
        self.sound, self.film, self.loose = [one_of(job) for job in (first, second, third)]
        self.job = first.job_id if self.modern else None
        page = await c.videos.list_playground(limit=10)
        assert [one.video_id for one in page.data] == [self.loose]
        assert not page.has_more

    async def prompts(self) -> None:
        """Create, read, change, try and count."""
        c = self.c
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
        self.prompt = made.prompt_id
        assert await c.prompts.retrieve(self.prompt) == made
        changed = await c.prompts.update(self.prompt, description="Changed.")
        assert (changed.description, changed.video_level) == ("Changed.", made.video_level)
        listed = await c.prompts.list(active_only=False, include_defaults=False)
        assert [one.prompt_id for one in listed.prompts] == [self.prompt]
        assert listed.total_count == listed.active_count == 1
        tried = await c.prompts.test_schema(json_schema=SCHEMA, sample_data={"headline": "x"})
        assert tried.valid
        assert tried.validated_data == {"headline": "x"}
        wrong = await c.prompts.test_schema(json_schema=SCHEMA, sample_data={"headline": 1})
        assert not wrong.valid
        assert wrong.error

    async def runs(self) -> None:
        """Estimate, execute, wait and read; results come in pages."""
        c, target = self.c, {"type": "index", "index_id": self.index.index_id}
        estimate = await c.prompt_runs.estimate(prompt_id=self.prompt, target=target, **FIXED)
        assert estimate.sufficient_balance
        begun = await c.prompt_runs.execute(prompt_id=self.prompt, target=target, idempotency_key="run", **FIXED)
        self.run = begun.run_id
        done = await c.prompt_runs.wait_for_completion(self.run, poll_interval=0.2, timeout=120)
        assert (done.status, done.total_segments, done.completed_segments) == ("completed", 6, 6), done
        assert await c.prompt_runs.retrieve(self.run) == done
        assert [one.run_id for one in await c.prompt_runs.list(limit=5)] == [self.run]
        page = await c.prompt_runs.list_results(self.run, video_id=self.film, limit=2)
        rows = await settled(page.auto_paging_iter())
        assert [row.start_time for row in rows] == [0, 1, 2]
        following = await settled(page.next_page())
        assert [row.start_time for row in following.data] == [2]
        assert all(row.metadata["headline"] for row in rows)
        self.segment = rows[0].segment_id
        result = await c.prompt_runs.get_video_result(self.run, self.film)
        assert result.metadata["summary"]
        calls = await c.prompt_runs.get_llm_calls(self.run)
        assert len(calls) >= 8
        assert (await c.prompts.get_usage(self.prompt)).is_in_use
        listed = await c.indexes.list_prompt_runs(self.index.index_id)
        assert [one.run_id for one in listed.data] == [self.run]
        assert {one.video_id for one in (await c.indexes.list_videos(self.index.index_id)).data} == {
            self.sound,
            self.film,
        }

    async def stumbles(self) -> None:
        """One segment fails and is done again; another run is cancelled."""
        c = self.c
        made = await c.prompts.create(
            name="Stumbling", prompt_text=f"{self.w['stumble']} {self.w['name']}! Name it.", json_schema=SCHEMA
        )
        begun = await c.prompt_runs.execute(
            prompt_id=made.prompt_id, target={"type": "videos", "video_ids": [self.loose]}, **FIXED
        )
        done = await c.prompt_runs.wait_for_completion(begun.run_id, poll_interval=0.2, timeout=120)
        assert done.status == "completed_with_failures", done
        told = await c.prompt_runs.get_failed_segments(begun.run_id)
        (failed,) = told.videos[0].segments
        where = (begun.run_id, self.loose, failed.segment_id)
        retry = await c.prompt_runs.retry_segment(*where, idempotency_key="again")
        await self.until(
            lambda: c.prompt_runs.get_segment_retry_status(*where, retry.retry_id),
            lambda status: status.status == "completed",
        )
        assert (await c.prompt_runs.get_failed_segments(begun.run_id)).failed_segments == 0
        self.loose_run = begun.run_id
        other = await c.prompt_runs.execute(prompt_id=made.prompt_id, target={"type": "playground"}, **FIXED)
        stopped = await c.prompt_runs.cancel(other.run_id)
        assert stopped.run_id == other.run_id
        assert await self.until(lambda: c.prompt_runs.retrieve(other.run_id), lambda run: run.status in ENDS)
        await c.prompts.delete(made.prompt_id, force=True)

    async def videos(self) -> None:
        """Media with their segments and addresses, one by one and many at once."""
        c, both = self.c, [self.sound, self.film]
        film = await c.videos.retrieve(self.film)
        assert (film.media_type, film.title) == ("video", "Film")
        page = await c.videos.list_segments(self.film, run_id=self.run, limit=1)
        assert [one.segment_id for one in page.data] == [self.segment]
        assert len(await settled(page.auto_paging_iter())) == 3
        assert len((await c.videos.list_segments(self.film, latest_run=True)).data) == 3
        assert [one.video_id for one in await c.videos.batch_retrieve(both)] == both
        assert [one.video_id for one in await c.videos.batch_status(both)] == both
        assert [one.video_id for one in await c.videos.batch_segments(both)] == both
        targets = [{"video_id": self.film, "run_id": self.run}]
        (only,) = await c.videos.batch_segments_for_targets(as_targets(c, targets))
        signed = await c.videos.get_signed_url(only.segments[0].gcs_uri)
        assert signed.signed_url.startswith("http")
        assert [one.run_id for one in await c.videos.list_prompt_runs(self.film, limit=5)] == [self.run]
        started = await c.videos.process(self.loose, segment_duration=2, prompt_id=self.prompt)
        assert started.message

    async def searches(self) -> None:
        """By words, by a picture, by both, over runs, and in the playground."""
        c, where = self.c, self.index.index_id
        hits = await c.search.text(where, query="headline", top_k=3)
        assert hits
        assert all(hit.run_id == self.run for hit in hits)
        narrow = await c.search.text(where, query="headline", run_ids=[self.run], search_fields=["headline"])
        assert narrow
        pictures = await c.search.image(where, image_data=PIXEL, top_k=2)
        assert {hit.video_id for hit in pictures} == {self.film}
        mixed = await c.search.multimodal(where, text_query="headline", image_data=PIXEL, top_k=4)
        assert {hit.match_type for hit in mixed} <= {"both", "text_only", "image_only"}
        assert await c.search.multi_run(query="headline", run_ids=[self.run])
        assert await c.search.multi_run(query="headline", index_id=where, aggregation="weighted")
        assert await c.search.playground(query="headline", run_id=self.loose_run)

    async def filters(self) -> None:
        """By fields, page after page."""
        c = self.c
        conditions = [{"field": "headline", "operator": "is_not_empty", "type": "string"}]
        page = await c.search.filter(self.index.index_id, conditions=conditions, page_size=4)
        rest = await c.search.filter(
            self.index.index_id, conditions=conditions, page_size=4, cursor=page.next_page_token
        )
        found = [one.segment_id for one in (*page.results, *rest.results)]
        assert len(found) == len(set(found)) == 6
        loose = await c.search.filter_playground(conditions=conditions, run_ids=[self.loose_run])
        assert len(loose.results) == 3

    async def workflow(self) -> None:
        """The short way from a file to a hit."""
        c = self.c
        job = await c.workflow.upload(self.w["sound"], index_name="Short way", title="Short")
        video = one_of(job)
        defined = await c.workflow.define("Extract the headline")
        assert defined.saved
        target = {"import_job_id": job.job_id} if self.modern else {"video_ids": video, "index_name": "Short way"}
        mode = {"segmentation_mode": "fixed", "fixed_segment_duration_seconds": 1}
        begun = await c.workflow.process(prompt_id=defined.prompt_id, **target, **mode)
        run = await c.workflow.wait_until_searchable(begun.run.run_id, poll_interval=0.2, timeout=120)
        page = await c.workflow.search("headline", prompt_run_ids=run.run_id, limit=1)
        rows = await settled(page.auto_paging_iter())
        assert {row.video_id for row in rows} == {video}
        assert len(rows) == 3
        assert (await settled(page.next_page())).data[0].segment_id == rows[1].segment_id
        level = await c.workflow.search(
            filters=[{"field": "headline", "operator": "is_not_empty"}], index_name="Short way"
        )
        assert len(level.data) == 3

    async def connectors(self) -> None:
        """One for each provider; what refuses its credentials is made all the same, and says so."""
        c, store = self.c, self.w["store"]
        keys = {name: store[name] for name in ("bucket", "region", "aws_access_key_id", "aws_secret_access_key")}
        good = await c.connectors.create_s3(
            name="S3", scopes=["import", "export"], export_base_path="out", import_mode="new_only", **keys
        )
        self.connector = good.connector_id
        gcs = {"bucket": "films", "gcp_project_id": "films", "credentials_file": self.w["gcs_key"]}
        first = await c.connectors.create_gcs(name="GCS", scopes=["import", "export"], **gcs)
        azure = {"tenant_id": "t", "client_id": "c", "client_secret": "s"}
        second = await c.connectors.create_azure(name="Azure", storage_account="films", container="media", **azure)
        assert (first.provider, second.provider) == ("gcs", "azure")
        assert (first.scopes, second.scopes) == (["import", "export"], ["import"])
        assert await c.connectors.retrieve(self.connector) == good
        assert len(await c.connectors.list()) == 3
        assert (await c.connectors.test(self.connector)).success
        assert not (await c.connectors.test(second.connector_id)).success
        files = await c.connectors.browse(self.connector, prefix="in/", pattern="*.wav")
        assert [one.name for one in files] == ["a.wav"]
        assert "deleted" in (await c.connectors.delete(second.connector_id)).message.lower()

    async def imports(self) -> None:
        """From a bucket, and a list of files that cannot be fetched and is retried."""
        c = self.c
        job = await c.import_jobs.create(
            connector_id=self.connector, index_id=self.index.index_id, source_prefix="in/", file_pattern="*.wav"
        )
        done = await c.import_jobs.wait_for_completion(job.job_id, poll_interval=0.2, timeout=60)
        assert done.progress.imported == 1
        assert await c.import_jobs.retrieve(job.job_id) == done
        assert job.job_id in {one.job_id for one in await c.import_jobs.list(status="completed")}
        other = await c.import_jobs.create(connector_id=self.connector, index_id=self.index.index_id)
        try:
            await c.import_jobs.cancel(other.job_id)
        except self.errors.ConflictError:
            c.rows["import_jobs.cancel"]["wrong"] = ""  # the job had ended before
        seen = await c.videos.retrieve(self.sound)
        await c.videos.create(title="By address", video_uri=seen.video_uri, index_id=self.index.index_id)
        if self.modern:
            await self.newer_imports(job.job_id)

    async def newer_imports(self, job_id: str) -> None:
        """What only the newer client does with jobs."""
        c = self.c
        (output,) = (await c.import_jobs.outputs(job_id)).items
        assert await c.import_jobs.iter_outputs(job_id) == [output]
        (file,) = (await c.import_jobs.files(job_id, limit=1)).items
        assert await c.import_jobs.iter_files(job_id) == [file]
        assert await c.import_jobs.iter_files(job_id, failed_only=True) == []
        body = {"files": [{"download_url": f"{self.w['receiver']}/gone.wav", "file_id": "1", "file_name": "gone.wav"}]}
        job = await settled(c.client._http.post("/workflow/attachments", json=body))
        await self.until(
            lambda: c.import_jobs.retrieve(job["job_id"]), lambda one: one.status in {"completed", "failed"}
        )
        again = await c.import_jobs.retry(job["job_id"], files=body["files"])
        assert again.job_id == job["job_id"]

    async def exports(self) -> None:
        """Of an index and of a run, downloaded and delivered."""
        c = self.c
        made = await c.exports.create_index_export(self.index.index_id, prompt_run_ids=[self.run])
        done = await c.exports.wait_for_completion(made.export_id, poll_interval=0.2, timeout=60)
        assert done.status == "completed"
        path = Path(self.w["folder"]) / f"{self.w['name']}.json"
        assert await c.exports.download(done.export_id, str(path)) == done.file_size_bytes
        whole = b"".join(await c.exports.iter_download(done.export_id))
        assert json.loads(whole)["runs"]
        assert whole == path.read_bytes()
        stream = io.BytesIO()
        await c.exports.download(done.export_id, stream)
        assert stream.getvalue() == whole
        assert await c.exports.download_url(done.export_id) is None, "the server is reached by http"
        assert await c.exports.retrieve(done.export_id) == done
        sent = await c.exports.create_prompt_run_export(
            self.run, destination_connector_id=self.connector, destination_subpath=self.w["name"]
        )
        there = await c.exports.wait_for_completion(sent.export_id, poll_interval=0.2, timeout=60)
        assert there.destination_uri.startswith("s3://")
        assert {one.export_id for one in await c.exports.list(limit=10)} == {made.export_id, sent.export_id}

    async def webhooks(self) -> None:
        """Made, changed, tried, refused and sent again."""
        c, address = self.c, self.w["receiver"]
        assert len(await c.webhooks.list_events()) == 17
        made = await c.webhooks.create(
            name="Hook",
            url=f"{address}/take",
            events=["export.ready"],
            index_ids=[self.index.index_id],
            metadata={"owner": "me"},
        )
        assert made.secret.startswith("whsec_")
        where = made.webhook_id
        changed = await c.webhooks.update(where, url=f"{address}/refuse", events=["import_job.completed"], index_ids=[])
        assert changed.events == ["import_job.completed"]
        assert [one.webhook_id for one in await c.webhooks.list()] == [where]
        assert (await c.webhooks.retrieve(where)).metadata == {"owner": "me"}
        assert (await c.webhooks.rotate_secret(where)).new_secret != made.secret
        tried = await c.webhooks.test(where)
        assert (tried.success, tried.status_code) == (False, 404)
        await c.workflow.upload(self.w["sound"], index_id=self.index.index_id)
        (failed,) = await self.until(lambda: c.webhooks.list_deliveries(where, status="failed", limit=5), bool)
        assert await c.webhooks.get_delivery(failed.delivery_id) == failed
        again = await c.webhooks.retry_delivery(failed.delivery_id)
        assert again.delivery_id == failed.delivery_id
        assert (await c.webhooks.delete(where)).message

    async def keys(self) -> None:
        """Keys are made and ended with a token, never with a key."""
        jwt, c = self.jwt, self.c
        made = await jwt.api_keys.create(name="Made", scopes=["read", "search"], expires_in_days=90)
        c.rows.update({name: row for name, row in jwt.rows.items() if name.startswith("api_keys.")})
        assert made.key.startswith("sk_live_")
        assert (await jwt.api_keys.retrieve(made.key_id)).name == "Made"
        assert made.key_id in {one.key_id for one in await jwt.api_keys.list()}
        other = await jwt.api_keys.rotate(made.key_id)
        assert other.key != made.key
        assert not (await jwt.api_keys.revoke(other.key_id)).is_active
        assert (await jwt.api_keys.delete(other.key_id)).message

    async def usage(self) -> None:
        """What has been used is told in four ways, and limits in one."""
        c, day = self.c, timedelta(days=1)
        now = datetime.now(UTC)
        assert (await c.usage.get_current()).totals.total_searches > 0
        assert (await c.usage.get_history(limit=2)).periods is not None
        assert await c.usage.get_details(start_date=now - day, end_date=now + day, limit=3)
        assert (await c.usage.get_breakdown(start_date=(now - day).date(), end_date=now + day)).breakdown
        assert await c.usage.get_metric_types()
        assert "search" in (await c.rate_limits.get_status()).categories
        assert "search" in (await c.rate_limits.refresh()).categories

    async def refusals(self) -> None:
        """Every kind of refusal comes as the exception that the client has for it."""
        c, errors = self.c.client, self.errors
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

    async def deletions(self) -> None:
        """What is deleted is gone when its deletion says so."""
        c = self.c
        await c.videos.delete(self.sound)
        await self.until(
            lambda: c.videos.get_deletion(self.sound),
            lambda one: (one.status, one.retry_after_seconds) == ("deleted", None),
        )
        await c.indexes.delete(self.index.index_id)
        await self.until(lambda: c.indexes.get_deletion(self.index.index_id), lambda one: one.status == "deleted")
        assert self.index.index_id not in {one.index_id for one in await c.indexes.list()}


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
