"""SQL search through the public surface: real runs, real files and a real box over the stores in memory."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pyarrow.parquet as pq
import pytest
import pytest_asyncio

from tests.http.api import serving
from tests.sqlsearch.served import CLIP, OTHER_CLIP, PROMPT, Moody, World, built, kept, uploaded
from videovector_adapters.duckdb.sandbox import DuckdbSandbox
from videovector_adapters.duckdb.tables import ParquetTables
from videovector_adapters.memory.parts import MemoryBlobs
from videovector_core.sqlsearch.files import GRACE_SECONDS

pytestmark = [pytest.mark.real, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(engine: DuckdbSandbox) -> AsyncIterator[World]:
    """A world that tests only read."""
    async with built(engine) as one:
        yield one


async def test_every_starter_query_of_the_catalogue_answers(world: World) -> None:
    """The tables of a run are listed with their columns and limits, and the query that stands with each runs verbatim."""
    found = await world.post("/catalog", 200)
    first = found["tables"][0]
    assert (first["run_id"], first["index_id"], first["index_name"]) == (world.run, world.index, "films")
    assert (first["prompt_name"], first["row_count"]) == ("Scene", 4)
    assert {"name": "scene.people[].age", "path": "scene.people[].age", "type": "BIGINT[]"} in first["columns"]
    assert found["limits"]["max_result_limit"] == 2000
    assert await world.post("/catalog", 200, {}) == found
    assert len(await world.ask(first["default_query"])) == 4
    for table in found["tables"][1:]:
        assert await world.ask(table["default_query"]), table["table_name"]


async def test_a_query_answers_with_the_places_of_its_rows(world: World) -> None:
    """Rows stand in order beside where they come from; an aggregate comes from no single place."""
    table = (await world.post("/catalog", 200))["tables"][0]["table_name"]
    answer = await world.post(
        "", 200, {"query": f"SELECT * FROM {table} ORDER BY video_name, start_time", "run_ids": []}
    )
    assert [(row["video_name"], row["start_time"], row["headline"]) for row in answer["rows"]] == [
        ("A", 0.0, "ask not what"),
        ("A", 20.0, "the end"),
        ("B", 0.0, "a second film"),
        ("B", 10.0, ""),
    ]
    place = answer["row_context"][1]
    assert (place["video_id"], place["run_id"], place["start_time"]) == (world.videos[0], world.run, 20.0)
    picture = await world.api.client.get(place["thumbnail_uri"])
    assert picture.headers["content-type"] == "image/jpeg"
    count = await world.post("", 200, {"query": "SELECT count(*) AS n FROM segments", "result_limit": 7})
    assert (count["rows"], count["row_context"], count["applied_result_limit"]) == ([{"n": 4}], [None], 7)
    assert count["columns"] == [{"name": "n", "path": None, "type": "BIGINT"}]


async def test_a_repair_shows_in_the_next_query(fresh: World) -> None:
    """A segment that failed is missing; once a retry repaired it, the next query has it, and the file that was replaced goes."""
    query = "SELECT start_time FROM segments WHERE video_name = 'A' ORDER BY 1"
    assert [row["start_time"] for row in await fresh.ask(query)] == [0.0, 20.0]
    before = set(kept(fresh))
    failed = (await fresh.api.client.get(f"/prompt-runs/{fresh.run}/failed-segments")).json()
    segment = failed["videos"][0]["segments"][0]["segment_id"]
    fresh.model.refuses.clear()
    at = f"/prompt-runs/{fresh.run}/videos/{fresh.videos[0]}/segments/{segment}"
    retry = (await fresh.api.client.post(f"{at}/retry")).json()["retry_id"]
    async with asyncio.timeout(20):
        while (await fresh.api.client.get(f"{at}/retries/{retry}")).json()["status"] in {"pending", "processing"}:
            await asyncio.sleep(0.01)
    assert [row["start_time"] for row in await fresh.ask(query)] == [0.0, 10.0, 20.0]
    replaced = before & set(kept(fresh))
    assert replaced
    fresh.api.vv.ports.clock.time.advance(GRACE_SECONDS + 1)  # type: ignore[attr-defined]  # the clock in memory
    async with asyncio.timeout(20):
        while replaced & set(kept(fresh)):
            await asyncio.sleep(0.05)


async def test_what_is_deleted_is_gone_at_once(fresh: World) -> None:
    """From the moment a deletion is accepted no query has the item's rows or places, and its file goes with it."""
    names = "SELECT DISTINCT video_name FROM segments ORDER BY 1"
    assert await fresh.ask(names) == [{"video_name": "A"}, {"video_name": "B"}]
    segment = (await fresh.ask("SELECT segment_id FROM segments WHERE video_name = 'A'"))[0]["segment_id"]
    blobs = fresh.api.vv.ports.blobs
    assert isinstance(blobs, MemoryBlobs)
    before = {name for name, data in blobs.kept.items() if data[:4] == b"PAR1"}
    assert before
    answer = await fresh.api.client.delete(f"/videos/{fresh.videos[0]}")
    assert answer.status_code == 202
    assert await fresh.ask(names) == [{"video_name": "B"}]
    tables = (await fresh.post("/catalog", 200))["tables"]
    assert tables[0]["row_count"] == 2
    forged = {"query": f"SELECT '{segment}' AS segment_id FROM segments LIMIT 1"}
    assert (await fresh.post("", 200, forged))["row_context"] == [None]
    levels = next(table["table_name"] for table in tables if table["table_name"].startswith("video_results"))
    assert await fresh.ask(f"SELECT video_name FROM {levels}") == [{"video_name": "B"}]
    async with asyncio.timeout(20):
        while before & set(blobs.kept):
            await asyncio.sleep(0.05)


