"""The work of import jobs: one item lists what there is, and one item for each file brings it in.

    import.scan  job           lists the place page by page; each page's files are kept with their work
    import.file  job/file      reads one file, finds out what it is, and keeps it as media

Both can be killed at any instant. Listing again adds nothing that is known, and a file is counted in the transaction that
keeps its media, under the lock of its job: every file comes to one end, and the counters are those of the files.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Final, Protocol

from attrs import evolve, frozen

from videovector_core.access.model import Caller, Scope
from videovector_core.connectors.model import Connector, ImportMode, StoredObject, Use
from videovector_core.connectors.patterns import MEDIA, Pattern
from videovector_core.connectors.ports import ConnectorsTx
from videovector_core.errors import Invalid, NotFound, ProcessingFailed, TooLarge, VideoVectorError
from videovector_core.events.model import NewEvent
from videovector_core.imports.model import ImportFile, ImportJob, JobStatus, advance
from videovector_core.imports.ports import ImportsTx
from videovector_core.imports.sources import Content, Origins
from videovector_core.indexes.service import find_own_index
from videovector_core.media.model import MediaItem, title_of
from videovector_core.media.service import Media, MediaUseTx
from videovector_core.ports import Begin, Clock, Ids
from videovector_core.work import Lease, NewWork, WorkItem, WorkTx

SCAN: Final = "import.scan"
FILE: Final = "import.file"
ATTEMPTS: Final = 3
SCAN_ATTEMPTS: Final = 8
READ_PROMISE: Final = 120.0
TOLD_SECONDS: Final = timedelta(seconds=10)
FATAL: Final = frozenset(
    {"credentials_refused", "bucket_missing", "connector_missing", "index_missing"}
    | {"conflict_connector_disabled", "validation_connector_scope"}
)
"""Failures of a file that no other file of the job would escape."""


class ImportingTx(ImportsTx, ConnectorsTx, MediaUseTx, WorkTx, Protocol):
    """The slice of a transaction that the work of import jobs touches."""


class _Ended(Exception):
    """The job has ended meanwhile, by its owner's will."""


def file_work(file: ImportFile) -> NewWork:
    """Return the work of bringing one file in, from where it is to be fetched by now."""
    payload = {"job_id": file.job_id, "file_id": file.file_id, "url": file.mark}
    return NewWork(FILE, file.user_id, f"{file.job_id}/{file.file_id}", payload, max_attempts=ATTEMPTS)


def scan_work(job: ImportJob) -> NewWork:
    """Return the work of listing what a job is to bring in."""
    return NewWork(SCAN, job.user_id, job.job_id, {"job_id": job.job_id}, max_attempts=SCAN_ATTEMPTS)


