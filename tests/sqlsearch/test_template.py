"""Drafts without a model: what is understood, and what is said not to be."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sqlsearch.world import FIRST, SECOND, run_table
from videovector_adapters.children import Child
from videovector_adapters.duckdb import guard, views
from videovector_core.sqlsearch import catalog, template
from videovector_core.sqlsearch.model import Draft, Limits

ONE = catalog.build([run_table(FIRST)], Limits())
NAMES = {table.name: [column.name for column in table.columns] for table in ONE.tables}


def draft(instruction: str) -> Draft:
    return template.draft(instruction, existing=None, catalog=ONE)


def parts(instruction: str) -> str:
    """The query on one line, with short names."""
    query = draft(instruction).query.replace("run_bbbbbbbbbb", "t")
    return " ".join(query.replace('"segment_id", "video_name", "start_time", "end_time"', "...").split())


LISTED = 'ORDER BY "video_name", "start_time" LIMIT'


@pytest.mark.parametrize(
    ("instruction", "query"),
    [
        ("How many segments are there?", 'SELECT count(*) AS "count" FROM "t"'),
        ("how many videos have Tense scenes", """SELECT count(DISTINCT "video_id") AS "videos" FROM "t" WHERE "scene.mood" = 'Tense'"""),
        ("how many people", 'SELECT count(*) AS "count" FROM "t__scene_people"'),
        ("count scenes by location", 'SELECT "scene.location", count(*) AS "count" FROM "t" GROUP BY "scene.location" ORDER BY "count" DESC, "scene.location" LIMIT 100'),
        ("average score per location", 'SELECT "scene.location", avg("score") AS "avg_score" FROM "t" GROUP BY "scene.location" ORDER BY "avg_score" DESC, "scene.location" LIMIT 100'),
        ("top 5 emotions", 'SELECT "emotion", count(*) AS "count" FROM "t__scene_people" GROUP BY "emotion" ORDER BY "count" DESC, "emotion" LIMIT 5'),
        ("most common topics", 'SELECT "topics", count(*) AS "count" FROM (SELECT * EXCLUDE ("topics[]"), unnest("topics[]") AS "topics" FROM "t") GROUP BY "topics" ORDER BY "count" DESC, "topics" LIMIT 100'),
        ("first 3 rows", f'SELECT ... FROM "t" {LISTED} 3'),
        ("scenes where location is kitchen and score above 0.5", f"""SELECT ..., "scene.location", "score" FROM "t" WHERE lower("scene.location") = 'kitchen' AND "score" > 0.5 {LISTED} 100"""),
        ("location is kitchen or street", f"""SELECT ..., "scene.location" FROM "t" WHERE lower("scene.location") IN ('kitchen', 'street') {LISTED} 100"""),
        ("score between 0.2 and 0.5", f'SELECT ..., "score" FROM "t" WHERE "score" BETWEEN 0.2 AND 0.5 {LISTED} 100'),
        ("emotion is happy and confidence at least 0.8", f"""SELECT ..., "scene.people[].emotion", "scene.people[].confidence" FROM "t" WHERE "result_id" IN (SELECT "result_id" FROM "t__scene_people" WHERE lower("emotion") = 'happy' AND "confidence" >= 0.8) {LISTED} 100"""),
        ("scenes with topics containing 'fire'", f"""SELECT ..., "topics[]" FROM "t" WHERE len(list_filter("topics[]", lambda x: contains(lower(x), 'fire'))) > 0 {LISTED} 100"""),
        ("scenes where the transcript mentions \"it's a goal\"", f"""SELECT ..., "transcription" FROM "t" WHERE contains(lower("transcription"), 'it''s a goal') {LISTED} 100"""),
        ("is outdoor is true", f'SELECT ..., "is_outdoor" FROM "t" WHERE "is_outdoor" = TRUE {LISTED} 100'),
        ("mood is calm", f"""SELECT ..., "scene.mood" FROM "t" WHERE "scene.mood" = 'Calm' {LISTED} 100"""),
        ("location is not empty", f"""SELECT ..., "scene.location" FROM "t" WHERE "scene.location" <> '' {LISTED} 100"""),
        ("show location and score ordered by score descending", 'SELECT ..., "scene.location", "score" FROM "t" ORDER BY "score" DESC NULLS LAST, "video_name", "start_time" LIMIT 100'),
        ("average age by emotion where location is street", """SELECT "emotion", avg("age") AS "avg_age" FROM "t__scene_people" WHERE "result_id" IN (SELECT "result_id" FROM "t" WHERE lower("scene.location") = 'street') GROUP BY "emotion" ORDER BY "avg_age" DESC, "emotion" LIMIT 100"""),
        ("count segments per video", 'SELECT "video_name", count(*) AS "count" FROM "t" GROUP BY "video_name" ORDER BY "count" DESC, "video_name" LIMIT 100'),
        ("sum of shots by video", 'SELECT "video_name", sum("shots") AS "sum_shots" FROM "t" GROUP BY "video_name" ORDER BY "sum_shots" DESC, "video_name" LIMIT 100'),
        ("how many segments start after 60", 'SELECT count(*) AS "count" FROM "t" WHERE "start_time" > 60'),
        ("number of distinct videos", 'SELECT count(DISTINCT "video_id") AS "videos" FROM "t"'),
        ("show the transcription of segments where score > 1.5", f'SELECT ..., "transcription", "score" FROM "t" WHERE "score" > 1.5 {LISTED} 100'),
        ("score of 0.5", f'SELECT ..., "score" FROM "t" WHERE "score" = 0.5 {LISTED} 100'),
        ("average confidence grouped by location", 'SELECT "scene.location", avg("confidence") AS "avg_confidence" FROM (SELECT i.*, b."scene.location" FROM "t__scene_people" i JOIN "t" b USING ("result_id")) GROUP BY "scene.location" ORDER BY "avg_confidence" DESC, "scene.location" LIMIT 100'),
    ],
)  # fmt: skip
def test_what_is_understood(instruction: str, query: str) -> None:
    """Counts, tops, conditions, groups and orders over named fields become exactly this SQL, without a warning."""
    assert parts(instruction) == query
    assert draft(instruction).warnings == ()
    assert draft(instruction).explanation.endswith(".")


def test_media_level_fields_choose_their_table() -> None:
    """Fields of media-level results are looked for in their own table."""
    assert draft("videos whose summary contains war").tables_used == ("video_results_bbbbbbbbbb",)


@pytest.mark.parametrize(
    ("instruction", "missed"),
    [
        ("longest zebra dance in location", ["longest", "zebra", "dance"]),
        ("age is old", ["age is old"]),
        ("what is the meaning of life?", ["meaning", "life"]),
        ("count scenes by colour", ["colour"]),
    ],
)
def test_what_is_not_understood_is_said(instruction: str, missed: list[str]) -> None:
    """Words that the template cannot use are named, and the query leaves them out."""
    (warning,) = draft(instruction).warnings
    assert all(repr(word) in warning for word in missed)


def test_other_runs_and_existing_queries_are_mentioned() -> None:
    """A draft reads one run and says how many it did not read, and that it is not an edit."""
    two = catalog.build([run_table(FIRST), run_table(SECOND)], Limits())
    warnings = template.draft("count scenes", existing="SELECT 1", catalog=two).warnings
    assert [word in " ".join(warnings) for word in ("existing query", "1 other run")] == [True, True]


WORDS = ["top", "20", "scenes", "where", "scene.people[].emotion", "is", "happy", "location", "score", "above", "0.5", "by",
         "average", "count", "how many", "topics", "contains", "'x'", "or", "and", "not", "people", "tags", "ordered by",
         "descending", "mood", "Calm", "between", "most common", "age", "start time", ",", "extra", "per", "distinct",
         "highest", "shot on", "is outdoor", "true", "holds", "empty", "people hands holds", "'; DROP TABLE x --"]  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(WORDS), max_size=12).map(" ".join) | st.text(max_size=60))
def test_a_draft_never_breaks_a_rule(instruction: str) -> None:
    """Whatever is asked, the draft passes the guard and reads only tables of the catalogue."""
    written = draft(instruction)
    assert set(guard.check(written.query, NAMES)) <= set(NAMES)


@pytest.mark.real
async def test_drafts_can_be_run() -> None:
    """Drafts of all kinds of word salad are planned by the engine without an error."""
    chance = random.Random(7)
    asked = [" ".join(chance.choices(WORDS, k=chance.randint(1, 12))) for _ in range(500)]
    drafts = {draft(instruction).query: instruction for instruction in asked}
    child = Child(
        "tests.sqlsearch.unguarded:Batch",
        {"memory_bytes": 256 << 20, "threads": 2, "max_cell_bytes": 32768, "max_result_bytes": 8 << 20},
        environment={"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    try:
        await child.call("ready", deadline=30)
        made = views.statements(list(NAMES), ONE.tables, None)
        wrong = await child.call("planned", deadline=60, queries=list(drafts), setup=made)
    finally:
        await child.close()
    assert [(drafts[query], query, why) for query, why in wrong] == []


def test_without_runs_there_is_still_a_query() -> None:
    """An empty scope has the union to ask."""
    empty = catalog.build([], Limits())
    assert '"segments"' in template.draft("count scenes", existing=None, catalog=empty).query