async def test_other_tenants_do_not_exist(world: World) -> None:
    """Runs, tables, indexes and files of others are unknown, exactly like names that nobody has."""
    theirs = await world.api.as_user("stranger")
    table = (await world.post("/catalog", 200))["tables"][0]["table_name"]
    own = (await world.api.client.post("/indexes", json={"name": "x"}, headers=theirs)).json()["index_id"]
    assert await refused(world, "/search/sql/" + world.index, {"query": "SELECT 1"}, theirs) == (
        404,
        "resource_index_not_found",
    )
    asked = {"query": f"SELECT * FROM {table}"}
    assert await refused(world, f"/search/sql/{own}", asked, theirs) == (422, "sql_invalid")
    named = {"query": "SELECT 1", "run_ids": [world.run]}
    assert await refused(world, f"/search/sql/{own}", named, theirs) == (404, "resource_run_not_found")
    assert await refused(world, f"/prompt-runs/{world.run}/results.parquet", None, theirs) == (
        404,
        "resource_run_not_found",
    )


async def test_each_tenant_has_its_own_union(fresh: World) -> None:
    """Two tenants with runs of the same prompt: catalogues, unions, names, drafts and hints of one never show the other."""
    theirs = await fresh.api.as_user("stranger")
    client = fresh.api.client
    place = (await client.post("/indexes", json={"name": "theirs"}, headers=theirs)).json()["index_id"]
    files = {"file": ("a.mp4", OTHER_CLIP, "video/mp4")}
    about = {"title": "SECRET", "index_id": place}
    await client.post("/videos/upload", files=files, data=about, headers=theirs)
    prompt = (await client.post("/prompts", json=PROMPT, headers=theirs)).json()["prompt_id"]
    body = {"prompt_id": prompt, "target": {"type": "index", "index_id": place}}
    run = (await client.post("/prompt-runs/execute", json=body, headers=theirs)).json()["run_id"]
    async with asyncio.timeout(20):
        while (await client.get(f"/prompt-runs/{run}", headers=theirs)).json()["status"] != "completed":
            await asyncio.sleep(0.01)

    async def theirs_says(path: str, body: Any) -> Any:
        return (await client.post(f"/search/sql/{place}{path}", json=body, headers=theirs)).json()

    own, other = await fresh.post("/catalog", 200), await theirs_says("/catalog", {})
    names, foreign = [{one["table_name"] for one in made["tables"]} - {"segments"} for made in (own, other)]
    assert names
    assert foreign
    assert not names & foreign
    assert not any(name in str(own) for name in (*foreign, run, place, "SECRET"))
    counted = {"query": "SELECT video_name, count(*) AS n FROM segments GROUP BY 1 ORDER BY 1"}
    assert [row["video_name"] for row in (await fresh.post("", 200, counted))["rows"]] == ["A", "B"]
    assert [row["video_name"] for row in (await theirs_says("", counted))["rows"]] == ["SECRET"]
    for name in foreign:
        forged = [f"SELECT * FROM {name}", f"SELECT * FROM segments UNION ALL SELECT * FROM {name}"]
        for query in forged:
            error = (await fresh.post("", 422, {"query": query}))["error"]
            unknown = (await fresh.post("", 422, {"query": query.replace(name, "run_" + "0" * len(name))}))["error"]
            assert (error["code"], unknown["code"]) == ("sql_invalid", "sql_invalid")
            assert not (foreign - {name}) & set(re.findall(r"\w+", str(error)))
        body = {"instruction": f"count the rows of {name}", "existing_query": f"SELECT * FROM {name}"}
        draft = await fresh.post("/generate", 200, body)
        assert name not in draft["query"]
        assert not foreign & set(draft["tables_used"])
    for body in ({"run_ids": [run]}, {"index_ids": [place]}):
        for path, more in (("", counted), ("/catalog", {}), ("/generate", {"instruction": "count"})):
            error = (await fresh.post(path, 404, {**body, **more}))["error"]
            assert error["code"] in {"resource_run_not_found", "resource_index_not_found"}


