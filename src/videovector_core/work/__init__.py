"""Durable work: items that are claimed under a lease, fenced, retried and never lost.

A work item is one row for each `(kind, key)`; finished rows are removed, because the facts are in what they made.

    queued --claim--> leased --finish--> (removed, or queued again when it was asked for meanwhile)
                        |----retry----> queued, due later
                        |----fail-----> failed
                        `----expiry---> queued, or failed when its attempts are used up

Claiming raises `attempt` and takes a new `fence`, a number that no claim had before. Whoever commits a result does it
under compare-and-set on the fence (`Lease.commit`), so a worker that was thought dead cannot write. Attempts are
counted at the claim, so an item that kills its worker stops as well.
"""

from __future__ import annotations

from videovector_core.work.engine import Engine, Pace
from videovector_core.work.lease import Kind, Lease, LeaseLost, as_failure
from videovector_core.work.model import DOORBELL, WORKER_LOST, NewWork, WorkItem, WorkState, WorkStore, WorkTx

__all__ = [
    "DOORBELL",
    "WORKER_LOST",
    "Engine",
    "Kind",
    "Lease",
    "LeaseLost",
    "NewWork",
    "Pace",
    "WorkItem",
    "WorkState",
    "WorkStore",
    "WorkTx",
    "as_failure",
]
