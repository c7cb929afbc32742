"""What filters look at, for results that were made before filters did."""

from __future__ import annotations

from typing import Final, Protocol

from attrs import frozen

from videovector_core.runs.ports import RunsTx
from videovector_core.search.ports import FiltersTx
from videovector_core.work import Lease, WorkItem, WorkTx

FILL: Final = "filters.fill"
PAGE: Final = 200


class FillingTx(FiltersTx, RunsTx, WorkTx, Protocol):
    """The slice of a transaction that filling touches."""


@frozen
class Filling:
    """Handler of the work item that the migration leaves behind."""

    async def fill(self, _: WorkItem, lease: Lease[FillingTx]) -> None:
        """Write page after page; where it was interrupted there is less left to do."""
        after = ("", "")
        while True:
            async with lease.step() as tx:
                lacking = await tx.filters.lacking(after=after, limit=PAGE)
                for user_id in {one.user_id for one in lacking}:
                    mine = [(one.run_id, one.segment_id) for one in lacking if one.user_id == user_id]
                    await tx.filters.add(await tx.results.many(user_id, mine))
            if len(lacking) < PAGE:
                return
            after = (lacking[-1].run_id, lacking[-1].segment_id)
            lease.progress()
