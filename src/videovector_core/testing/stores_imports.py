"""The promises of what keeps connectors and import jobs; `stores_room` says how the suites are used."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from videovector_core.connectors.model import Connector, ConnectorStatus, Provider, Use
from videovector_core.imports.model import JobStatus, Which
from videovector_core.testing import stores_room as make
from videovector_core.testing.stores_room import Room


def connector(name: str = "conn_1", /, *, user_id: str = make.USER, second: float = 0, **more: Any) -> Connector:
    """Make a connector to a bucket that speaks S3."""
    about: dict[str, Any] = {"bucket": "films", "region": "us-east-1", "credentials": b"\x00sealed\xff", **more}
    scopes = (Use.IMPORT, Use.EXPORT)
    return Connector(name, user_id, "Films", Provider.S3, make.at(second), make.at(second), scopes, **about)


class ConnectorContract:
    """The promises of `ConnectorStore`, one test each."""

    async def test_a_connector_is_its_owners(self, room: Room) -> None:
        """A connector is returned as it was kept, to its tenant alone, and an id is taken once."""
        async with room.begin() as tx:
            assert await tx.connectors.add(connector())
            assert not await tx.connectors.add(connector(user_id=make.OTHER))
            assert await tx.connectors.get(make.USER, "conn_1") == connector()
            assert await tx.connectors.get(make.USER, "conn_1", lock=True) == connector()
            assert await tx.connectors.get(make.OTHER, "conn_1") is None

    async def test_connectors_come_newest_first(self, room: Room) -> None:
        """The list is the tenant's, newest first."""
        async with room.begin() as tx:
            for n in range(3):
                await tx.connectors.add(connector(f"conn_{n}", second=n))
            await tx.connectors.add(connector("conn_9", user_id=make.OTHER))
            assert [one.connector_id for one in await tx.connectors.all(make.USER)] == ["conn_2", "conn_1", "conn_0"]

    async def test_saving_replaces_and_removing_removes(self, room: Room) -> None:
        """A change is kept, a connector that is gone stays gone, and nobody removes another tenant's."""
        tested = connector(status=ConnectorStatus.FAILED, last_tested_at=make.at(3), last_test_error="no")
        async with room.begin() as tx:
            await tx.connectors.add(connector())
            await tx.connectors.save(tested)
            assert await tx.connectors.get(make.USER, "conn_1") == tested
            assert not await tx.connectors.remove(make.OTHER, "conn_1")
            assert await tx.connectors.remove(make.USER, "conn_1")
            assert not await tx.connectors.remove(make.USER, "conn_1")
            await tx.connectors.save(tested)
            assert await tx.connectors.get(make.USER, "conn_1") is None