async def refused(world: World, path: str, body: Any, headers: dict[str, str]) -> tuple[int, str]:
    method = "GET" if body is None else "POST"
    answer = await world.api.client.request(method, path, json=body, headers=headers)
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"query": "SELECT * FROM read_text('/etc/passwd')"}, 422, "sql_not_allowed"),
        ({"query": "DROP TABLE segments"}, 422, "sql_not_allowed"),
        ({"query": "SELECT * FROM duckdb_settings()"}, 422, "sql_not_allowed"),
        ({"query": "SELEC 1"}, 422, "sql_invalid"),
        ({"query": "SELECT headlin FROM run_x"}, 422, "sql_invalid"),
        ({"query": "SELECT 1", "result_limit": 2001}, 422, "validation_error"),
        ({"query": "SELECT 1", "run_ids": ["run_nobody"]}, 404, "resource_run_not_found"),
        ({"query": "SELECT 1", "index_ids": ["idx_nobody"]}, 404, "resource_index_not_found"),
        ({}, 422, "validation_error"),
    ],
)
async def test_what_is_wrong_is_refused(shared: World, body: Any, status: int, code: str) -> None:
    """A hostile, a mistaken or an ill-scoped request is the caller's mistake, with a stable code."""
    found = await shared.post("", status, body)
    assert found["error"]["code"] == code


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(engine: DuckdbSandbox) -> AsyncIterator[World]:
    """An application with an index and no run."""
    blobs = MemoryBlobs()
    async with serving(sql=engine, tables=ParquetTables(blobs), blobs=blobs) as api:
        index = (await api.client.post("/indexes", json={"name": "films"})).json()["index_id"]
        yield World(api, Moody(), index, "", ("", ""))


async def test_an_empty_index_has_an_empty_union(shared: World) -> None:
    """Without a run there is one table, without rows, and its query runs."""
    tables = (await shared.post("/catalog", 200))["tables"]
    assert [table["table_name"] for table in tables] == ["segments"]
    assert await shared.ask(tables[0]["default_query"]) == []


async def test_runs_are_checked_against_the_scope(world: World) -> None:
    """A run outside the indexes is refused; one that is not finished stands against the query."""
    other = (await world.api.client.post("/indexes", json={"name": "other"})).json()["index_id"]
    await uploaded(world.api, other, "C", CLIP)
    error = await world.ask("SELECT 1", 422, run_ids=[world.run], index_ids=[other])
    assert error["error"]["code"] == "validation_run_scope"
    run = await started(world, other)
    await world.api.client.post(f"/prompt-runs/{run}/cancel")
    await world.api.finished(run)
    error = await world.ask("SELECT 1", 409, run_ids=[run])
    assert error["error"]["code"] == "conflict_run_not_searchable"
    answer = await world.api.client.get(f"/prompt-runs/{run}/results.parquet")
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict_run_not_searchable")


