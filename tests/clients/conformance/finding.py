"""Searches of every kind, and the short way from a file to a hit."""

from __future__ import annotations

import base64

from tests.clients.conformance.catalogue import one_of
from tests.clients.conformance.journey import Journey
from tests.clients.conformance.recorder import settled

PIXEL = base64.b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc000000301010018dd8d"
        "b00000000049454e44ae426082"
    )
).decode()


async def searches(j: Journey) -> None:
    """By words, by a picture, by both, over runs, and in the playground."""
    c, where = j.c, j.index.index_id
    hits = await c.search.text(where, query="headline", top_k=3)
    assert hits
    assert all(hit.run_id == j.run for hit in hits)
    narrow = await c.search.text(where, query="headline", run_ids=[j.run], search_fields=["headline"])
    assert narrow
    pictures = await c.search.image(where, image_data=PIXEL, top_k=2)
    assert {hit.video_id for hit in pictures} == {j.film}
    mixed = await c.search.multimodal(where, text_query="headline", image_data=PIXEL, top_k=4)
    assert {hit.match_type for hit in mixed} <= {"both", "text_only", "image_only"}
    assert await c.search.multi_run(query="headline", run_ids=[j.run])
    assert await c.search.multi_run(query="headline", index_id=where, aggregation="weighted")
    assert await c.search.playground(query="headline", run_id=j.loose_run)


async def filters(j: Journey) -> None:
    """By fields, page after page."""
    c = j.c
    conditions = [{"field": "headline", "operator": "is_not_empty", "type": "string"}]
    page = await c.search.filter(j.index.index_id, conditions=conditions, page_size=4)
    rest = await c.search.filter(j.index.index_id, conditions=conditions, page_size=4, cursor=page.next_page_token)
    found = [one.segment_id for one in (*page.results, *rest.results)]
    assert len(found) == len(set(found)) == 6
    loose = await c.search.filter_playground(conditions=conditions, run_ids=[j.loose_run])
    assert len(loose.results) == 3


async def workflow(j: Journey) -> None:
    """The short way from a file to a hit."""
    c = j.c
    job = await c.workflow.upload(j.w["sound"], index_name="Short way", title="Short")
    video = one_of(job)
    defined = await c.workflow.define("Extract the headline")
    assert defined.saved
    target = {"import_job_id": job.job_id} if j.modern else {"video_ids": video, "index_name": "Short way"}
    mode = {"segmentation_mode": "fixed", "fixed_segment_duration_seconds": 1}
    begun = await c.workflow.process(prompt_id=defined.prompt_id, **target, **mode)
    run = await c.workflow.wait_until_searchable(begun.run.run_id, poll_interval=0.2, timeout=120)
    page = await c.workflow.search("headline", prompt_run_ids=run.run_id, limit=1)
    rows = await settled(page.auto_paging_iter())
    assert {row.video_id for row in rows} == {video}
    assert len(rows) == 3
    assert (await settled(page.next_page())).data[0].segment_id == rows[1].segment_id
    level = await c.workflow.search(filters=[{"field": "headline", "operator": "is_not_empty"}], index_name="Short way")
    assert len(level.data) == 3
