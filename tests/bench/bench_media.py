"""What one pass over a video costs next to plainly decoding it, how well it finds cuts, and how much memory it takes.

Costs are CPU seconds of this process, the runs of all ways in turn, the least of `BENCH_RUNS` (5) counting.
"""

from __future__ import annotations

import asyncio
import csv
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Final
from unittest import mock

import av

from tests.bench.rows import Row
from tests.faults.processes import below
from tests.media.counted import film
from videovector_adapters.av import AvReader, door, onepass, pictures
from videovector_adapters.av.limits import MediaLimits
from videovector_adapters.av.series import COLUMNS, load
from videovector_core.segments import cuts

MEDIA: Final = Path(__file__).parents[3] / "shared" / "media"
RUNS: Final = int(os.environ.get("BENCH_RUNS", "5"))
LOOPED: Final = {
    "480p H.264": "cuts__big-buck-bunny-480p-30s__video.mp4",
    "720p H.264": "negative__auto-editor__example.mp4",
    "720p VP8": "cuts__moviepy__big_buck_bunny_0_30.webm",
    "1080p HEVC": "robust__mediabunny__video-h265.mp4",
}
SECONDS: Final = 60
THREADS: Final = 2
LIMITS: Final = MediaLimits()


def bench() -> Iterator[Row]:
    """Measure cost, cut accuracy and memory."""
    if not MEDIA.is_dir():
        return
    with tempfile.TemporaryDirectory() as folder:
        for name, file in LOOPED.items():
            yield from _costs(name, looped(MEDIA / file, Path(folder) / f"{name}.mkv", SECONDS))
        yield from _memory(Path(folder))
    for kind in ("cuts", "negative"):
        yield from _accuracy(kind)


def _costs(name: str, path: Path) -> Iterator[Row]:
    ways: dict[str, Callable[[Path], object]] = {
        "decode": decode,
        "cuts + audio": lambda p: one_pass(p, stills=False),
        "everything": lambda p: one_pass(p, stills=True),
    }
    if detector():
        ways["PySceneDetect"] = pyscenedetect
    least = dict.fromkeys(ways, float("inf"))
    for _ in range(RUNS):
        for way, work in ways.items():
            began = time.process_time()
            work(path)
            least[way] = min(least[way], time.process_time() - began)
    bars = {"cuts + audio": "<= 1.25 from 720p on", "everything": "<= 1.5 from 720p on"}
    for way, seconds in least.items():
        if way != "decode":
            yield Row(f"{name}: {way}", seconds / least["decode"], "x plain decode", bars.get(way, "video only"))


def _memory(folder: Path) -> Iterator[Row]:
    """Read a file of three minutes and one of three hours, each in a process of its own, and compare their peaks."""
    minute = film(folder / "minute.mp4", [number / 25 for number in range(1500)], container="mp4", sound=True)
    peaks = [_peak(looped(minute, folder / f"{seconds}.mkv", seconds), folder) for seconds in (180, 3 * 3600)]
    note = f"{peaks[1] / peaks[0]:.3f} of what 3 minutes take ({peaks[0] / 1024:.0f} MB); at most 1.1 is promised"
    yield Row("peak memory of the process that reads 3 hours", peaks[1] / 1024, "MB", note)


def _peak(path: Path, folder: Path) -> int:
    """Return the peak resident set in KiB of a new process that reads one file."""

    async def read() -> int:
        reader = AvReader(patience=1800)
        into = folder / f"{path.stem}.signals"
        into.mkdir()
        try:
            await reader.read(path, into)
            status = Path(f"/proc/{below(os.getpid(), 'children')}/status").read_text()  # noqa: ASYNC240 - nobody else waits
        finally:
            await reader.close()
        return int(re.findall(r"VmHWM:\s+(\d+)", status)[0])

    return asyncio.run(read())


