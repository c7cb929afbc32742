"""An account with one of everything that tools work on, and arguments for every tool."""

from __future__ import annotations

from typing import Any

import httpx
from attrs import define

from tests.clients.conformance.finding import PIXEL
from tests.http.world import CLIP
from videovector_adapters.memory.models import toy

PROMPT = {
    "name": "Scene",
    "prompt_text": "Say what is seen here.",
    "json_schema": {"type": "object", "properties": {"headline": {"type": "string"}}},
    "video_level": {
        "instructions_text": "Sum up.",
        "included_segment_fields": ["headline"],
        "json_schema": {"type": "object", "properties": {"summary": {"type": "string"}}},
    },
}
SERVICE_ACCOUNT = {
    "type": "service_account",
    "project_id": "p",
    "private_key_id": "k",
    "private_key": "none",
    "client_email": "a@example.com",
    "token_uri": "https://oauth2.example.com/token",
}


@define
class Seeded:
    """Ids of what there is."""

    index: str
    video: str
    segment: str
    prompt: str
    run: str
    webhook: str
    job: str
    image: str = PIXEL
    retry: str = "retry_" + "0" * 32
    connector: str = "conn_" + "0" * 32
    export: str = "exp_" + "0" * 32

    def strange(self) -> Seeded:
        """Return ids of the same shape that belong to nobody."""
        names = [name for name in self.__annotations__ if name != "image"]
        return Seeded(**{name: f"{getattr(self, name).rpartition('_')[0]}_{'f' * 32}" for name in names})

    def arguments(self) -> dict[str, dict[str, Any]]:
        """Return arguments for every tool."""
        index, run, video = {"index_id": self.index}, {"run_id": self.run}, {"video_id": self.video}
        target = {"prompt_id": self.prompt, "target": {"type": "index", "index_id": self.index}}
        condition = {"field": "transcription", "type": "string", "operator": "contains", "value": "country"}
        hook, connector, export = (
            {"webhook_id": self.webhook},
            {"connector_id": self.connector},
            {"export_id": self.export},
        )
        keyed = {"idempotency_key": "k", "name": "Storage"}
        segment = {**run, **video, "segment_id": self.segment}
        return {
            "search_videos": {**index, "query": "country", "run_ids": [self.run]},
            "search_videos_by_image": {**index, "image_data": self.image},
            "multimodal_search": {**index, "text_query": "country", "text_weight": 0.7, "image_weight": 0.3},
            "filter_videos": {**index, "conditions": [condition], "run_ids": [self.run]},
            "list_indexes": {},
            "get_index": index,
            "list_prompts": {},
            "get_video": video,
            "get_video_segments": {**video, **run},
            "list_prompt_runs": index,
            "estimate_prompt_run": target,
            "execute_prompt": {**target, "idempotency_key": "run"},
            "get_prompt_run_status": run,
            "cancel_prompt_run": run,
            "get_prompt_run_results": {**run, **video},
            "get_prompt_run_video_result": {**run, **video},
            "get_prompt_run_failed_segments": run,
            "retry_prompt_run_segment": segment,
            "get_prompt_run_segment_retry_status": {**segment, "retry_id": self.retry},
            "create_prompt": {**PROMPT, "idempotency_key": "prompt"},
            "get_prompt": {"prompt_id": self.prompt},
            "update_prompt": {"prompt_id": self.prompt, "name": "Renamed"},
            "test_prompt_schema": {"json_schema": PROMPT["json_schema"], "sample_data": {"headline": "a"}},
            "get_prompt_usage": {"prompt_id": self.prompt},
            "create_gcs_connector": {
                **keyed,
                "bucket": "films",
                "gcp_project_id": "p",
                "credentials_json": SERVICE_ACCOUNT,
            },
            "create_s3_connector": {
                **keyed,
                "bucket": "bucket",
                "region": "eu-west-1",
                "aws_access_key_id": "a",
                "aws_secret_access_key": "s",
            },
            "create_azure_connector": {
                **keyed,
                "storage_account": "account",
                "container": "container",
                "tenant_id": "t",
                "client_id": "c",
                "client_secret": "s",
            },
            "list_connectors": {},
            "test_connector": connector,
            "browse_connector_files": connector,
            "create_import_job": {**connector, **index},
            "list_import_jobs": {"status": "completed"},
            "get_import_job": {"job_id": self.job},
            "cancel_import_job": {"job_id": self.job},
            "create_index": {"name": "Made by a tool"},
            "list_videos": {**index, "limit": 1},
            "get_videos_status": {"video_ids": [self.video]},
            "export_index_metadata": {**index, "prompt_run_ids": [self.run]},
            "export_prompt_run": run,
            "get_export_status": export,
            "get_export_download_url": export,
            "create_webhook": {"name": "n", "url": "https://example.com/hook", "events": ["prompt_run.completed"]},
            "list_webhooks": {},
            "get_webhook": hook,
            "update_webhook": {**hook, "status": "paused"},
            "list_webhook_events": {},
            "test_webhook": hook,
            "list_webhook_deliveries": hook,
        }


async def seeded(client: httpx.AsyncClient, finished: Any) -> Seeded:
    """Make one of everything through the routes; `finished` waits for a run."""
    index = (await client.post("/indexes", json={"name": "films"})).json()["index_id"]
    for name, clip in (("a.mp4", CLIP), ("b.mp4", toy(duration=20, cuts=[10], speech=[[1, 4, "bake bread"]]))):
        files = {"file": (name, clip, "video/mp4")}
        job = (await client.post("/videos/upload", files=files, data={"title": name, "index_id": index})).json()
    prompt = (await client.post("/prompts", json=PROMPT)).json()["prompt_id"]
    target = {"type": "index", "index_id": index}
    run = (await client.post("/prompt-runs/execute", json={"prompt_id": prompt, "target": target})).json()["run_id"]
    await finished(run)
    hook = {"name": "n", "url": "https://example.com/hook", "events": ["prompt_run.completed"]}
    webhook = (await client.post("/webhooks", json=hook)).json()["webhook_id"]
    rows = (await client.get(f"/videos/{job['video_id']}/segments", params={"run_id": run})).json()["data"]
    return Seeded(index, job["video_id"], rows[0]["segment_id"], prompt, run, webhook, job["job_id"])
