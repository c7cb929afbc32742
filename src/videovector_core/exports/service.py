"""The use cases of exports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import frozen

from videovector_core.access.model import Caller, Scope
from videovector_core.connectors.keys import checked, joined
from videovector_core.connectors.model import Use
from videovector_core.connectors.service import find_connector
from videovector_core.errors import Conflict, Gone, Invalid, NotFound
from videovector_core.exports.building import build
from videovector_core.exports.model import Export, ExportStatus, ExportType, Format, ResultScope
from videovector_core.exports.ports import ExportsTx
from videovector_core.indexes.service import find_index
from videovector_core.ports import Begin, Clock, Ids


@frozen
class Wanted:
    """How an export is to be written, and where to; without a connector it is kept here for downloading."""

    connector_id: str | None = None
    subpath: str | None = None
    format: Format = Format.JSON
    scope: ResultScope = ResultScope.ALL
    automated: bool = False


@frozen
class Exports:
    """Ask for exports and look after them."""

    begin: Begin[ExportsTx]
    clock: Clock
    ids: Ids
    parquet: bool = True
    """Whether this server can write Parquet."""

    async def of_index(
        self, caller: Caller, index_id: str, *, run_ids: Sequence[str] | None = None, wanted: Wanted = Wanted()
    ) -> Export:
        """Ask for the finished runs of an index, or for those that are named.

        Raises:
            Invalid: a run is unknown, or has no media in the index.
            Conflict: a run that was named has not ended well.
        """
        caller.require(Scope.WRITE)
        chosen = tuple(dict.fromkeys(run_ids)) if run_ids is not None else None
        async with self.begin() as tx:
            await find_index(tx, caller, index_id)
            if chosen is not None:
                await _check_runs(tx, caller, index_id, chosen)
            return await self._made(tx, caller, ExportType.INDEX, index_id, wanted, chosen_runs=chosen)

    async def of_run(self, caller: Caller, run_id: str, *, wanted: Wanted = Wanted()) -> Export:
        """Ask for one run that has ended.

        Raises:
            Conflict: it has not ended.
        """
        caller.require(Scope.WRITE)
        async with self.begin() as tx:
            run = await tx.runs.get(caller.user_id, run_id)
            if run is None:
                raise NotFound.of("run", run_id)
            if not run.terminal:
                raise Conflict("The run has not ended; wait for it, then export.", code="conflict_run_active")
            return await self._made(tx, caller, ExportType.PROMPT_RUN, run_id, wanted)

    async def all(self, caller: Caller, *, limit: int = 50) -> list[Export]:
        """List the caller's exports, newest first."""
        caller.require(Scope.READ)
        async with self.begin() as tx:
            return await tx.exports.page(caller.user_id, limit=limit)

    async def get(self, caller: Caller, export_id: str) -> Export:
        """Return an export of the caller."""
        caller.require(Scope.READ)
        async with self.begin() as tx:
            found = await tx.exports.get(caller.user_id, export_id)
        if found is None:
            raise NotFound.of("export", export_id)
        return found

    async def file(self, caller: Caller, export_id: str) -> Export:
        """Return an export whose file lies here.

        Raises:
            Conflict: it is not finished, or went to a connector.
            Gone: its time is over.
        """
        export = await self.get(caller, export_id)
        if export.destination_connector_id is not None:
            raise Conflict(
                "This export went to a connector; fetch the file there, under destination_uri.",
                code="conflict_export_delivered",
            )
        if export.status is not ExportStatus.COMPLETED:
            raise Conflict(
                f"This export is {export.status.value}; wait until it is completed.", code="conflict_export_not_ready"
            )
        if export.sha256 is None:
            raise Gone("The file of this export was kept for its time; export again.", code="resource_export_expired")
        return export

    async def _made(
        self, tx: ExportsTx, caller: Caller, kind: ExportType, target_id: str, wanted: Wanted, **more: Any
    ) -> Export:
        if wanted.format is Format.PARQUET and not self.parquet:
            raise Invalid(  # asking again would not help
                "This server cannot write Parquet; export as json, or ask its operator to install videovector-core[sql].",
                code="export_format_unavailable",
            )
        now = self.clock.now()
        export = Export(
            self.ids.new("export"),
            caller.user_id,
            kind,
            target_id,
            now,
            wanted.format,
            wanted.scope,
            automated=wanted.automated,
            available_at=now,
            updated_at=now,
            **more,
            **await _destination(tx, caller, wanted),
        )
        joined(export.destination_base_path, export.destination_subpath, export.folder, export.name)
        await tx.exports.add(export)
        await tx.work.add([build(export)])
        return export


async def _destination(tx: ExportsTx, caller: Caller, wanted: Wanted) -> dict[str, Any]:
    subpath = checked((wanted.subpath or "").removesuffix("/")) or None
    if wanted.connector_id is None:
        if subpath is not None:
            raise Invalid(
                "destination_subpath goes with destination_connector_id; give both or neither.",
                code="validation_export_destination",
            )
        return {}
    connector = await find_connector(tx, caller.user_id, wanted.connector_id)
    connector.require(Use.EXPORT)
    return {
        "destination_connector_id": connector.connector_id,
        "destination_base_path": connector.export_base_path,
        "destination_subpath": subpath,
    }


async def _check_runs(tx: ExportsTx, caller: Caller, index_id: str, run_ids: Sequence[str]) -> None:
    if not run_ids:
        raise Invalid("prompt_run_ids names one run or more; leave it out for all.", code="validation_prompt_run_ids")
    found = {run.run_id for run in await tx.runs.searchable(caller.user_id, run_ids=run_ids, index_ids=[index_id])}
    for run_id in run_ids:
        if run_id in found:
            continue
        run = await tx.runs.get(caller.user_id, run_id)
        if run is not None and not run.searchable:
            raise Conflict(
                f"The run {run_id!r} is {run.status.value}; an index export holds completed runs only.",
                code="conflict_run_not_searchable",
            )
        raise Invalid(
            f"You have no run {run_id[:80]!r} with media in this index; list the runs of the index.",
            code="validation_prompt_run_ids",
        )


async def in_use(tx: ExportsTx, _: str, connector_id: str) -> list[str]:
    """Name exports that still need a connector."""
    return [f"export {export_id}" for export_id in await tx.exports.using(connector_id)]