def looped(source: Path, target: Path, seconds: float) -> Path:
    """Repeat a file's packets, as they are, until it lasts `seconds`."""
    with av.open(str(target), "w", format="matroska") as out:
        streams: dict[int, Any] = {}
        shift = Fraction(0)
        while shift < seconds:
            with av.open(str(source)) as file:
                chosen = [stream for kind in (file.streams.video, file.streams.audio) for stream in kind[:1]]
                for stream in chosen:
                    if stream.index not in streams:
                        streams[stream.index] = out.add_stream_from_template(stream)
                for packet in file.demux(*chosen):
                    if packet.dts is None or packet.pts is None or packet.time_base is None:
                        continue
                    packet.pts += round(shift / packet.time_base)
                    packet.dts += round(shift / packet.time_base)
                    packet.stream = streams[packet.stream.index]
                    out.mux(packet)
                shift += Fraction(file.duration or 0, 1_000_000) + Fraction(1, 10)
    return target


def decode(path: Path) -> None:
    """Decode pictures and sound of a file with the same decoder, and do nothing with them."""
    with door.source(path, LIMITS) as file, door.container(file, LIMITS) as opened:
        chosen = door.choose(file, opened, LIMITS)
        for stream in chosen.streams:
            door.ready(stream, LIMITS, THREADS)  # type: ignore[arg-type]  # only pictures and sound are chosen
        for packet in opened.demux(*chosen.streams):
            packet.decode()


def one_pass(path: Path, *, stills: bool) -> list[cuts.Cut]:
    """Run the real pass and the cut detection."""
    keep = pictures.Pictures._keep if stills else _nothing
    with tempfile.TemporaryDirectory() as folder, mock.patch.object(pictures.Pictures, "_keep", keep):
        with door.source(path, LIMITS) as file, door.container(file, LIMITS) as opened:
            chosen = door.choose(file, opened, LIMITS)
            for stream in chosen.streams:
                door.ready(stream, LIMITS, THREADS)  # type: ignore[arg-type]  # only pictures and sound are chosen
            for _ in onepass.run(opened, chosen, Path(folder), LIMITS):
                pass
        series = {name: load(Path(folder), name, code) for name, code in COLUMNS.items()}
    return list(cuts.find(series.pop("times"), series.pop("differences"), series))


def _nothing(*_: object, **__: object) -> None:
    """Keep no still picture."""


def detector() -> Any:
    """Return PySceneDetect where it is installed."""
    try:
        import scenedetect
    except ImportError:
        return None
    return scenedetect


def pyscenedetect(path: Path) -> list[float]:
    """Return the cut times of its ContentDetector at its own settings."""
    library = detector()
    scenes = library.detect(str(path), library.ContentDetector())
    return [float(start.seconds) for start, _ in scenes[1:]]


def _accuracy(kind: str) -> Iterator[Row]:
    ours, theirs, count = [0, 0, 0], [0, 0, 0], 0
    for row in _manifest():
        if row["kind"] != kind:
            continue
        path, rate = MEDIA / row["file"], float(row["fps"])
        given = re.match(r"cuts ([\d,]+)", row["ground_truth"])
        wanted = [int(number) / rate for number in given[1].split(",")] if given else []
        count += len(wanted)
        _add(ours, [cut.time for cut in one_pass(path, stills=False)], wanted, rate)
        if detector():
            _add(theirs, pyscenedetect(path), wanted, rate)
    beside = "" if not detector() else f"PySceneDetect {_score(theirs):.3f}, {theirs[1]} false"
    yield Row(f"F1 of {count} cuts, {kind} files (+-2 frames), {ours[1]} false", _score(ours), "", beside)


def _manifest() -> list[dict[str, str]]:
    with (MEDIA / "MANIFEST.tsv").open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def _add(score: list[int], found: Sequence[float], wanted: Sequence[float], rate: float) -> None:
    """Count hits, false alarms and misses into `score`."""
    near = 2.1 / rate
    hits = sum(any(abs(time - cut) <= near for time in found) for cut in wanted)
    score[0] += hits
    score[1] += sum(all(abs(time - cut) > near for cut in wanted) for time in found)
    score[2] += len(wanted) - hits


def _score(counts: Sequence[int]) -> float:
    hits, false, missed = counts
    return 1.0 if not any(counts) else 2 * hits / (2 * hits + false + missed)
