"""Every storage keeps the promises of `Bucket`, the one in memory first; the others are real servers."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests import emulators
from tests.emulators import Emulator
from videovector_adapters.egress_addresses import networks
from videovector_adapters.memory.connectors import MemoryBucket
from videovector_adapters.storage import gcs, s3
from videovector_adapters.storage.connectors import Storages
from videovector_adapters.storage.doors import Doors
from videovector_core.connectors.keys import ObjectKey
from videovector_core.connectors.model import Connector, Provider
from videovector_core.connectors.ports import Bucket
from videovector_core.errors import Invalid, ProcessingFailed, VideoVectorError
from videovector_core.testing.storage import BucketContract, content, listed, stream

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def connector(provider: str, **place: Any) -> Connector:
    """Make a connector to a place."""
    return Connector("conn_1", "user_1", "c", Provider(provider), NOW, NOW, **place)


def storages(one: Emulator | None = None, **more: Any) -> Storages:
    """Open storages as the operator of an emulator would."""
    return Storages(Doors(allow=networks(emulators.LOOPBACK), **(one.doors if one else {}), **more))


class TestMemory(BucketContract):
    """Objects in a dictionary."""

    @pytest.fixture
    def bucket(self) -> MemoryBucket:
        return MemoryBucket()


class TestLocal(BucketContract):
    """A directory of this machine."""

    @pytest.fixture
    async def bucket(self, tmp_path: Path) -> AsyncIterator[Bucket]:
        async with storages(local_roots=(tmp_path,)).open(connector("local", root=str(tmp_path)), {}) as one:
            yield one

    async def test_links_are_not_followed(self, bucket: Bucket, tmp_path: Path):
        """Neither a link to a file nor one to a directory leads out, for reading or for writing."""
        outside = tmp_path.parent / f"{tmp_path.name}-outside"
        outside.mkdir()
        (outside / "secret.mp4").write_bytes(b"secret")
        (tmp_path / "link.mp4").symlink_to(outside / "secret.mp4")
        (tmp_path / "folder").symlink_to(outside)
        assert await listed(bucket) == []
        for key in ("link.mp4", "folder/secret.mp4"):
            with pytest.raises(ProcessingFailed):
                await bucket.stat(key)
        with pytest.raises(ProcessingFailed):
            await bucket.put(ObjectKey("folder/new.mp4"), stream(b"x"))
        assert sorted(one.name for one in outside.iterdir()) == ["secret.mp4"]

    async def test_names_that_are_no_text_are_left_out(self, bucket: Bucket, tmp_path: Path):
        """What cannot be told is left out with all below it, and fails no list; spaces of other kinds are as good."""
        latin, spaced = os.fsdecode(b"caf\xe9"), "at 3.00\u202fPM.mov"
        (tmp_path / latin).mkdir()
        for name in (f"{latin}/a.mp4", f"{latin}.mp4", "line\nbreak.mp4", spaced):
            (tmp_path / name).write_bytes(b"x")
        assert await listed(bucket) == [spaced]
        assert await content(bucket, spaced) == b"x"

    async def test_folders_that_may_not_be_read_are_left_out(
        self, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ):
        """A folder below the prefix that may not be read is passed over with all in it; the prefix's own is an error."""
        for name in ("a.mp4", "lost+found/b.mp4", "open/c.mp4", "open/lost+found/d.mp4"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(b"x")
        real = os.open

        def guarded(path: Any, *args: Any, **more: Any) -> int:
            if path == "lost+found":  # whoever runs this may be root, for whom no mode shuts a folder
                raise PermissionError(errno.EACCES, "Permission denied", path)
            return real(path, *args, **more)

        monkeypatch.setattr(os, "open", guarded)
        assert await listed(bucket) == ["a.mp4", "open/c.mp4"]
        for prefix in ("lost+found/", "open/lost+found/d"):
            with pytest.raises(ProcessingFailed) as raised:
                await listed(bucket, prefix)
            assert raised.value.code == "permission_denied"

    async def test_only_open_directories(self, bucket: Bucket, tmp_path: Path):
        """A root that the operator did not open is refused, also when a link or dots lead there."""
        (tmp_path / "way").symlink_to("/etc")
        for root in ("/etc", f"{tmp_path}/../..", f"{tmp_path}/way", "relative", ""):
            with pytest.raises(Invalid):
                storages(local_roots=(tmp_path,)).check(connector("local", root=root), {})


@pytest.fixture(scope="module", params=["s3", "strict_s3", "gcs", "azure"])
def emulator(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """An emulator that all tests of this module share."""
    with getattr(emulators, request.param)(tmp_path_factory.mktemp(request.param) / "home") as one:
        yield one


@pytest.mark.real
class TestEmulated(BucketContract):
    """A server that stands in for a provider; each test starts with an empty bucket."""

    @pytest.fixture
    async def bucket(self, emulator: Emulator) -> AsyncIterator[Bucket]:
        async with storages(emulator).open(connector(emulator.provider, **emulator.place), emulator.credentials) as one:
            for key in await listed(one):
                await one.delete(ObjectKey(key))
            yield one

    async def test_a_missing_bucket_is_said(self, emulator: Emulator, bucket: Bucket):
        """A bucket that is not there has a code of its own, which is final."""
        name = "container" if emulator.provider == "azure" else "bucket"
        place = {**emulator.place, name: "nowhere"}
        async with storages(emulator).open(connector(emulator.provider, **place), emulator.credentials) as other:
            with pytest.raises(ProcessingFailed) as raised:
                await listed(other)
        assert (raised.value.code, raised.value.transient) == ("bucket_missing", False)

    @pytest.mark.parametrize("emulator", ["strict_s3", "gcs", "azure"], indirect=True)
    async def test_wrong_credentials_are_said(self, emulator: Emulator, bucket: Bucket):
        """Where the server looks at credentials, wrong ones have a code of their own, and no message holds a secret."""
        with pytest.raises(ProcessingFailed) as raised:
            async with storages(emulator).open(connector(emulator.provider, **emulator.place), emulator.wrong) as other:
                await listed(other)
        assert (raised.value.code, raised.value.transient) == ("credentials_refused", False)
        for secret in emulator.wrong.values():
            assert secret == "tests" or str(secret) not in raised.value.message


@pytest.mark.real
@pytest.mark.parametrize("emulator", ["strict_s3"], indirect=True)
async def test_the_machines_own_credentials_are_never_used(emulator: Emulator, monkeypatch: pytest.MonkeyPatch):
    """With good keys in the environment, a connector with none or with wrong ones gets nothing."""
    for name, value in emulator.credentials.items():
        monkeypatch.setenv(name.upper(), value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator.url)
    for credentials in ({}, {"aws_access_key_id": "", "aws_secret_access_key": ""}, emulator.wrong):
        with pytest.raises(VideoVectorError):
            async with storages(emulator).open(connector("s3", **emulator.place), credentials) as bucket:
                await listed(bucket)


@pytest.mark.parametrize(
    "told",
    [
        "2026-01-02T03:04:05.000Z",
        "2026-01-02T03:04:05+00:00",
        "2026-01-02T03:04:05",
        "Fri, 02 Jan 2026 03:04:05 GMT",
        1767323045,
    ],
)
def test_a_moment_is_read_however_it_is_written(told: str | int):
    """Servers that speak S3 write moments in several ways, and all of them are the same one."""
    assert s3._moment(told) == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError("Forbidden: b/films/o\nno access to the bucket"), "permission_denied"),
        (ValueError("Bad Request: b/F_/o\nThe bucket's name is invalid."), "storage_refused"),
        (OSError("connection reset"), "storage_error"),
    ],
)
def test_what_google_refuses_is_told_from_an_outage(error: Exception, code: str):
    """A refusal by Google's storage is final and says what was refused, however its client raises it."""
    with pytest.raises(ProcessingFailed) as raised, gcs.translated():
        raise error
    assert (raised.value.code, raised.value.transient) == (code, code == "storage_error")
