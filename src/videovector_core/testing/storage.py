"""The promises of `Bucket`. Inherit the suite and give it a fixture `bucket`: an empty one, open for the test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

import pytest

from videovector_core.connectors.keys import ObjectKey
from videovector_core.connectors.ports import Bucket
from videovector_core.errors import ProcessingFailed

KEYS: Final = ("in/a.mp4", "in/deep/b c.mp4", "in/ü+#?&=%25.mp4", "other.mp4")
LARGE: Final = 17 * 1024 * 1024
"""Bytes that no adapter sends at once."""


async def stream(*chunks: bytes) -> AsyncIterator[bytes]:
    """Return chunks one after the other."""
    for chunk in chunks:
        yield chunk


async def listed(bucket: Bucket, prefix: str = "", *, recursive: bool = True) -> list[str]:
    """Return the keys that a bucket lists, in order."""
    return sorted([one.key async for page in bucket.pages(prefix, recursive=recursive) for one in page])


async def content(bucket: Bucket, key: str) -> bytes:
    """Return an object whole."""
    return b"".join([chunk async for chunk in bucket.read(await bucket.stat(key))])


class BucketContract:
    """The promises of `Bucket`, one test each."""

    async def test_what_is_written_is_read(self, bucket: Bucket) -> None:
        """An object of any name comes back byte by byte, and lists and `stat` tell the same of it."""
        for key in KEYS:
            assert await bucket.put(ObjectKey(key), stream(key.encode(), b"", b"tail")) == len(key.encode()) + 4
        told = {one.key: one async for page in bucket.pages() for one in page}
        assert set(told) == set(KEYS)
        for key in KEYS:
            assert await content(bucket, key) == key.encode() + b"tail"
            found = await bucket.stat(key)
            assert (found.size, found.version) == (told[key].size, told[key].version)

    async def test_lists_keep_to_their_prefix(self, bucket: Bucket) -> None:
        """A prefix may end within a name; without recursion, what lies behind a further slash is left out."""
        for key in KEYS:
            await bucket.put(ObjectKey(key), stream(b"x"))
        assert await listed(bucket, "in/") == sorted(KEYS[:3])
        assert await listed(bucket, "in/", recursive=False) == sorted([KEYS[0], KEYS[2]])
        assert await listed(bucket, "in/de") == [KEYS[1]]
        assert await listed(bucket, "ot") == ["other.mp4"]
        assert await listed(bucket, "none/") == []

    async def test_a_large_object_is_whole(self, bucket: Bucket) -> None:
        """An object of many parts is one object."""
        block = bytes(range(256)) * 4096
        count = LARGE // len(block)
        assert await bucket.put(ObjectKey("large.bin"), stream(*[block] * count, b"end")) == count * len(block) + 3
        assert await content(bucket, "large.bin") == block * count + b"end"

    async def test_half_an_object_is_never_seen(self, bucket: Bucket) -> None:
        """A write that breaks off leaves what was there before, or nothing."""

        async def broken() -> AsyncIterator[bytes]:
            yield b"x" * LARGE
            raise RuntimeError("the writer died")

        await bucket.put(ObjectKey("old.bin"), stream(b"before"))
        for key in ("new.bin", "old.bin"):
            with pytest.raises(RuntimeError, match="the writer died"):
                await bucket.put(ObjectKey(key), broken())
        assert await listed(bucket) == ["old.bin"]
        assert await content(bucket, "old.bin") == b"before"

    async def test_another_version_is_not_read_for_the_first(self, bucket: Bucket) -> None:
        """What was found is read as it was found, or not at all."""
        await bucket.put(ObjectKey("a.bin"), stream(b"one"))
        found = await bucket.stat("a.bin")
        await bucket.put(ObjectKey("a.bin"), stream(b"two"))
        with pytest.raises(ProcessingFailed) as raised:
            assert b"".join([chunk async for chunk in bucket.read(found)]) == b"one"
        assert (raised.value.code, raised.value.transient) == ("object_changed", True)

    async def test_what_is_missing_is_said(self, bucket: Bucket) -> None:
        """An object that is not there has a code of its own, and removing it is no error."""
        await bucket.put(ObjectKey("a.bin"), stream(b"one"))
        await bucket.delete(ObjectKey("a.bin"))
        await bucket.delete(ObjectKey("a.bin"))
        with pytest.raises(ProcessingFailed) as raised:
            await bucket.stat("a.bin")
        assert raised.value.code == "object_missing"
        assert await listed(bucket) == []
