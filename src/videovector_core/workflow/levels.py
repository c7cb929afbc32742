"""Conditions on media-level results, which no index holds: they are read run by run and compared one by one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from videovector_core.access.model import Caller
from videovector_core.page import After
from videovector_core.ports import Begin
from videovector_core.runs.model import Run, VideoResult
from videovector_core.runs.ports import RunsTx
from videovector_core.runs.tables import TableStore
from videovector_core.search.filters import Filter, check_against
from videovector_core.search.matching import matches
from videovector_core.search.model import Hit
from videovector_core.search.scoping import schemas_of
from videovector_core.search.service import Search, Where

READ: Final = 20_000
"""Media-level results that one search compares at the most."""
_BATCH: Final = 500


class LevelsTx(RunsTx, Protocol):
    """The slice of a transaction that reads media-level results."""

    @property
    def tables(self) -> TableStore:
        """The rows of runs in order."""
        ...


async def media_level(
    begin: Begin[LevelsTx], search: Search, caller: Caller, where: Where, wanted: Filter, most: int
) -> tuple[list[Hit], bool]:
    """Return the first `most` media-level results that meet conditions, newest runs first, and whether there are more."""

    def check(runs: Mapping[str, Run]) -> None:
        check_against(schemas_of(runs.values(), "video"), wanted)

    runs = await search.runs(caller, where, check)
    levels = [run for run in runs if run.prompt.video_level is not None]
    found: list[Hit] = []
    read = 0
    for run in levels:
        after: After | None = None
        while read < READ and len(found) <= most:
            async with begin() as tx:
                rows = await tx.tables.video_results(run.run_id, limit=_BATCH, after=after)
            read += len(rows)
            met = [row for row in rows if matches({**row.metadata, "metadata_text": row.metadata_text}, wanted)]
            found += await _inside(search, caller, run, met, where)
            if len(rows) < _BATCH:
                break
            after = (rows[-1].video_id,)
    return found[:most], len(found) > most or read >= READ


async def _inside(search: Search, caller: Caller, run: Run, rows: Sequence[VideoResult], where: Where) -> list[Hit]:
    ids = [row.result_id for row in rows if not where.video_ids or row.video_id in where.video_ids]
    hits = await search.hydrate(caller, {run.run_id: run}, ids)
    return [
        hit
        for hit in (hits[one] for one in ids if one in hits)
        if (not where.playground or hit.item.index_id is None)
        and (not where.indexes or hit.item.index_id in where.indexes)
    ]
