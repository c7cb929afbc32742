"""The use cases of bringing media in from elsewhere: from a connector, from one URI, from a list of URLs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import quote, unquote, urlsplit

from attrs import evolve, frozen

from videovector_core.access.model import Caller, Scope
from videovector_core.connectors.keys import checked
from videovector_core.connectors.model import SCHEMES, Connector, ImportMode, Provider, Use
from videovector_core.connectors.patterns import Pattern
from videovector_core.connectors.service import find_connector
from videovector_core.errors import Invalid, Malformed, NotFound
from videovector_core.imports.importing import ImportingTx, close, event_of, file_work, scan_work
from videovector_core.imports.model import ImportFile, ImportJob, JobStatus, reopened
from videovector_core.imports.ports import Fetcher
from videovector_core.imports.sources import about
from videovector_core.indexes.service import find_own_index
from videovector_core.media.model import title_of
from videovector_core.ports import Begin, Clock, Ids, Sealer

_URI: Final = re.compile(r"(?P<scheme>gs|s3|az)://(?P<place>[A-Za-z0-9$._-]{1,222})/(?P<key>[^\x00-\x1f\x7f]{1,1024})")
_PUBLIC: Final = {
    "gs": "https://storage.googleapis.com/{place}/{key}",
    "s3": "https://s3.amazonaws.com/{place}/{key}",
}
"""Where objects that anybody may read are fetched from; nobody's credentials are used for them."""


@frozen
class Attachment:
    """A file to fetch by URL, under the name that its sender gives it."""

    url: str
    source_id: str
    file_name: str | None = None


