"""Mutated media, read one after the other in a process that is traced: `python -m tests.faults.mutating SEED FOLDER CANARY...`.

It takes one small file, changes it in `MUTATIONS` ways and gives each to the reader. What can be mutated are the shared
media files of up to `LARGEST` bytes and a few that are made here; names are taken from any of the formats. It prints
what was neither a result nor a known error in time.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from videovector_adapters.av import AvReader
from videovector_core.errors import VideoVectorError
from videovector_core.testing.media import film, picture, scripts, tone

MUTATIONS: Final = int(os.environ.get("FAULTS_MUTATIONS", "250"))
AT_ONCE: Final = os.cpu_count() or 1
"""Files that are read at the same time, each by a process of its own."""
LARGEST: Final = 200_000
SLOWEST: Final = 60.0
NAMES: Final = ("a.mp4", "a.mov", "a.mkv", "a.ts", "a.mp3", "a.m3u8", "a.jpg", "a")
MEDIA: Final = Path(__file__).parents[3] / "shared" / "media"
CODES: Final = frozenset(
    {
        "validation_unsupported_media_type",
        "validation_empty_file",
        "validation_media_limit",
        "request_too_large",
        "media_decode_error",
        "resource_limit",
        "worker_lost",
    }
)


async def main(seed: int, folder: Path, canaries: Sequence[str]) -> str | None:
    """Read `MUTATIONS` changed copies of one file; say what was neither a result nor a known error in time."""
    source = random.Random(seed)
    reader = AvReader(patience=SLOWEST, workers=AT_ONCE, threads=1 + seed % 2)  # a server decodes with two
    name, seeded = source.choice(corpus(canaries))
    changed = ((number, source.choice(NAMES), mutated(seeded, source)) for number in range(MUTATIONS))
    try:
        found = await asyncio.gather(*(_some(reader, changed, folder) for _ in range(AT_ONCE)))
        if wrong := next(filter(None, found), None):
            return f"{name}, {wrong}"
        whole = folder / "whole"
        whole.write_bytes(tone(0.5))
        for _ in range(AT_ONCE):
            if abs((await reader.probe(whole)).duration - 0.5) > 0.01:
                return f"{name}: a good file was misread afterwards"
    finally:
        await reader.close()
    return None


async def _some(reader: AvReader, changed: Iterator[tuple[int, str, bytes]], folder: Path) -> str | None:
    """Read one changed file after the other, as many as are left by those who read beside; stop at what is wrong."""
    for number, name, data in changed:
        into = folder / str(number)
        into.mkdir()
        (into / name).write_bytes(data)
        if wrong := await _read(reader, into / name, into):
            return f"mutation {number}: {wrong}"
        shutil.rmtree(into)
    return None


async def _read(reader: AvReader, path: Path, into: Path) -> str | None:
    began = time.monotonic()
    try:
        await reader.probe(path)
        await reader.read(path, into)
        await reader.thumbnail(path, 0.2)
    except VideoVectorError as error:
        if error.code not in CODES:
            return f"{error.code}: {error.message}"
    if time.monotonic() - began > SLOWEST:
        return f"took {time.monotonic() - began:.0f} s"
    return None


def corpus(canaries: Sequence[str]) -> list[tuple[str, bytes]]:
    """Return the files that are mutated; some of them ask for one of the canaries."""
    found = [("tone", tone(1)), ("film", film([30] * 8 + [200] * 8)), ("picture", picture(90, 60))]
    found += [one for canary in canaries for one in scripts(canary).items()]
    for path in sorted(MEDIA.glob("*")):
        if path.suffix != ".tsv" and 0 < path.stat().st_size <= LARGEST:
            found.append((path.name, path.read_bytes()))
    return found


def mutated(data: bytes, source: random.Random) -> bytes:
    """Change a file in one or a few of the ways that break parsers."""
    changed = bytearray(data)
    for _ in range(source.choice([1, 1, 2, 4])):
        _change(changed, source)
    return bytes(changed)


def _change(data: bytearray, source: random.Random) -> None:
    if not data:
        return
    at = source.randrange(len(data)) if source.random() < 0.5 else source.randrange(min(len(data), 600))
    kind = source.randrange(7)
    if kind == 0:
        del data[at:]
    elif kind == 1:
        del data[at : at + source.randrange(1, 400)]
    elif kind == 2:
        data[at:at] = source.randbytes(source.randrange(1, 400))
    elif kind == 3:
        data[at : at + 4] = source.choice([b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\1"])
    elif kind == 4:
        data[at:at] = data[max(0, at - 3000) : at]
    else:
        for _ in range(source.randrange(1, 60)):
            where = min(len(data) - 1, at + source.randrange(200))
            data[where] ^= 1 << source.randrange(8)


if __name__ == "__main__":
    sys.stdout.write(asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3:])) or "")
