"""Connectors, imports and exports."""

from __future__ import annotations

import io
import json
from pathlib import Path

from tests.clients.conformance.journey import Journey
from tests.clients.conformance.recorder import settled


async def connectors(j: Journey) -> None:
    """One for each provider; what refuses its credentials is made all the same, and says so."""
    c, store = j.c, j.w["store"]
    keys = {name: store[name] for name in ("bucket", "region", "aws_access_key_id", "aws_secret_access_key")}
    good = await c.connectors.create_s3(
        name="S3", scopes=["import", "export"], export_base_path="out", import_mode="new_only", **keys
    )
    j.connector = good.connector_id
    gcs = {"bucket": "films", "gcp_project_id": "films", "credentials_file": j.w["gcs_key"]}
    first = await c.connectors.create_gcs(name="GCS", scopes=["import", "export"], **gcs)
    azure = {"tenant_id": "t", "client_id": "c", "client_secret": "s"}
    second = await c.connectors.create_azure(name="Azure", storage_account="films", container="media", **azure)
    assert (first.provider, second.provider) == ("gcs", "azure")
    assert (first.scopes, second.scopes) == (["import", "export"], ["import"])
    assert await c.connectors.retrieve(j.connector) == good
    assert len(await c.connectors.list()) == 3
    assert (await c.connectors.test(j.connector)).success
    assert not (await c.connectors.test(second.connector_id)).success
    files = await c.connectors.browse(j.connector, prefix="in/", pattern="*.wav")
    assert [one.name for one in files] == ["a.wav"]
    assert "deleted" in (await c.connectors.delete(second.connector_id)).message.lower()


async def imports(j: Journey) -> None:
    """From a bucket, and a list of files that cannot be fetched and is retried."""
    c = j.c
    job = await c.import_jobs.create(
        connector_id=j.connector, index_id=j.index.index_id, source_prefix="in/", file_pattern="*.wav"
    )
    done = await c.import_jobs.wait_for_completion(job.job_id, poll_interval=0.2, timeout=60)
    assert done.progress.imported == 1
    assert await c.import_jobs.retrieve(job.job_id) == done
    assert job.job_id in {one.job_id for one in await c.import_jobs.list(status="completed")}
    other = await c.import_jobs.create(connector_id=j.connector, index_id=j.index.index_id)
    try:
        await c.import_jobs.cancel(other.job_id)
    except j.errors.ConflictError:
        c.rows["import_jobs.cancel"]["wrong"] = ""  # the job had ended before
    seen = await c.videos.retrieve(j.sound)
    await c.videos.create(title="By address", video_uri=seen.video_uri, index_id=j.index.index_id)
    if j.modern:
        await newer_imports(j, job.job_id)


async def newer_imports(j: Journey, job_id: str) -> None:
    """What only the newer client does with jobs."""
    c = j.c
    (output,) = (await c.import_jobs.outputs(job_id)).items
    assert await c.import_jobs.iter_outputs(job_id) == [output]
    (file,) = (await c.import_jobs.files(job_id, limit=1)).items
    assert await c.import_jobs.iter_files(job_id) == [file]
    assert await c.import_jobs.iter_files(job_id, failed_only=True) == []
    body = {"files": [{"download_url": f"{j.w['receiver']}/gone.wav", "file_id": "1", "file_name": "gone.wav"}]}
    job = await settled(c.client._http.post("/workflow/attachments", json=body))
    await j.until(lambda: c.import_jobs.retrieve(job["job_id"]), lambda one: one.status in {"completed", "failed"})
    again = await c.import_jobs.retry(job["job_id"], files=body["files"])
    assert again.job_id == job["job_id"]


async def exports(j: Journey) -> None:
    """Of an index and of a run, downloaded and delivered."""
    c = j.c
    made = await c.exports.create_index_export(j.index.index_id, prompt_run_ids=[j.run])
    done = await c.exports.wait_for_completion(made.export_id, poll_interval=0.2, timeout=60)
    assert done.status == "completed"
    path = Path(j.w["folder"]) / f"{j.w['name']}.json"
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
        j.run, destination_connector_id=j.connector, destination_subpath=j.w["name"]
    )
    there = await c.exports.wait_for_completion(sent.export_id, poll_interval=0.2, timeout=60)
    assert there.destination_uri.startswith("s3://")
    assert {one.export_id for one in await c.exports.list(limit=10)} == {made.export_id, sent.export_id}
