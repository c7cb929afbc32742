"""Building the file of an export, and putting it where it belongs, as durable work.

export.build    the walk is written in parts; each part, and the place behind it, is kept as soon as it is whole.
                A worker that dies costs one part. At the end the parts become one file, here or at a connector
export.clean    removes the parts of an export that has ended
export.expire   removes the file of a download after its time
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any, Final

from attrs import evolve, frozen

from videovector_core.connectors.keys import ObjectKey, joined
from videovector_core.connectors.model import Connector, Use
from videovector_core.connectors.service import find_connector
from videovector_core.errors import NotFound, ProcessingFailed, Unavailable, VideoVectorError
from videovector_core.events.model import NewEvent
from videovector_core.exports.model import MEDIA_TYPES, Export, ExportType, Format, Part
from videovector_core.exports.ports import Columnar, ExportsTx, Places
from videovector_core.exports.walk import Ended, Walker
from videovector_core.exports.writing import WRITERS
from videovector_core.ports import Begin, Blob, Blobs, Clock
from videovector_core.work import Lease, NewWork, WorkItem

BUILD: Final = "export.build"
CLEAN: Final = "export.clean"
EXPIRE: Final = "export.expire"

ATTEMPTS: Final = 8
"""Times that removing is tried at growing distances; then it begins anew."""
_AGAIN_SECONDS: Final = 300.0

PART_BYTES: Final = 8 * 1024 * 1024
"""A part is kept when it has grown to this; what a worker holds in memory is some times as much."""
SILENCE_SECONDS: Final = 300.0
"""How long one step, such as a storage taking a piece, may take before its worker loses the export."""


def build(export: Export) -> NewWork:
    """Return the work of building an export."""
    return NewWork(BUILD, export.user_id, export.export_id, max_attempts=export.max_attempts)


def clean(export: Export) -> NewWork:
    """Return the work of removing the parts of an export."""
    return NewWork(CLEAN, export.user_id, export.export_id, max_attempts=ATTEMPTS)


@frozen
class Builder:
    """The handlers of the work that is described above."""

    begin: Begin[ExportsTx]
    clock: Clock
    blobs: Blobs
    places: Places
    columnar: Columnar | None = None
    keep: timedelta = timedelta(days=7)
    part_bytes: int = PART_BYTES

    async def build(self, item: WorkItem, lease: Lease[ExportsTx]) -> None:
        """Write what is missing of an export and put the file into its place."""
        lease.progress(SILENCE_SECONDS)
        export = await self._taken(item, lease)
        if export is None:
            return
        try:
            export = await self._written(export, lease)
            await self._placed(export, lease)
        except VideoVectorError as error:
            await self._note(export, error, lease)
            raise

    async def lost(self, tx: ExportsTx, item: WorkItem, error: VideoVectorError) -> None:
        """End an export that was given up."""
        export = await tx.exports.get(item.user_id, item.key)
        if export is None or export.over:
            return
        tried_out = item.last_attempt
        failed = export.failed(error.message, self.clock.now(), tried_out=tried_out)
        await tx.exports.save(failed)
        await tx.work.add([clean(export)])
        await tx.events.append(export.user_id, [await _told(tx, "export.failed", failed, error=error.message)])

    async def again(self, tx: ExportsTx, item: WorkItem, _: VideoVectorError) -> None:
        """Come back to removing that was given up."""
        await tx.work.add([NewWork(item.kind, item.user_id, item.key, item.payload, _AGAIN_SECONDS, ATTEMPTS)])

    async def clean(self, item: WorkItem, lease: Lease[ExportsTx]) -> None:
        """Remove the parts of an export that has ended."""
        async with self.begin() as tx:
            parts = await tx.exports.parts(item.key)
        for part in parts:
            lease.progress()
            await self.blobs.delete(part.sha256)
        async with lease.commit() as tx:
            await tx.exports.drop_parts(item.key)

    async def expire(self, item: WorkItem, lease: Lease[ExportsTx]) -> None:
        """Remove the file of a download whose time is over."""
        async with lease.step() as tx:
            export = await tx.exports.get(item.user_id, item.key)
            # an attempt that died here took it from the export already
            sha256 = item.payload.get("sha256") or (export.sha256 if export is not None else None)
            if export is not None:
                await tx.exports.save(export.expired(self.clock.now()))
            held = sha256 is None or await tx.exports.refers(sha256)
        if sha256 is not None and not held:
            await self.blobs.delete(sha256)
        async with lease.commit():
            pass

    async def _taken(self, item: WorkItem, lease: Lease[ExportsTx]) -> Export | None:
        """Say that an export is being built, and fix its runs with the first attempt."""
        async with lease.step() as tx:
            export = await tx.exports.get(item.user_id, item.key)
            if export is None or export.over:
                return None
            if not export.place.begun:
                export = evolve(export, run_ids=await _runs(tx, export))
            export = export.begun(item.attempt, self.clock.now())
            await tx.exports.save(export)
        return export

    async def _written(self, export: Export, lease: Lease[ExportsTx]) -> Export:
        """Write on from the last part that was kept."""
        held, write = bytearray(), WRITERS[export.format]
        async for step in Walker(self.begin).walk(export, export.place):
            held += write(export, step)
            lease.progress(SILENCE_SECONDS)
            if len(held) >= self.part_bytes or isinstance(step.event, Ended):
                export = await self._kept(evolve(export, place=step.after), bytes(held), lease)
                held.clear()
        return export

    async def _kept(self, export: Export, data: bytes, lease: Lease[ExportsTx]) -> Export:
        part = Part(export.export_id, export.parts, "", len(data))

        async def stamped() -> AsyncIterator[bytes]:
            yield part.stamp
            yield data

        blob = await self.blobs.put(stamped())
        export = evolve(export, parts=export.parts + 1, updated_at=self.clock.now())
        async with lease.step() as tx:
            await tx.exports.add_part(evolve(part, sha256=blob.sha256))
            await tx.exports.save(export)
        return export

    async def _placed(self, export: Export, lease: Lease[ExportsTx]) -> None:
        """Make one file of the parts, here or at the connector, and say that it is ready."""
        async with self.begin() as tx:
            parts = await tx.exports.parts(export.export_id)
        file = _File(self.blobs, parts, lease)
        if export.destination_connector_id is None:
            blob = await self._blob(export, file)
            uri = f"gs://videovector/exports/{export.name}"
            done = export.completed(self.clock.now(), uri=uri, size=blob.size, sha256=blob.sha256)
        else:
            done = await self._delivered(export, file)
        async with lease.commit() as tx:
            await tx.exports.save(done)
            await tx.work.add([clean(done)])
            if done.sha256 is not None:
                await tx.work.add([self._expiry(done)])
            await tx.events.append(done.user_id, [await _told(tx, "export.ready", done)])

    async def _blob(self, export: Export, file: _File) -> Blob:
        if export.format is not Format.PARQUET:
            return await self.blobs.put(file.chunks())
        if self.columnar is None:
            raise Unavailable("This server cannot write Parquet; export as json.", code="export_format_unavailable")
        return await self.columnar.write(file.lines())

    async def _delivered(self, export: Export, file: _File) -> Export:
        """Put the file behind the connector; nobody sees half of it, and a second time writes the same."""
        async with self.begin() as tx:
            connector = await find_connector(tx, export.user_id, export.destination_connector_id or "")
        connector.require(Use.EXPORT)
        key = key_of(export, connector)
        chunks, blob = file.chunks(), None
        if export.format is Format.PARQUET:
            blob = await self._blob(export, file)
            chunks = file.watched(self.blobs.read(blob.sha256))
        digest = hashlib.sha256()
        try:
            async with self.places.open(connector) as bucket:
                size = await bucket.put(key, _digested(chunks, digest), content_type=MEDIA_TYPES[export.format])
                sum_line = f"{digest.hexdigest()}  {export.name}\n".encode()
                await bucket.put(ObjectKey(f"{key}.sha256"), _once(sum_line), content_type="text/plain")
        finally:
            if blob is not None:
                await self._dropped(blob.sha256)
        return export.completed(self.clock.now(), uri=connector.uri(str(key)), size=size, sha256=None)

    async def _dropped(self, sha256: str) -> None:
        """Remove a file that nobody downloads; those without rows are the same bytes for every export."""
        async with self.begin() as tx:
            held = await tx.exports.refers(sha256)
        if not held:
            await self.blobs.delete(sha256)

    async def _note(self, export: Export, error: VideoVectorError, lease: Lease[ExportsTx]) -> None:
        """Keep why an attempt failed; what happens next is up to the engine."""
        async with self.begin() as tx:
            known = await tx.exports.get(export.user_id, export.export_id)
            if known is not None and not known.over and await tx.work.renew(lease.item, seconds=lease.seconds):
                await tx.exports.save(evolve(known, last_error=error.message, updated_at=self.clock.now()))

    def _expiry(self, export: Export) -> NewWork:
        delay, about = self.keep.total_seconds(), {"sha256": export.sha256}
        return NewWork(EXPIRE, export.user_id, export.export_id, about, delay, max_attempts=ATTEMPTS)


@frozen
class _File:
    """The parts of a file as one stream; each piece is a sign of life."""

    blobs: Blobs
    parts: Sequence[Part]
    lease: Lease[Any]

    async def chunks(self) -> AsyncIterator[bytes]:
        for part in self.parts:
            async for chunk in self.watched(self.blobs.read(part.sha256, start=len(part.stamp))):
                yield chunk

    async def watched(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for chunk in chunks:
            self.lease.progress(SILENCE_SECONDS)
            yield chunk

    async def lines(self) -> AsyncIterator[dict[str, Any]]:
        rest = b""
        async for chunk in self.chunks():
            *whole, rest = (rest + chunk).split(b"\n")
            for line in whole:
                yield json.loads(line)


async def _digested(chunks: AsyncIterator[bytes], digest: Any) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        digest.update(chunk)
        yield chunk


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


def key_of(export: Export, connector: Connector) -> ObjectKey:
    """Return the key of a delivered file: below the base path that was in force when it was asked for, and now.

    Raises:
        Invalid: it would lie outside.
        ProcessingFailed: the base path of the connector was changed since.
    """
    if (connector.export_base_path or None) != (export.destination_base_path or None):
        raise ProcessingFailed(
            "The base path of the connector was changed since the export was asked for; ask again.",
            code="export_destination_changed",
        )
    return joined(connector.export_base_path, export.destination_subpath, export.folder, export.name)


async def _runs(tx: ExportsTx, export: Export) -> tuple[str, ...]:
    """Name the runs of an export, oldest first."""
    if export.export_type is ExportType.PROMPT_RUN:
        if await tx.runs.get(export.user_id, export.target_id) is None:
            raise NotFound.of("run", export.target_id)
        return (export.target_id,)
    if await tx.indexes.get(export.user_id, export.target_id) is None:
        raise NotFound.of("index", export.target_id)
    found = await tx.runs.searchable(export.user_id, run_ids=export.chosen_runs, index_ids=[export.target_id])
    return tuple(run.run_id for run in sorted(found, key=lambda run: (run.executed_at, run.run_id)))


async def _told(tx: ExportsTx, kind: str, export: Export, **more: Any) -> NewEvent:
    is_run = export.export_type is ExportType.PROMPT_RUN
    run = await tx.runs.get(export.user_id, export.target_id) if is_run else None
    about = {
        "export_id": export.export_id,
        "export_type": export.export_type.value,
        "target_id": export.target_id,
        "status": export.status.value,
        "destination_type": export.destination_type,
        **more,
    }
    index_id = (run.index_id if run else None) if is_run else export.target_id
    return NewEvent(kind, about, run.run_id if run else None, index_id=index_id)
