"""Filter search over generated results in PostgreSQL: two conditions on one item, at several selectivities.

`FILTER_ROWS` says over how many results (default 100,000); each has three people with a mood and a confidence.
"""

from __future__ import annotations

import os
import statistics
import time
from datetime import UTC, datetime, timedelta

import psycopg

from tests.bench.rows import Row
from tests.postgres import quick_server
from videovector_adapters.memory.parts import CountingIds
from videovector_adapters.postgres.database import Database
from videovector_adapters.postgres.migrate import migrate
from videovector_core.page import After
from videovector_core.search.filters import Condition, Filter
from videovector_core.search.ports import FilterScope

ROWS = int(os.environ.get("FILTER_ROWS", "100000"))
PAGES = 20
SCOPE = FilterScope("u", ("run_1",), ("idx_1",))
ASKED = {
    "0.1 %": ("rare", 0.3),
    "1 %": ("mid", 0.3),
    "20 %": ("common", 0.3),
    "0.1 %, of two frequent values": ("common", 0.997),
}
"""By the share of the results that meet them: a mood, and how sure it must be."""

_BUILD = f"""
INSERT INTO media (video_id, user_id, title, media_type, sha256, size, file_name, mime_type, duration, created_at,
    index_id, status, has_audio)
SELECT 'vid_' || g, 'u', 't', 'video', 's', 1, 'f', 'm', 1000, '2026-01-01Z'::timestamptz + g * interval '1 s',
    'idx_1', 'processed', false FROM generate_series(0, {ROWS // 100}) g;
INSERT INTO filter_rows (user_id, run_id, segment_id, video_id, created_at, start)
SELECT 'u', 'run_1', 'seg_' || lpad(g::text, 9, '0'), 'vid_' || (g / 100),
    '2026-01-01Z'::timestamptz + (g / 100) * interval '1 s', g % 100 FROM generate_series(0, {ROWS - 1}) g;
INSERT INTO filter_values (created_at, start, row_id, user_id, path, element, parent, filled, text)
SELECT created_at, start, row_id, 'u', 'people[].mood', p || '.', p || '.', true, CASE WHEN r < 0.0005 THEN 'rare'
    WHEN r < 0.0055 THEN 'mid' WHEN r < 0.11 THEN 'common' ELSE 'm' || (r * 50)::int END
FROM (SELECT *, random() AS r FROM filter_rows, generate_series(0, 2) p) AS people;
INSERT INTO filter_values (created_at, start, row_id, user_id, path, element, parent, filled, amount)
SELECT created_at, start, row_id, 'u', 'people[].confidence', p || '.', p || '.', true, round(random()::numeric, 3)
FROM filter_rows, generate_series(0, 2) p;
INSERT INTO filter_values (created_at, start, row_id, user_id, path, element, parent, filled, text)
SELECT created_at, start, row_id, 'u', 'metadata_text', '', '', true, repeat('the quick brown fox ', 10) ||
    md5(row_id::text) FROM filter_rows;
"""


async def bench() -> list[Row]:
    """Measure pages of 50."""
    rows = []
    with quick_server() as dsn:
        await migrate(dsn)
        _build(dsn)
        async with Database.open(dsn, CountingIds(), size=2) as database:
            for share, (mood, least) in ASKED.items():
                sure = Condition.read("people[].confidence", "greater_equal", "number", least)
                asked = Filter([Condition.read("people[].mood", "equals", "string", mood), sure])
                times = await _pages(database, asked)
                p95 = sorted(times)[int(0.95 * len(times))]
                rows.append(Row(f"page of 50, {share} of {ROWS:,} results, p95", p95, "ms", "at most 50"))
                deep = statistics.median([await _page(database, asked, _middle()) for _ in range(5)])
                first = statistics.median([await _page(database, asked, None) for _ in range(5)])
                rows.append(Row("page in the middle over page 1", deep / first, "x", "at most 1.2"))
            words = Filter([Condition.read("metadata_text", "contains", "string", "abcd")])
            rows.append(Row("contains, no index", await _page(database, words, None), "ms"))
    return rows


def _middle() -> After:
    return ((datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=ROWS // 200)).isoformat(), 0.0, "", "")


async def _pages(database: Database, asked: Filter) -> list[float]:
    """Walk some pages and return their times in milliseconds."""
    times, after = [], None
    for _ in range(PAGES):
        started = time.perf_counter()
        async with database.begin() as tx:
            page = await tx.filters.page(SCOPE, asked, limit=51, after=after)
        times.append((time.perf_counter() - started) * 1000)
        after = page[-1].key if len(page) == 51 else None
    return times


async def _page(database: Database, asked: Filter, after: After | None) -> float:
    started = time.perf_counter()
    async with database.begin() as tx:
        await tx.filters.page(SCOPE, asked, limit=51, after=after)
    return (time.perf_counter() - started) * 1000


def _build(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in _BUILD.split(";\n"):
            if statement.strip():
                connection.execute(statement.encode())
        connection.execute("VACUUM ANALYZE")
