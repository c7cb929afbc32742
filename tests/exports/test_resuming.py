"""A builder that dies at any instant costs one part: the file is the same, byte for byte, and nothing half is seen."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from tests.http.api import Api, serving
from tests.http.world import Ids, populated
from videovector_adapters.memory.connectors import MemoryStorage
from videovector_adapters.memory.models import ToyDecoder
from videovector_adapters.memory.parts import MemoryBlobs
from videovector_core.access.model import Caller
from videovector_core.exports import walk
from videovector_core.exports.building import BUILD, CLEAN, EXPIRE, Builder
from videovector_core.exports.model import Export, ExportStatus, Format
from videovector_core.exports.rows import moment
from videovector_core.exports.service import Exports, Wanted
from videovector_core.work import Lease, WorkItem

PARTS_OF = 64
"""Bytes of a part: so few that every step of the walk is one."""


class Killed(BaseException):
    """The process died here."""


class Dying:
    """Transactions of a process that dies before, in or after number `at`."""

    def __init__(self, begin: Any, at: int, moment: str) -> None:
        self.begin, self.at, self.moment, self.count = begin, at, moment, 0

    @contextlib.asynccontextmanager
    async def __call__(self, **how: Any) -> Any:
        number, self.count = self.count, self.count + 1
        self._die("before", number)
        async with self.begin(**how) as tx:
            yield tx
            self._die("within", number)
        self._die("after", number)

    def _die(self, here: str, number: int) -> None:
        if number > self.at or (number == self.at and here == self.moment):
            raise Killed


@pytest.fixture
async def api(monkeypatch):
    monkeypatch.setattr(walk, "PAGE", 1)
    blobs = MemoryBlobs()
    async with serving(blobs=blobs, decoder=ToyDecoder(blobs), storage=MemoryStorage()) as one:
        for name in (BUILD, CLEAN, EXPIRE):
            one.vv.kinds.pop(name)  # type: ignore[attr-defined]  # these tests build by themselves
        yield one


def builder(api: Api, begin: Any) -> Builder:
    ports = api.vv.ports
    return Builder(begin, ports.clock, ports.blobs, api.vv.connectors, part_bytes=PARTS_OF)


async def claimed(api: Api) -> WorkItem:
    """Claim the one export that is asked for, as a worker does after the lease of a dead one."""
    clock: Any = api.vv.ports.clock
    clock.time.advance(60)
    async with api.vv.begin() as tx:
        for item in await tx.work.expired(10):
            await tx.work.retry(item, seconds=0, error="the worker was lost")
    async with api.vv.begin() as tx:
        return (await tx.work.claim({BUILD: 1}, seconds=30))[0]


async def alone(api: Api) -> Ids:
    """Make an account whose exports are all done."""
    ids = await populated(api)
    await build(api, api.vv.begin)
    return ids


async def asked(api: Api, run: str, wanted: Wanted) -> Export:
    exports = Exports(api.vv.begin, api.vv.ports.clock, api.vv.ports.ids)
    return await exports.of_run(Caller(api.user_id), run, wanted=wanted)


async def build(api: Api, begin: Any) -> None:
    item = await claimed(api)
    await builder(api, begin).build(item, Lease(item, begin, 0.0))


async def content(api: Api, export: Export) -> bytes:
    """Return the file of an export that has ended, without what makes each export another one."""
    async with api.vv.begin() as tx:
        done = await tx.exports.get(api.user_id, export.export_id)
        parts = await tx.exports.parts(export.export_id)
    assert done is not None
    assert done.status is ExportStatus.COMPLETED
    assert len(parts) >= 3
    assert [part.ordinal for part in parts] == list(range(len(parts)))
    if done.sha256 is None:
        storage: Any = api.vv.ports.storage
        key = (done.uri or "").removeprefix("s3://films/")
        data: bytes = storage.bucket("films").objects[key]
    else:
        blobs: Any = api.vv.ports.blobs
        data = blobs.kept[done.sha256]
    assert len(data) == done.file_size_bytes
    return data.replace(export.export_id.encode(), b"exp").replace((moment(done.started_at) or "").encode(), b"now")


@pytest.mark.parametrize("kind", [Format.JSON, Format.CSV])
async def test_dying_anywhere_changes_nothing(api, kind):
    """Whichever transaction the builder dies before, in or after, the next one ends the same file."""
    ids = await alone(api)
    whole = await asked(api, ids.run, Wanted(format=kind))
    steps = Dying(api.vv.ports.begin, 10_000, "before")
    await build(api, steps)
    expected = await content(api, whole)
    for at in range(0, steps.count, 1 if kind is Format.JSON else 4):
        for here in ("before", "within", "after"):
            export = await asked(api, ids.run, Wanted(format=kind))
            with contextlib.suppress(Killed):
                await build(api, Dying(api.vv.ports.begin, at, here))
            async with api.vv.begin() as tx:
                now = await tx.exports.get(api.user_id, export.export_id)
                pending = await tx.work.pending(BUILD, prefix=export.export_id)
            assert now is not None
            assert now.download_url is None or not pending, "shown before it was committed"
            if pending:
                await build(api, api.vv.begin)
            assert await content(api, export) == expected, (at, here)


async def test_dying_while_a_file_expires_leaves_no_bytes(api):
    """When whoever removes a file dies after the export was told, the next one removes the bytes all the same."""
    ids = await alone(api)
    export = await asked(api, ids.run, Wanted())
    await build(api, api.vv.begin)
    async with api.vv.begin() as tx:
        done = await tx.exports.get(api.user_id, export.export_id)
    assert done is not None
    blobs, clock = api.vv.ports.blobs, api.vv.ports.clock
    clock.time.advance(7 * 86_400 + 60)
    for begin, left in ((Dying(api.vv.ports.begin, 0, "after"), True), (api.vv.begin, False)):
        clock.time.advance(60)
        async with api.vv.begin() as tx:
            for late in await tx.work.expired(10):
                await tx.work.retry(late, seconds=0, error="the worker was lost")
        async with api.vv.begin() as tx:
            found = await tx.work.claim({EXPIRE: 10}, seconds=30)
        (item,) = [one for one in found if one.key == export.export_id]
        with contextlib.suppress(Killed):
            await builder(api, begin).expire(item, Lease(item, begin, 0.0))
        assert (done.sha256 in blobs.kept) is left


async def test_dying_while_delivering_leaves_one_whole_object(api):
    """A delivery that dies is done again under the same key, so that there is one object, and it is whole."""
    ids = await alone(api)
    place = {
        "name": "archive",
        "bucket": "films",
        "region": "eu-west-1",
        "aws_access_key_id": "key",
        "aws_secret_access_key": "secret",
        "scopes": ["export"],
    }
    connector = (await api.client.post("/connectors/s3", json=place)).json()["connector_id"]
    storage: Any = api.vv.ports.storage
    objects = storage.bucket("films").objects
    steps = Dying(api.vv.ports.begin, 10_000, "before")
    wanted = Wanted(connector)
    await asked(api, ids.run, wanted)
    await build(api, steps)
    for at in range(steps.count - 3, steps.count):
        for here in ("before", "within", "after"):
            objects.clear()
            export = await asked(api, ids.run, wanted)
            with contextlib.suppress(Killed):
                await build(api, Dying(api.vv.ports.begin, at, here))
            async with api.vv.begin() as tx:
                pending = await tx.work.pending(BUILD, prefix=export.export_id)
            if pending:
                await build(api, api.vv.begin)
            key = f"prompt_run-{ids.run}/{export.export_id}.json"
            assert set(objects) == {key, f"{key}.sha256"}
            await content(api, export)
