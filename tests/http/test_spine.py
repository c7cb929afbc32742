"""The routes that the quickstart of the published client needs, over the application in memory."""

from __future__ import annotations

import asyncio

import pytest

from tests.http.api import serving
from tests.http.world import PROMPT
from videovector_adapters.memory.models import toy

CLIP = toy(duration=30, cuts=[10, 20], speech=[[1, 4, "ask not what your country can do"], [12, 15, "movable type"]])


@pytest.fixture
async def api():
    async with serving() as one:
        yield one


async def uploaded(api, content=CLIP, **fields):
    return await api.client.post("/videos/upload", files={"file": ("a.mp4", content, "video/mp4")}, data=fields)


async def test_from_upload_to_hit(api):
    """An uploaded clip is found by what is said in it, with times."""
    index = (await api.client.post("/indexes", json={"name": "films"})).json()
    job = await uploaded(api, title="A", index_id=index["index_id"])
    assert job.status_code == 202, job.text
    video_id = job.json()["video"]["video_id"]
    assert job.json()["video_id"] == video_id
    prompt = (await api.client.post("/prompts", json=PROMPT)).json()
    run = await api.client.post(
        "/prompt-runs/execute",
        json={
            "prompt_id": prompt["prompt_id"],
            "target": {"type": "index", "index_id": index["index_id"]},
            "video_segmentation_type": "smart",
            "audio_segmentation_type": "content_aware",
            "processing_model": "gemini-2.5-flash",
            "enable_transcription": True,
            "enable_image_embedding": True,
        },
    )
    assert run.status_code == 202, run.text
    assert run.json()["status"] == "pending"
    done = await api.finished(run.json()["run_id"])
    assert done["status"] == "completed"
    assert done["total_videos"] == done["completed_videos"] == 1
    results = (
        await api.client.get(f"/prompt-runs/{done['run_id']}/results", params={"video_id": video_id, "limit": 2})
    ).json()
    assert [row["start_time"] for row in results["data"]] == [0.0, 10.0]
    rest = await api.client.get(
        f"/prompt-runs/{done['run_id']}/results",
        params={"video_id": video_id, "limit": 2, "cursor": results["pagination"]["next_cursor"]},
    )
    assert [row["start_time"] for row in rest.json()["data"]] == [20.0]
    hits = await api.client.post(f"/indexes/{index['index_id']}/search", json={"query": "country", "top_k": 5})
    assert hits.status_code == 200
    first = hits.json()[0]
    assert (first["start_time"], first["end_time"], first["video_name"]) == (0.0, 10.0, "A")
    segments = (await api.client.get(f"/videos/{video_id}/segments", params={"run_id": done["run_id"]})).json()
    assert first["segment_id"] in {one["segment_id"] for one in segments["data"]}
    video = (await api.client.get(f"/videos/{video_id}")).json()
    assert video["status"] == "processed"
    assert len(video["processing_status"][0]["segments"]) == 3


async def test_every_answer_has_a_request_id(api):
    """Successes, refusals, unknown routes and wrong methods all carry X-Request-ID and the envelope."""
    answers = [
        await api.client.get("/indexes"),
        await api.client.get("/indexes/idx_unknown"),
        await api.client.get("/no/such/route"),
        await api.client.delete("/indexes"),
        await api.client.post("/indexes", content=b"{"),
        await api.client.post("/indexes", json={"name": ""}),
        await api.client.get("/indexes", headers={"X-API-Key": "sk_live_no"}),
    ]
    assert [one.status_code for one in answers] == [200, 404, 404, 405, 400, 422, 401]
    for one in answers:
        assert one.headers["x-request-id"]
        if one.status_code >= 400:
            error = one.json()["error"]
            assert error["request_id"] == one.json()["request_id"] == one.headers["x-request-id"]
            assert error["code"]
            assert error["message"].endswith((".", "!"))


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "validation_empty_file"), (b"\x00\x01\x02" * 100, "validation_unsupported_media_type")],
)
async def test_bad_files_leave_nothing(api, content, code):
    """A file that is no media is refused with a stable code, and no blob and no row stays."""
    answer = await uploaded(api, content, title="bad")
    assert answer.status_code == 422
    assert answer.json()["error"]["code"] == code
    assert api.vv.ports.blobs.kept == {}
    assert (await api.client.get("/playground/videos")).json()["data"] == []


async def test_scope_comes_before_lookup(api):
    """A key without the scope gets 403 for an id that does not exist."""
    search = await api.as_user("owner", "search")
    answer = await api.client.get("/videos/vid_unknown", headers=search)
    assert answer.status_code == 403
    assert "scope" in answer.json()["error"]["message"]


async def test_an_index_keeps_its_description(api):
    """A description that an index was made with is shown with it."""
    made = (await api.client.post("/indexes", json={"name": "films", "description": "Silent ones"})).json()
    assert made["description"] == "Silent ones"
    assert (await api.client.get(f"/indexes/{made['index_id']}")).json() == made


async def test_foreign_ids_look_unknown(api):
    """Somebody else's index answers like one that never was."""
    index = (await api.client.post("/indexes", json={"name": "mine"})).json()
    other = await api.as_user("other")
    foreign = await api.client.get(f"/indexes/{index['index_id']}", headers=other)
    unknown = await api.client.get(f"/indexes/idx_{'0' * 32}", headers=other)
    assert foreign.status_code == unknown.status_code == 404
    assert len(foreign.content) == len(unknown.content)


