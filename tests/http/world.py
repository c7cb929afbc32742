"""One account with one of everything, for tests that need ids that exist; and a decoder that waits."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import httpx
from attrs import define, field

from tests.http.api import Api
from videovector_adapters.memory.models import ToyDecoder, toy
from videovector_core.access.model import Caller
from videovector_core.events.model import NewEvent
from videovector_core.runs.model import Retry

CLIP = toy(duration=30, cuts=[10, 20], speech=[[1, 4, "ask not what your country can do"]])
SCHEMA = {"type": "object", "properties": {"headline": {"type": "string"}}}
CONNECTOR = {
    "name": "films",
    "bucket": "films",
    "region": "us-east-1",
    "aws_access_key_id": "AKIDTESTS",
    "aws_secret_access_key": "secret",
    "scopes": ["import", "export"],
}
PROMPT = {"name": "Scene", "prompt_text": "Say what is seen here.", "json_schema": SCHEMA}


@define
class Ids:
    """The ids of one account's things."""

    index: str
    video: str
    segment: str
    prompt: str
    run: str
    job: str
    marker: str
    key: str
    retry: str = "retry_" + "0" * 32
    webhook: str = "wh_" + "0" * 32
    delivery: str = "del_" + "0" * 32
    session: str = "session_" + "0" * 32
    turn: str = "turn_" + "0" * 32
    uri: str = "gs://videovector/none/original"
    export: str = "exp_" + "0" * 32
    connector: str = "conn_" + "0" * 32

    @property
    def result(self) -> str:
        """The id of the result of the segment."""
        return f"segment:{self.segment}:{self.run}"

    def strange(self) -> Ids:
        """Return ids of the same shape that belong to nobody."""
        return Ids(**{name: _strange(getattr(self, name)) for name in self.__annotations__})

    def made_up(self) -> list[str]:
        """Name the ids of what nobody has made yet."""
        return [
            name for name in self.__annotations__ if getattr(self, name).endswith(("_" + "0" * 32, "/none/original"))
        ]


def _strange(text: str) -> str:
    if text.startswith("gs://"):
        return re.sub("vid_[0-9a-f]+", f"vid_{'f' * 32}", text)
    head, _, tail = text.rpartition("_")
    return f"{head}_{'f' * len(tail)}"


async def populated(api: Api) -> Ids:
    """Make one of everything for the owner."""
    client = api.client
    index = (await client.post("/indexes", json={"name": "films"})).json()["index_id"]
    files = {"file": ("a.mp4", CLIP, "video/mp4")}
    job = (await client.post("/videos/upload", files=files, data={"title": "A", "index_id": index})).json()
    prompt = (await client.post("/prompts", json=PROMPT)).json()["prompt_id"]
    body = {"prompt_id": prompt, "target": {"type": "index", "index_id": index}}
    run = (await client.post("/prompt-runs/execute", json=body)).json()["run_id"]
    await api.finished(run)
    video = job["video_id"]
    segment = (await client.get(f"/videos/{video}/segments", params={"run_id": run})).json()["data"][0]["segment_id"]
    marker = {"target_type": "video", "target_id": video, "color": "red"}
    marked = (await client.put("/markers", json=marker)).json()["marker_id"]
    exported = (await client.post(f"/exports/prompt-run/{run}")).json()["export_id"]
    key, _ = await api.vv.access.create_key(Caller(api.user_id), name="k")
    made = Ids(
        index, video, segment, prompt, run, job["job_id"], marked, key.key_id, uri=job["video_uri"], export=exported
    )
    made.session, made.turn = await talked(client)
    made.connector = (await client.post("/connectors/s3", json=CONNECTOR)).json()["connector_id"]
    return made


async def talked(client: httpx.AsyncClient) -> tuple[str, str]:
    """Ask something in a session, and return the ids of both."""
    session = (await client.post("/chat/sessions", json={})).json()["session_id"]
    turn = (await client.post(f"/chat/sessions/{session}/turns", json={"message": "country"})).json()["turn"]
    return session, turn["turn_id"]


async def told_to(api: Api, webhook_id: str) -> str:
    """Append an event that a webhook wants, wait until its delivery has ended, and return the id of that."""
    async with api.vv.begin() as tx:
        await tx.events.append(api.user_id, [NewEvent("media.created")])
    while True:
        found = (await api.client.get(f"/webhooks/{webhook_id}/deliveries")).json()
        if found and found[0]["status"] in {"delivered", "failed"}:
            return str(found[0]["delivery_id"])
        await asyncio.sleep(0.005)


async def repaired(api: Api, ids: Ids) -> str:
    """Keep a repair of the segment, which nothing carries out, and return its id."""
    ports = api.vv.ports
    made = Retry(ports.ids.new("retry"), ids.run, ids.video, ids.segment, api.user_id, ports.clock.now())
    async with api.vv.begin() as tx:
        assert await tx.calls.add_retry(made)
    path = f"/prompt-runs/{ids.run}/videos/{ids.video}/segments/{ids.segment}/retries/{made.retry_id}"
    assert (await api.client.get(path)).status_code == 200
    return made.retry_id


@define
class Held(ToyDecoder):
    """A decoder that finishes nothing before it is let go."""

    let_go: asyncio.Event = field(factory=asyncio.Event)

    async def derive(self, sha256: str, **given: Any) -> Any:
        """Wait, and decode."""
        await self.let_go.wait()
        return await super().derive(sha256, **given)