class ImportWorkContract:
    """The promises of `ImportStore` that the work of jobs stands on, one test each."""

    async def test_a_job_counts_what_it_was_told(self, room: Room) -> None:
        """Counters, flags and moments come back as they were saved."""
        told = make.job(status=JobStatus.IMPORTING, scanned=False, automation=True, told_at=make.at(2))
        told = told.counted(total=5_000_000_000, imported=3, failed=1, skipped=2, size=7_000_000_000)
        async with room.begin() as tx:
            await tx.imports.add(make.job(), ())
            await tx.imports.save(told)
            assert await tx.imports.get(make.USER, "job_1", lock=True) == told
            await tx.imports.note("job_1", "in/a.mp4")
            assert await tx.imports.get(make.USER, "job_1") == evolve(told, current_file="in/a.mp4")
            await tx.imports.save(evolve(told, status=JobStatus.COMPLETED))
            await tx.imports.note("job_1", "in/b.mp4")
            assert await tx.imports.get(make.USER, "job_1") == evolve(told, status=JobStatus.COMPLETED)

    async def test_files_are_added_once_and_known(self, room: Room) -> None:
        """Files come back whole by id and by kind, and what is kept is told from what is not."""
        files = make.files(count=4)
        files[1] = evolve(files[1], status="skipped", skip_reason="empty_file")
        files[2] = evolve(files[2], video_id="vid_1", url=b"\x00\xff", source_id="theirs", version='"etag"')
        async with room.begin() as tx:
            await tx.imports.add(make.job(), ())
            await tx.imports.add_files(files[:3])
            await tx.imports.add_files(files)
            ids = [file.file_id for file in files]
            assert await tx.imports.known([*ids[:2], "file_x"]) == set(ids[:2])
            assert await tx.imports.file("job_1", ids[2]) == files[2]
            assert await tx.imports.file("job_2", ids[2]) is None
            for which, expected in ((Which.ALL, files), (Which.SKIPPED, files[1:2]), (Which.MEDIA, files[2:3])):
                assert await tx.imports.files("job_1", limit=9, after=None, which=which) == expected
            await tx.imports.save_file(evolve(files[2], status="completed"))
            assert await tx.imports.file("job_1", ids[2]) == evolve(files[2], status="completed")

    async def test_the_first_files_of_several_jobs_come_at_once(self, room: Room) -> None:
        """Each job's first files are found by kind and in order, and a job without any is left out."""
        first = make.files(count=4)
        second = [evolve(one, status="failed") for one in make.files("job_2", count=2)]
        async with room.begin() as tx:
            for name in ("job_1", "job_2", "job_3"):
                await tx.imports.add(make.job(name), ())
            await tx.imports.add_files([*second, *first[::-1]])
            found = await tx.imports.heads(["job_1", "job_2", "job_3"], limit=3)
            assert found == {"job_1": first[:3], "job_2": second}
            found = await tx.imports.heads(["job_1", "job_2"], limit=1, which=Which.FAILED)
            assert found == {"job_2": second[:1]}
            assert await tx.imports.heads([], limit=3) == {}

    async def test_what_is_pending_is_dropped(self, room: Room) -> None:
        """Files that came to no end are cancelled, and those of other jobs are not touched."""
        async with room.begin() as tx:
            await tx.imports.add(make.job(), [evolve(one, status="completed") for one in make.files(count=1)])
            await tx.imports.add_files(make.files(count=3)[1:])
            await tx.imports.add_files(make.files("job_2", count=1))
            assert await tx.imports.drop_pending("job_1") == 2
            found = await tx.imports.files("job_1", limit=9, after=None)
            assert [file.status for file in found] == ["completed", "cancelled", "cancelled"]
            assert await tx.imports.drop_pending("job_2") == 1

    async def test_open_jobs_of_a_connector_are_named(self, room: Room) -> None:
        """Jobs that have not ended use their connector; the list can be of automations or of connectors alone."""
        async with room.begin() as tx:
            for n, status in enumerate((JobStatus.PENDING, JobStatus.IMPORTING, JobStatus.COMPLETED)):
                one = make.job(f"job_{n}", second=n, status=status, connector_id="conn_1", automation=n > 0)
                await tx.imports.add(one, ())
            await tx.imports.add(make.job("job_9", connector_id="conn_2"), ())
            assert await tx.imports.using("conn_1") == ["job_0", "job_1"]
            found = await tx.imports.all(make.USER, status=None, index_id=None, limit=9, automation_only=True)
            assert [job.job_id for job in found] == ["job_2", "job_1"]
            await tx.imports.add(make.job("job_8", connector_id=None), ())
            found = await tx.imports.all(make.USER, status=None, index_id=None, limit=9, connectors_only=True)
            assert {job.job_id for job in found} == {"job_0", "job_1", "job_2", "job_9"}

    async def test_a_version_is_taken_once_by_an_index(self, room: Room) -> None:
        """An index takes each version of an object once; other indexes take it for themselves."""
        async with room.begin() as tx:
            given: dict[str, Any] = {"user_id": make.USER, "video_id": "vid_1", "now": make.at(0)}
            assert await tx.imports.take("idx_1", "a", **given)
            assert not await tx.imports.take("idx_1", "a", **given)
            assert await tx.imports.take("idx_2", "a", **given)
            assert await tx.imports.had("idx_1", ["a", "b"]) == {"a"}