@frozen
class Importing:
    """Handles the work of import jobs."""

    begin: Begin[ImportingTx]
    clock: Clock
    ids: Ids
    media: Media
    sources: Origins

    async def scan(self, work: WorkItem, lease: Lease[ImportingTx]) -> None:
        """List the place of a job and ask for every file that is to come in."""
        async with lease.step() as tx:
            job = await self._locked(tx, work)
            if job is None:
                return
            connector = await self._connector(tx, job)
            if job.status is JobStatus.PENDING:
                job = evolve(job, status=advance(job.status, JobStatus.SCANNING), started_at=self.clock.now())
                await tx.imports.save(job)
                await tx.events.append(job.user_id, [event_of(job, "started")])
        wanted = Pattern(job.file_pattern, job.source_prefix)
        try:
            async with self.sources.shelf.bucket(job.job_id, connector) as bucket:
                async for page in bucket.pages(job.source_prefix, recursive=job.recursive):
                    lease.progress(READ_PROMISE)
                    found = [one for one in page if wanted.matches(one.key)]
                    if found:
                        await self._list(lease, job, connector, wanted, found)
        except _Ended:
            return
        async with lease.commit() as tx:
            locked = await self._locked(tx, work)
            if locked is not None:
                locked = evolve(locked, scanned=True, status=advance(locked.status, JobStatus.IMPORTING))
                await self._save(tx, locked)

    async def _list(
        self,
        lease: Lease[ImportingTx],
        job: ImportJob,
        connector: Connector,
        wanted: Pattern,
        found: Sequence[StoredObject],
    ) -> None:
        objects = {file_id_of(job.job_id, one.key): one for one in found}
        versions = {file_id: object_of(connector, one.key, one.version) for file_id, one in objects.items()}
        async with lease.step() as tx:
            locked = await tx.imports.get(job.user_id, job.job_id, lock=True)
            if locked is None or locked.terminal:
                raise _Ended
            known = await tx.imports.known(list(objects))
            had: set[str] = set()
            if mode_of(job) is ImportMode.NEW_ONLY and job.target_index_id is not None:
                had = await tx.imports.had(job.target_index_id, list(versions.values()))
            files: list[ImportFile] = []
            for file_id, one in objects.items():
                if file_id not in known:
                    reason = self._skipped(one, wanted, already=versions[file_id] in had)
                    ordinal = locked.total_files + len(files)
                    files.append(self._file(locked, file_id, one, ordinal=ordinal, skip_reason=reason))
            await tx.imports.add_files(files)
            await tx.work.add([file_work(file) for file in files if file.status == "pending"])
            skipped = sum(file.status == "skipped" for file in files)
            await tx.imports.save(locked.counted(total=len(files), skipped=skipped))

    def _skipped(self, found: StoredObject, wanted: Pattern, *, already: bool) -> str | None:
        if found.key.endswith("/") or found.name.startswith("."):
            return "hidden_or_marker"
        if found.extension not in MEDIA and not wanted.names_type(found.key):
            return "unsupported_type"
        if found.size == 0:
            return "empty_file"
        if found.size > self.sources.max_bytes:
            return "too_large"
        return "already_imported" if already else None

    def _file(
        self, job: ImportJob, file_id: str, found: StoredObject, *, ordinal: int, skip_reason: str | None
    ) -> ImportFile:
        return ImportFile(
            file_id,
            job.job_id,
            job.user_id,
            ordinal,
            found.key,
            "skipped" if skip_reason else "pending",
            video_id=None if skip_reason else self.ids.new("video"),
            title=title_of(found.name),
            size=found.size,
            skip_reason=skip_reason,
            version=found.version,
        )

    async def file(self, work: WorkItem, lease: Lease[ImportingTx]) -> None:
        """Bring one file in."""
        async with self.begin() as tx:
            job = await tx.imports.get(work.user_id, work.payload["job_id"])
            file = await tx.imports.file(work.payload["job_id"], work.payload["file_id"])
            if job is None or file is None or job.terminal or file.status != "pending":
                return
            connector = await self._connector(tx, job) if job.connector_id else None
            await self._wanted(tx, job)
            await tx.imports.note(job.job_id, file.file_name)
        async with self.sources.open(file, connector) as content:
            item = await self._taken(job, content, lease, connector)
        try:
            kept = await self._keep(lease, content.file, item, connector)
        except ProcessingFailed:
            await self.media.discard(item.sha256)
            raise
        if not kept:
            await self.media.discard(item.sha256)

    async def _wanted(self, tx: ImportingTx, job: ImportJob, *, lock: bool = False) -> None:
        """Refuse to bring in what would have no place; asked before anything is read, and again when it is kept."""
        if job.target_index_id is not None:
            try:
                await find_own_index(tx, _owner(job), job.target_index_id, lock=lock)
            except NotFound as error:
                raise ProcessingFailed("The index is gone; import into another one.", code="index_missing") from error

    async def _taken(
        self, job: ImportJob, content: Content, lease: Lease[ImportingTx], connector: Connector | None
    ) -> MediaItem:
        file = content.file

        async def alive() -> AsyncIterator[bytes]:
            async for chunk in content.chunks:
                lease.progress(READ_PROMISE)
                yield chunk

        try:
            item = await self.media.take_in(
                _owner(job),
                alive(),
                file_name=file.file_name.rsplit("/", 1)[-1],
                title=file.title or None,
                source_uri=connector.uri(file.file_name) if connector is not None else None,
            )
        except (Invalid, TooLarge) as error:
            raise ProcessingFailed(error.message, code="probe_failed") from error
        return evolve(item, video_id=file.video_id or item.video_id, index_id=job.target_index_id)

    async def _keep(
        self, lease: Lease[ImportingTx], file: ImportFile, item: MediaItem, connector: Connector | None
    ) -> bool:
        """Keep the media with everything that tells of it; false when it is not wanted any more."""
        async with lease.commit() as tx:
            job = await tx.imports.get(file.user_id, file.job_id, lock=True)
            if job is None or job.terminal:
                return False
            await self._wanted(tx, job, lock=True)
            if not await self._new(tx, job, file, item, connector):
                skipped = evolve(file, status="skipped", skip_reason="already_imported", video_id=None)
                await tx.imports.save_file(skipped)
                await self._save(tx, job.counted(skipped=1))
                return False
            done = evolve(
                file, status="completed", title=item.title, duration=item.duration, size=item.size, error=None
            )
            await tx.imports.save_file(evolve(done, error_code=None))
            await self.media.keep(tx, item)
            await self._save(tx, job.counted(imported=1, size=item.size))
        return True

    async def _new(
        self, tx: ImportingTx, job: ImportJob, file: ImportFile, item: MediaItem, connector: Connector | None
    ) -> bool:
        """Note which version the index has now; a job that wants only new ones gives way to whoever was first."""
        if connector is None or job.target_index_id is None or file.version is None:
            return True
        one = object_of(connector, file.file_name, file.version)
        now = self.clock.now()
        first = await tx.imports.take(job.target_index_id, one, user_id=job.user_id, video_id=item.video_id, now=now)
        return first or mode_of(job) is ImportMode.ALL

    async def file_lost(self, tx: ImportingTx, work: WorkItem, error: VideoVectorError) -> None:
        """Note why a file could not be brought in; what no other file would escape ends the job."""
        job = await self._locked(tx, work)
        file = await tx.imports.file(work.payload["job_id"], work.payload["file_id"])
        if job is None or file is None or file.status != "pending":
            return
        if work.payload.get("url", file.mark) != file.mark:
            return  # a fresh URL came meanwhile, and its work is waiting
        await tx.imports.save_file(evolve(file, status="failed", error_code=error.code, error=error.message))
        job = job.counted(failed=1)
        if error.code in FATAL:
            await self._fail(tx, job, error)
        else:
            await self._save(tx, job)

    async def scan_lost(self, tx: ImportingTx, work: WorkItem, error: VideoVectorError) -> None:
        """End a job whose place cannot be listed."""
        job = await self._locked(tx, work)
        if job is not None:
            await self._fail(tx, job, error)

    async def _fail(self, tx: ImportingTx, job: ImportJob, error: VideoVectorError) -> None:
        await close(tx, job)
        failed = job.ended(JobStatus.FAILED, self.clock.now(), error.message)
        await tx.imports.save(failed)
        await tx.events.append(job.user_id, [event_of(failed, "failed")])

    async def _locked(self, tx: ImportingTx, work: WorkItem) -> ImportJob | None:
        """Return the job, locked, while it has not ended."""
        job = await tx.imports.get(work.user_id, work.payload["job_id"], lock=True)
        return None if job is None or job.terminal else job

    async def _connector(self, tx: ImportingTx, job: ImportJob) -> Connector:
        """Return the connector of a job, as it is now: its owner may have taken it away from imports meanwhile."""
        found = await tx.connectors.get(job.user_id, job.connector_id or "")
        if found is None:
            raise ProcessingFailed("The connector is gone; import through another one.", code="connector_missing")
        found.require(Use.IMPORT)
        return found

    async def _save(self, tx: ImportingTx, job: ImportJob) -> None:
        """Keep a job's counters, end it when nothing is left, and tell of it: at its end, and now and then before."""
        now = self.clock.now()
        settled = job.settled(now)
        event: str | None = None
        if settled.terminal:
            event = _last_event(settled)
        elif settled.told_at is None or now - settled.told_at >= TOLD_SECONDS:
            event, settled = "progress", evolve(settled, told_at=now)
        await tx.imports.save(settled)
        if event is not None:
            await tx.events.append(job.user_id, [event_of(settled, event)])