async def started(world: World, index: str) -> str:
    prompt = (await world.api.client.post("/prompts", json=PROMPT)).json()["prompt_id"]
    body = {"prompt_id": prompt, "target": {"type": "index", "index_id": index}}
    return str((await world.api.client.post("/prompt-runs/execute", json=body)).json()["run_id"])


async def test_a_draft_runs_and_a_key_replays_it(world: World) -> None:
    """A draft runs as it stands; the same key gives the same draft again, and a key of a query does no harm."""
    body = {"instruction": "Show the top 20 scenes where scene.people[].emotion is happy."}
    key = {"Idempotency-Key": "draft-1"}
    draft = await world.post("/generate", 200, body, headers=key)
    again = await world.api.client.post(f"/search/sql/{world.index}/generate", json=body, headers=key)
    assert (again.json(), again.headers["idempotency-replayed"]) == (draft, "true")
    assert len(await world.ask(draft["query"])) == 4
    assert draft["tables_used"]
    assert (await world.post("", 200, {"query": draft["query"]}, headers={"Idempotency-Key": "query-1"}))["rows"]


async def test_results_are_handed_out_as_typed_files(world: World) -> None:
    """The file of a run has the documented columns and types, whole or in ranges; media-level results have their own."""
    whole = await world.api.client.get(f"/prompt-runs/{world.run}/results.parquet")
    assert whole.headers["content-type"] == "application/vnd.apache.parquet"
    table = pq.read_table(io.BytesIO(whole.content))
    documented = (await world.post("/catalog", 200))["tables"][0]["columns"]
    assert table.column_names == [column["name"] for column in documented]
    assert str(table.schema.field("start_time").type) == "double"
    assert str(table.schema.field("executed_at").type) == "timestamp[us, tz=UTC]"
    assert table.column("scene.people[].emotion").to_pylist() == [["happy"]] * 4
    tail = await world.api.client.get(f"/prompt-runs/{world.run}/results.parquet", headers={"Range": "bytes=-4"})
    assert (tail.status_code, tail.content) == (206, b"PAR1")
    levels = await world.api.client.get(f"/prompt-runs/{world.run}/results.parquet", params={"level": "video"})
    assert sorted(pq.read_table(io.BytesIO(levels.content)).column("video_name").to_pylist()) == ["A", "B"]
    wrong = await world.api.client.get(f"/prompt-runs/{world.run}/results.parquet", params={"level": "frame"})
    assert wrong.status_code == 422


async def test_lost_files_are_written_again(world: World) -> None:
    """When the store of bytes lost a file, the next query has the rows all the same."""
    assert len(await world.ask("SELECT 1 FROM segments")) == 4
    blobs = world.api.vv.ports.blobs
    assert isinstance(blobs, MemoryBlobs)
    for name in [name for name, data in blobs.kept.items() if data[:4] == b"PAR1"]:
        await blobs.delete(name)
    assert len(await world.ask("SELECT 1 FROM segments")) == 4


async def test_scopes(shared: World) -> None:
    """SQL needs the search scope, a file of results the read scope."""
    search = await shared.api.as_user("owner", "search")
    catalog = await shared.api.client.post(f"/search/sql/{shared.index}/catalog", json={}, headers=search)
    assert catalog.status_code == 200
    answer = await shared.api.client.get("/prompt-runs/run_x/results.parquet", headers=search)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "authorization_insufficient_scope")
    nobody = await shared.api.client.post(
        f"/search/sql/{shared.index}/catalog", json={}, headers={"X-API-Key": "sk_live_no"}
    )
    assert nobody.status_code == 401


async def test_without_an_engine_the_routes_say_so() -> None:
    """A server without the engine is a 503 with a stable code, not a 404 and not a crash."""
    async with serving() as api:
        answer: httpx.Response = await api.client.post("/search/sql/idx_x/catalog", json={})
        assert (answer.status_code, answer.json()["error"]["code"]) == (503, "sql_unavailable")
