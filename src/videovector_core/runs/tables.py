"""The rows of finished runs as whole tables: how often they changed, and which file holds them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from attrs import frozen

from videovector_core.page import After
from videovector_core.ports import Blob
from videovector_core.runs.model import Run, SegmentResult, VideoResult
from videovector_core.work import NewWork

WRITE: Final = "tables.write"


@frozen
class TableState:
    """Where the rows of a run stand. `index_ids` are the indexes of its media at the start, `None` for the playground."""

    version: str
    index_ids: tuple[str | None, ...] = ()


def tables_work(run: Run) -> NewWork:
    """Ask for the files of a run's results."""
    return NewWork(WRITE, run.user_id, run.run_id, {"run_id": run.run_id})


class TableStore(Protocol):
    """Reads the rows of runs in order, and remembers the file that holds one version of them.

    Rows are successful results of media that are not hidden.
    """

    async def states(self, run_ids: Sequence[str]) -> dict[str, TableState]:
        """Return where runs stand; the version is another one after a repair, a new media-level result and `changed`."""
        ...

    async def counts(self, run_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
        """Count the rows of runs: of segments, and of whole media."""
        ...

    async def results(self, run_id: str, *, limit: int, after: After | None = None) -> list[SegmentResult]:
        """Return rows of segments; the key is (video_id, ordinal)."""
        ...

    async def video_results(self, run_id: str, *, limit: int, after: After | None = None) -> list[VideoResult]:
        """Return rows of whole media; the key is (video_id,)."""
        ...

    async def changed(self, run_ids: Sequence[str]) -> list[str]:
        """Give runs a new version and forget their files; return the SHA-256 of those that no run stands on now."""
        ...

    async def file(self, run_id: str, level: str, version: str) -> Blob | None:
        """Return the file of exactly this version."""
        ...

    async def keep(self, run_id: str, level: str, version: str, blob: Blob) -> list[str]:
        """Remember a file in place of an older one, unless its version was overtaken meanwhile.

        Returns the SHA-256 of what no run stands on now: the older file, or the new one that came too late.
        """
        ...

    async def forget(self, run_id: str, level: str) -> None:
        """Forget a file, because its bytes are lost."""
        ...

    async def refers(self, sha256: str) -> bool:
        """Say whether any run stands on the file."""
        ...


async def is_written(tables: TableStore, run: Run) -> bool:
    """Say whether files hold the results of a run as they are."""
    version = (await tables.states([run.run_id]))[run.run_id].version
    levels = ["segment", "video"] if run.prompt.video_level else ["segment"]
    return all([await tables.file(run.run_id, level, version) for level in levels])


class TablesTx(Protocol):
    """The slice of a transaction that these tables touch."""

    @property
    def tables(self) -> TableStore:
        """The rows as tables."""
        ...