async def close(tx: ImportingTx, job: ImportJob) -> None:
    """Drop what a job has not begun; what is in hand is thrown away when it comes to be kept."""
    await tx.imports.drop_pending(job.job_id)
    await tx.work.drop(SCAN, prefix=job.job_id)
    await tx.work.drop(FILE, prefix=f"{job.job_id}/")


def file_id_of(job_id: str, key: str) -> str:
    """Name a file by its job and its key, so that listing it twice finds it again."""
    return f"file_{hashlib.sha256(f'{job_id}/{key}'.encode()).hexdigest()[:32]}"


def object_of(connector: Connector, key: str, version: str) -> str:
    """Name one version of one object, whichever connector leads to it."""
    told = f"{connector.origin}\0{key}\0{version}"
    return hashlib.sha256(told.encode()).hexdigest()


def mode_of(job: ImportJob) -> ImportMode:
    """Return the mode that a job was started with."""
    return ImportMode(job.options.get("import_mode", ImportMode.ALL))


def _owner(job: ImportJob) -> Caller:
    return Caller(job.user_id, frozenset({Scope.WRITE}))


def _last_event(job: ImportJob) -> str:
    if job.status is JobStatus.FAILED:
        return "failed"
    return "partial_completed" if job.failed else "completed"


def event_of(job: ImportJob, what: str) -> NewEvent:
    """Return the event that something came of a job."""
    about = {
        "job_id": job.job_id,
        "index_id": job.target_index_id,
        "connector_id": job.connector_id,
        "status": job.status.value,
        "progress": progress(job),
    }
    return NewEvent(f"import_job.{what}", about, index_id=job.target_index_id)


def progress(job: ImportJob) -> dict[str, int]:
    """Return the counters of a job."""
    return {
        "total_files": job.total_files,
        "imported": job.imported,
        "failed": job.failed,
        "skipped": job.skipped,
        "bytes_transferred": job.bytes_transferred,
    }