async def test_the_same_key_has_one_effect(api):
    """A repeated keyed write replays the stored answer; another body with the same key is a conflict."""
    headers = {"Idempotency-Key": "k1"}
    answers = await asyncio.gather(
        *(api.client.post("/indexes", json={"name": "once"}, headers=headers) for _ in range(20))
    )
    assert {one.status_code for one in answers} == {201}
    assert len({one.content for one in answers}) == 1
    assert sum("idempotency-replayed" in one.headers for one in answers) == 19
    assert len((await api.client.get("/indexes")).json()) == 1
    other = await api.client.post("/indexes", json={"name": "twice"}, headers=headers)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_request_mismatch")


async def test_a_failed_write_does_not_burn_its_key(api):
    """After a refused request the same key may be used for a corrected one."""
    headers = {"Idempotency-Key": "k2"}
    assert (await api.client.post("/indexes", json={"name": ""}, headers=headers)).status_code == 422
    assert (await api.client.post("/indexes", json={"name": "good"}, headers=headers)).status_code == 201


async def test_an_upload_is_replayed_by_content(api):
    """The same file and fields under one key are taken in once, whatever the boundary."""
    headers = {"Idempotency-Key": "import-job-upload:1"}

    async def send():
        return await api.client.post(
            "/videos/upload", files={"file": ("a.mp4", CLIP, "video/mp4")}, data={"title": "A"}, headers=headers
        )

    first, second = await send(), await send()
    assert first.status_code == second.status_code == 202, first.text
    assert first.content == second.content
    assert second.headers["idempotency-replayed"] == "true"
    assert len((await api.client.get("/playground/videos")).json()["data"]) == 1


async def test_api_keys_need_a_signed_in_user(api):
    """Keys are managed with a bearer token only; a revoked key stops at once."""
    assert (await api.client.get("/api-keys")).status_code == 403
    del api.client.headers["X-API-Key"]
    made = await api.client.post("/api-keys", json={"name": "ci", "scopes": ["read"]}, headers=api.bearer())
    assert made.status_code == 201, made.text
    key = made.json()
    assert (await api.client.get("/auth/validate", headers={"X-API-Key": key["key"]})).status_code == 204
    await api.client.post(f"/api-keys/{key['key_id']}/revoke", headers=api.bearer())
    assert (await api.client.get("/auth/validate", headers={"X-API-Key": key["key"]})).status_code == 401


async def test_a_made_up_cursor_is_refused(api):
    """A cursor that this server did not sign is 422."""
    answer = await api.client.get("/playground/videos", params={"cursor": "W10.abc"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_cursor")


async def test_links_play_without_a_credential(api):
    """A minted link serves the bytes, ranges included, and an edited one does not."""
    job = (await uploaded(api, title="A")).json()
    signed = (await api.client.post("/videos/signed-url", json={"gcs_uri": job["video_uri"]})).json()["signed_url"]
    del api.client.headers["X-API-Key"]
    whole = await api.client.get(signed)
    assert whole.content == CLIP
    part = await api.client.get(signed, headers={"Range": "bytes=2-5"})
    assert (part.status_code, part.content) == (206, CLIP[2:6])
    beyond = await api.client.get(signed, headers={"Range": f"bytes={len(CLIP)}-"})
    assert (beyond.status_code, beyond.json()["error"]["code"]) == (416, "range_not_satisfiable")
    assert beyond.headers["Content-Range"] == f"bytes */{len(CLIP)}"
    odd = await api.client.get(signed, headers={"Range": f"bytes={'9' * 5000}-"})
    assert (odd.status_code, odd.content) == (200, CLIP)
    assert (await api.client.get(signed[:-3] + "aaa")).status_code == 404


async def test_deleted_media_are_gone_at_once_and_for_good(api):
    """After DELETE the item is unknown everywhere, and soon nothing of it is left: rows, vectors, bytes."""
    index = (await api.client.post("/indexes", json={"name": "films"})).json()["index_id"]
    video = (await uploaded(api, title="A", index_id=index)).json()["video_id"]
    prompt = (await api.client.post("/prompts", json=PROMPT)).json()["prompt_id"]
    body = {"prompt_id": prompt, "target": {"type": "index", "index_id": index}}
    run = (await api.client.post("/prompt-runs/execute", json=body)).json()["run_id"]
    await api.finished(run)
    assert await api.vv.ports.vectors.count() > 0
    gone = await api.client.delete(f"/videos/{video}")
    assert (gone.status_code, gone.json()["status"]) == (202, "draining")
    hits = await api.client.post(f"/indexes/{index}/search", json={"query": "country"})
    assert hits.json() == []
    assert (await api.client.get(f"/videos/{video}")).status_code == 404
    again = (await api.client.delete(f"/videos/{video}")).json()
    assert again["deletion_id"] == gone.json()["deletion_id"]
    while (await api.client.get(f"/videos/{video}/deletion")).json()["status"] != "deleted":
        await asyncio.sleep(0.05)
    assert await api.vv.ports.vectors.count() == 0
    assert api.vv.ports.blobs.kept == {}
    assert (await api.vv.checker.check()).clean


async def test_the_same_bytes_go_with_the_last_item_of_them(api):
    """An index that holds one file twice goes with its bytes, and with what was kept of them."""
    index = (await api.client.post("/indexes", json={"name": "films"})).json()["index_id"]
    for title in ("A", "B"):
        assert (await uploaded(api, title=title, index_id=index)).status_code == 202
    assert (await api.client.delete(f"/indexes/{index}")).status_code == 202
    while (await api.client.get(f"/indexes/{index}/deletion")).json()["status"] != "deleted":
        await asyncio.sleep(0.05)
    assert api.vv.ports.blobs.kept == {}
