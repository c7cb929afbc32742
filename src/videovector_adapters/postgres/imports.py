"""Import jobs in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from attrs import define

from videovector_adapters.postgres.rows import Session, Shape, beyond, locking
from videovector_core.imports.model import ImportFile, ImportJob, JobStatus, Which
from videovector_core.page import After

JOBS: Final = Shape("import_jobs", ImportJob, ("job_id",), ("options",))
FILES: Final = Shape("import_files", ImportFile, ("file_id",))

_OPEN: Final = "status NOT IN ('completed', 'failed', 'cancelled')"
_WHICH: Final = {
    Which.ALL: "",
    Which.FAILED: "AND status = 'failed'",
    Which.SKIPPED: "AND status = 'skipped'",
    Which.MEDIA: "AND video_id IS NOT NULL",
}
_HEADS: Final = f"""
SELECT {FILES.of("f")} FROM unnest(%s::text[]) AS wanted (id), LATERAL (
    SELECT * FROM import_files WHERE job_id = wanted.id {{which}} ORDER BY ordinal LIMIT %s
) f ORDER BY f.job_id, f.ordinal
"""  # noqa: S608 - names of columns only
_TAKEN: Final = """
INSERT INTO imported_objects (index_id, object, user_id, video_id, imported_at) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING
"""


@define
class PgImports:
    """`ImportStore` in PostgreSQL."""

    db: Session

    async def add(self, job: ImportJob, files: Sequence[ImportFile]) -> bool:
        if not await self.db.add(JOBS, job):
            return False
        await self.add_files(files)
        return True

    async def get(self, user_id: str, job_id: str, *, lock: bool = False) -> ImportJob | None:
        mine = f"WHERE job_id = %s AND user_id = %s {locking(lock)}"
        return await self.db.one(JOBS, mine, [job_id, user_id])

    async def save(self, job: ImportJob) -> None:
        await self.db.replace(JOBS, job)

    async def all(
        self,
        user_id: str,
        *,
        status: JobStatus | None,
        index_id: str | None,
        limit: int,
        automation_only: bool = False,
        connectors_only: bool = False,
    ) -> list[ImportJob]:
        wanted: dict[str, Any] = {"user_id": user_id, "status": status, "target_index_id": index_id}
        wanted["automation"] = True if automation_only else None
        given = {name: value for name, value in wanted.items() if value is not None}
        where = " AND ".join(f"{name} = %s" for name in given)
        where += " AND connector_id IS NOT NULL" if connectors_only else ""
        rest = f"WHERE {where} ORDER BY created_at DESC, job_id DESC LIMIT %s"
        return await self.db.many(JOBS, rest, [*given.values(), limit])

    async def note(self, job_id: str, current_file: str) -> None:
        noted = f"UPDATE import_jobs SET current_file = %s WHERE job_id = %s AND {_OPEN}"  # noqa: S608 - fixed text
        await self.db.run(noted, [current_file, job_id])

    async def using(self, connector_id: str) -> list[str]:
        found = f"SELECT job_id FROM import_jobs WHERE connector_id = %s AND {_OPEN} ORDER BY job_id LIMIT 100"  # noqa: S608 - fixed text
        return [job_id for (job_id,) in await self.db.rows(found, [connector_id])]

    async def add_files(self, files: Sequence[ImportFile]) -> None:
        await self.db.add_many(FILES, files)

    async def known(self, file_ids: Sequence[str]) -> set[str]:
        found = "SELECT file_id FROM import_files WHERE file_id = ANY(%s)"
        return {file_id for (file_id,) in await self.db.rows(found, [list(file_ids)])}

    async def file(self, job_id: str, file_id: str) -> ImportFile | None:
        return await self.db.one(FILES, "WHERE file_id = %s AND job_id = %s", [file_id, job_id])

    async def save_file(self, file: ImportFile) -> None:
        await self.db.replace(FILES, file)

    async def drop_pending(self, job_id: str) -> int:
        dropped = "UPDATE import_files SET status = 'cancelled' WHERE job_id = %s AND status = 'pending'"
        return await self.db.run(dropped, [job_id])

    async def files(
        self, job_id: str, *, limit: int, after: After | None, which: Which = Which.ALL
    ) -> list[ImportFile]:
        on, place = beyond(after, "ordinal")
        rest = f"WHERE job_id = %s {_WHICH[which]} {on} ORDER BY ordinal LIMIT %s"
        return await self.db.many(FILES, rest, [job_id, *place, limit])

    async def heads(
        self, job_ids: Sequence[str], *, limit: int, which: Which = Which.ALL
    ) -> dict[str, list[ImportFile]]:
        found: dict[str, list[ImportFile]] = {}
        for file in await self.db.fetch(FILES, _HEADS.format(which=_WHICH[which]), [list(job_ids), limit]):
            found.setdefault(file.job_id, []).append(file)
        return found

    async def had(self, index_id: str, objects: Sequence[str]) -> set[str]:
        found = "SELECT object FROM imported_objects WHERE index_id = %s AND object = ANY(%s)"
        return {one for (one,) in await self.db.rows(found, [index_id, list(objects)])}

    async def take(self, index_id: str, object_: str, *, user_id: str, video_id: str, now: datetime) -> bool:
        return await self.db.run(_TAKEN, [index_id, object_, user_id, video_id, now]) == 1