@frozen
class ImportJobs:
    """Start import jobs, cancel them, and try attachments again."""

    begin: Begin[ImportingTx]
    clock: Clock
    ids: Ids
    sealer: Sealer
    fetcher: Fetcher

    async def start(
        self,
        caller: Caller,
        *,
        connector_id: str,
        index_id: str,
        source_prefix: str = "",
        file_pattern: str = "*",
        recursive: bool = True,
        mode: ImportMode | None = None,
        automation: bool = False,
    ) -> ImportJob:
        """Start bringing in what lies behind a connector; `mode` stands instead of the connector's own.

        Raises:
            NotFound: there is no such connector or index.
            Invalid: the connector is not for imports, or prefix or pattern climb.
        """
        caller.require(Scope.WRITE)
        Pattern(file_pattern, source_prefix)
        async with self.begin() as tx:
            connector = await find_connector(tx, caller.user_id, connector_id, lock=True)
            connector.require(Use.IMPORT)
            await find_own_index(tx, caller, index_id)
            job = evolve(
                self._job(caller, "connector", index_id, {"import_mode": (mode or connector.import_mode).value}),
                connector_id=connector_id,
                source_prefix=source_prefix,
                file_pattern=file_pattern,
                recursive=recursive,
                scanned=False,
                automation=automation,
            )
            await tx.imports.add(job, ())
            await tx.work.add([scan_work(job)])
        return job

    async def register(
        self, caller: Caller, *, uri: str, title: str, index_id: str, connector_id: str | None = None
    ) -> tuple[ImportJob, ImportFile]:
        """Start bringing in one object by `gs://`, `s3://` or `az://`, or one file by `https://`.

        Without a connector, the caller's own one to the same bucket is taken; without any, the object is read as
        anybody could read it. This server's own credentials are never used.

        Raises:
            Invalid: the URI is refused as it stands, or is not in the connector's bucket.
        """
        caller.require(Scope.WRITE)
        if not 1 <= len(title.strip()) <= 255:
            raise Invalid("A title has 1 to 255 characters; give another one.", code="validation_title")
        async with self.begin() as tx:
            await find_own_index(tx, caller, index_id)
            job = self._job(caller, "uri", index_id, {})
            if uri.partition("://")[0].lower() in {"http", "https"}:
                self.fetcher.check(uri)
                file = self._to_fetch(job, 0, Attachment(uri, ""), title)
            else:
                file, connector = await self._object(tx, caller, job, uri, title, connector_id)
                job = evolve(job, connector_id=connector.connector_id if connector is not None else None)
            await self._add(tx, job, [file])
        return job, file

    async def attach(
        self, caller: Caller, files: Sequence[Attachment], *, index_id: str | None = None, title: str | None = None
    ) -> ImportJob:
        """Start fetching files by URL; without an index they go to the playground.

        Raises:
            Invalid: a URL is refused as it stands, or two files have the same id.
        """
        caller.require(Scope.WRITE)
        if len({file.source_id for file in files}) < len(files):
            raise Invalid("Two files have the same file_id; give each its own.", code="validation_attachment_id")
        for file in files:
            self.fetcher.check(file.url)
        async with self.begin() as tx:
            if index_id is not None:
                await find_own_index(tx, caller, index_id)
            job = self._job(caller, "attachments", index_id, {})
            titles = [
                title if len(files) == 1 or title is None else f"{title[:240]} ({n + 1})" for n in range(len(files))
            ]
            rows = [self._to_fetch(job, n, file, titles[n]) for n, file in enumerate(files)]
            await self._add(tx, job, rows)
        return job

    async def cancel(self, caller: Caller, job_id: str) -> ImportJob:
        """Stop a job; what was imported stays.

        Raises:
            Conflict: it has ended.
        """
        caller.require(Scope.WRITE)
        async with self.begin() as tx:
            job = await self._locked(tx, caller, job_id)
            cancelled = job.ended(JobStatus.CANCELLED, self.clock.now())
            await close(tx, job)
            await tx.imports.save(cancelled)
        return cancelled

    async def retry(self, caller: Caller, job_id: str, files: Sequence[Attachment] = ()) -> ImportJob:
        """Fetch again what failed of an attachment job; `files` bring fresh URLs for some of it.

        Raises:
            Malformed: it is another kind of job.
            Invalid: a URL is refused as it stands, or is for no file of the job.
        """
        caller.require(Scope.WRITE)
        async with self.begin() as tx:
            job = await self._locked(tx, caller, job_id)
            if job.source_kind != "attachments":
                raise Malformed(
                    "A retry requires an attachment job; start this import anew.", code="import_retry_unsupported"
                )
            known = {file.shown_id: file for file in await tx.imports.files(job_id, limit=10_000, after=None)}
            fresh = {file.source_id: file for file in files}
            if unknown := sorted(set(fresh) - set(known)):
                raise Invalid(
                    f"The job has no file {unknown[0][:80]!r}; use the ids that its files page shows.",
                    code="validation_attachment_id",
                )
            again = [self._again(known[one], fresh.get(one)) for one in known if known[one].status != "completed"]
            for file in again:
                await tx.imports.save_file(file)
            failed = sum(known[file.shown_id].status == "failed" for file in again)
            if again:
                job = reopened(job).counted(failed=-failed)
                await tx.imports.save(job)
                await tx.work.add([file_work(file) for file in again])
        return job

    async def using(self, tx: Any, user_id: str, connector_id: str) -> list[str]:
        """Name the jobs that use a connector."""
        del user_id
        return [f"import job {job_id}" for job_id in await tx.imports.using(connector_id)]

    def _job(self, caller: Caller, kind: str, index_id: str | None, options: dict[str, Any]) -> ImportJob:
        now = self.clock.now()
        made = self.ids.new("import_job")
        return ImportJob(made, caller.user_id, JobStatus.PENDING, kind, now, target_index_id=index_id, options=options)

    async def _add(self, tx: ImportingTx, job: ImportJob, files: Sequence[ImportFile]) -> None:
        begun = evolve(job, status=JobStatus.IMPORTING, started_at=job.created_at).counted(total=len(files))
        await tx.imports.add(begun, files)
        await tx.work.add([file_work(file) for file in files])
        await tx.events.append(job.user_id, [event_of(begun, "started")])

    async def _locked(self, tx: ImportingTx, caller: Caller, job_id: str) -> ImportJob:
        job = await tx.imports.get(caller.user_id, job_id, lock=True)
        if job is None:
            raise NotFound.of("import_job", job_id)
        return job

    def _to_fetch(self, job: ImportJob, ordinal: int, given: Attachment, title: str | None) -> ImportFile:
        path = unquote(urlsplit(given.url).path).rstrip("/").rsplit("/", 1)[-1]
        name = re.sub(r"[\x00-\x1f\x7f/\\]", "_", given.file_name or path or given.source_id)[-255:] or "file"
        file = ImportFile(
            self.ids.new("file"),
            job.job_id,
            job.user_id,
            ordinal,
            name,
            video_id=self.ids.new("video"),
            title=title or title_of(name),
            source_id=given.source_id or None,
        )
        return evolve(file, url=self.sealer.seal(given.url.encode(), about=about(file)))

    def _again(self, file: ImportFile, fresh: Attachment | None) -> ImportFile:
        again = evolve(file, status="pending", error=None, error_code=None)
        if fresh is None:
            return again
        self.fetcher.check(fresh.url)
        return evolve(again, url=self.sealer.seal(fresh.url.encode(), about=about(file)))

    async def _object(
        self, tx: ImportingTx, caller: Caller, job: ImportJob, uri: str, title: str, connector_id: str | None
    ) -> tuple[ImportFile, Connector | None]:
        """Return the file of an object, and the connector that leads to it, if one does."""
        match = _URI.fullmatch(uri)
        if match is None:
            raise Invalid(
                "Give a URI such as gs://bucket/key, s3://bucket/key, az://container/key or https://host/path.",
                code="validation_video_uri_not_allowed",
            )
        key = checked(match["key"])
        connector = await self._leading(tx, caller, match["scheme"], match["place"], connector_id)
        if connector is None and match["scheme"] not in _PUBLIC:
            raise Invalid(
                "No connector of yours leads there; make one for this container.", code="validation_uri_connector"
            )
        if connector is None:
            url = _PUBLIC[match["scheme"]].format(place=match["place"], key=quote(key, safe="/"))
            self.fetcher.check(url)
            return self._to_fetch(job, 0, Attachment(url, ""), title), None
        name, video_id = self.ids.new("file"), self.ids.new("video")
        return ImportFile(name, job.job_id, job.user_id, 0, key, video_id=video_id, title=title), connector

    async def _leading(
        self, tx: ImportingTx, caller: Caller, scheme: str, place: str, connector_id: str | None
    ) -> Connector | None:
        if connector_id is not None:
            connector = await find_connector(tx, caller.user_id, connector_id, lock=True)
            connector.require(Use.IMPORT)
            if SCHEMES[connector.provider] != scheme or connector.place != place:
                raise Invalid(
                    "The URI is not in the bucket of source_connector_id; name another connector.",
                    code="validation_uri_connector",
                )
            return connector
        for one in await tx.connectors.all(caller.user_id):
            if one.provider is not Provider.LOCAL and one.uri().startswith(f"{scheme}://{place}/") and one.usable:
                return one
        return None
