"""Real files of every sort give a result or a clear refusal, with the right duration."""

from __future__ import annotations

import csv
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from videovector_adapters.av import AvReader
from videovector_core.errors import Invalid
from videovector_core.segments import cuts, slices
from videovector_core.segments.cuts import CutKind
from videovector_core.signals import MediaType

REFUSED = {
    "robust__ExoPlayer__1024_incrementing_bytes.mp3": "validation_unsupported_media_type",
    "robust__ExoPlayer__invalid-bitstream.webm": "validation_unsupported_media_type",
    "robust__derived__random_bytes.mp4": "validation_unsupported_media_type",
    "robust__derived__truncated_half.mp4": "validation_unsupported_media_type",
    "robust__derived__zero_length.mp4": "validation_empty_file",
    "robust__mp4parse-rust__chunk_out_of_range.mp4": "validation_unsupported_media_type",
    "robust__mp4parse-rust__zero_empty_stsc.mp4": "validation_unsupported_media_type",
    "robust__small__AudioVideoInterleave.avi": "validation_unsupported_media_type",
    "robust__small__FlashVideo.flv": "validation_unsupported_media_type",
    "robust__small__Mpeg4.mp4": "validation_unsupported_media_type",
    "robust__small__WindowsMediaVideo.wmv": "validation_unsupported_media_type",
}
DAMAGED = {
    "robust__decord__corrupted.mp4",
    "robust__mediabunny__malformed-join.mp3",
    "robust__mp4parse-rust__no_timescale.mp4",
}
TURNED = {
    "robust__decord__video_90.mov": 90,
    "robust__decord__video_270.mov": 270,
    "robust__mediabunny__rotate-buck-bunny.mp4": 90,
    "robust__ExoPlayer__portrait_4k60.mp4": 90,
    "robust__ExoPlayer__dolbyVision-hdr.MOV": 90,
}
BUNNY = "cuts__big-buck-bunny-480p-30s__video.mp4"


pytestmark = pytest.mark.real


@pytest.fixture
async def reader() -> AsyncIterator[AvReader]:
    found = AvReader(patience=60)
    yield found
    await found.close()


@pytest.fixture
def manifest(shared_media: Path) -> list[dict[str, str]]:
    with (shared_media / "MANIFEST.tsv").open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


async def test_every_odd_file_gives_a_result_or_a_clear_refusal(
    reader: AvReader, shared_media: Path, manifest: list[dict[str, str]], tmp_path: Path
) -> None:
    """Odd, damaged and hostile files: refused with a stable code and a sentence, or read with the right duration."""
    assert {*REFUSED, *DAMAGED, *TURNED} <= {row["file"] for row in manifest}
    for row in manifest:
        if row["kind"] not in {"robust", "photo"}:
            continue
        name, into = row["file"], tmp_path / row["file"]
        into.mkdir()
        try:
            probe = await reader.probe(shared_media / name)
            signals = await reader.read(shared_media / name, into)
        except Invalid as error:
            assert REFUSED.get(name) == error.code, name  # noqa: PT017 - either outcome is right
            assert error.message.endswith("."), name  # noqa: PT017
            continue
        assert name not in REFUSED, name
        assert signals.probe == probe, name
        assert (signals.warning is not None) == (name in DAMAGED), (name, signals.warning)
        assert probe.rotation == TURNED.get(name, 0), name
        if row["kind"] == "photo" or probe.media_type is MediaType.IMAGE:
            assert (probe.media_type, probe.duration) == (MediaType.IMAGE, 0.0), name
        elif row["duration_s"]:
            frame = 1 / min(float(row["fps"] or 50), 60)
            assert probe.duration == pytest.approx(float(row["duration_s"]), abs=frame), name
        if probe.media_type is not MediaType.AUDIO:
            assert probe.width, name
            assert probe.height, name
            with Image.open(signals.thumbnails[0].path) as still:
                assert max(still.size) <= 640, name
                assert still.width / still.height == pytest.approx(probe.width / probe.height, rel=0.03), name


async def test_cuts_are_found_to_within_two_frames(
    reader: AvReader, shared_media: Path, manifest: list[dict[str, str]], tmp_path: Path
) -> None:
    """Every hard cut of the real clips is found, and none where there is none."""
    assert {"cuts", "negative"} <= {row["kind"] for row in manifest}
    for row in manifest:
        if row["kind"] not in {"cuts", "negative"}:
            continue
        into = tmp_path / row["file"]
        into.mkdir()
        signals = await reader.read(shared_media / row["file"], into)
        found = cuts.find(signals.times, signals.differences, signals.features)
        given = re.match(r"cuts ([\d,]+)", row["ground_truth"])
        wanted = [signals.times[int(number)] for number in given[1].split(",")] if given else []
        assert [cut.time for cut in found if cut.kind is CutKind.HARD] == pytest.approx(
            wanted, abs=2.1 / float(row["fps"])
        )
        if row["kind"] == "negative":
            assert not found, row["file"]


async def test_the_bunny_is_cut_into_its_four_shots(reader: AvReader, shared_media: Path, tmp_path: Path) -> None:
    """Smart cutting of the 30-second clip has bounds at the frames 285, 378 and 553, and nowhere else."""
    signals = await reader.read(shared_media / BUNNY, tmp_path)
    times = [cut.time for cut in cuts.find(signals.times, signals.differences, signals.features)]
    found = slices.smart(signals.probe.duration, times)
    assert [end for _, end in found] == pytest.approx([285 / 24, 378 / 24, 553 / 24, 30.022], abs=2 / 24)
