"""The side of the media door that runs in a child process: plain arguments in, plain data out."""

from __future__ import annotations

import resource
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from attrs import evolve
from av.audio.frame import AudioFrame
from av.container import InputContainer
from av.video.frame import VideoFrame
from PIL import Image

from videovector_adapters.av import clips, door, onepass, pictures, previews, remux, sniff
from videovector_adapters.av.describe import described
from videovector_adapters.av.door import Bytes, Chosen
from videovector_adapters.av.images import Still, jpeg
from videovector_adapters.av.limits import MediaLimits
from videovector_adapters.av.onepass import Damage, Timeline, Yield
from videovector_adapters.av.series import StillIndex
from videovector_adapters.av.stills import Shape, StillMaker, as_image
from videovector_core.errors import Invalid

_LOOKS: Final = 4000
"""Packets that are tried before a file is said to hold nothing that can be decoded."""
_STARTING: Final = 30
"""CPU seconds that any call may use."""
_PER_SECOND: Final = 8
"""CPU seconds that a whole pass may use for each second of media: 8K in software on a slow machine."""
_PREVIEW: Final = 120
_ENCODED: Final = 60
"""CPU seconds that encoding may use for each second of a clip."""
_TRUSTED: Final = 0.2
"""Seconds by which headers and packets may differ before the packets are believed."""
_NO_PICTURE: Final = "The video cannot be decoded; only its sound was read."
_NO_SOUND: Final = "The sound cannot be decoded; only the video was read."


def serve(limits: dict[str, Any], threads: int) -> Worker:
    """Build what the child serves."""
    return Worker(MediaLimits(**limits), threads)


class Worker:
    """Methods named as those of the reader; paths are given as text."""

    def __init__(self, limits: MediaLimits, threads: int) -> None:
        self._limits = limits
        self._threads = threads

    def probe(self, path: str) -> dict[str, Any]:
        """Say what the file holds, after decoding its first frame."""
        _budget(_STARTING)
        with door.source(Path(path), self._limits) as file:
            head = file.head()
            if kind := sniff.image_format(head):
                return Still(file, kind, self._limits, pictures.THUMBNAIL).described()
            with door.container(file, self._limits) as opened:
                return self._probed(file, opened, head)

    def read(self, path: str, into: str) -> Generator[float, None, dict[str, Any]]:
        """Decode once, writing into the directory `into`."""
        _budget(_STARTING)
        with door.source(Path(path), self._limits) as file:
            head = file.head()
            if kind := sniff.image_format(head):
                return _read_image(Still(file, kind, self._limits, pictures.THUMBNAIL), Path(into))
            with door.container(file, self._limits) as opened:
                return (yield from self._read(file, opened, head, Path(into)))

    def thumbnail(self, path: str, at: float, long_side: int) -> bytes:
        """Return the frame shown at second `at` as JPEG, or a picture of the sound."""
        return jpeg(self._preview(path, [at], long_side)[0])

    def gif(self, path: str, start: float, end: float, long_side: int) -> bytes:
        """Return a looping GIF of at most 3 seconds and 10 frames a second."""
        return previews.gif(self._preview(path, previews.gif_times(start, end), long_side))

    def clip(self, path: str, start: float, end: float | None, into: str) -> Generator[float, None, str]:
        """Write `[start, end)` as an MP4 file that browsers play; returns its MIME type."""
        _budget(_STARTING)
        with door.source(Path(path), self._limits) as file:
            if sniff.image_format(file.head()):
                raise Invalid("A picture has no clip; download the file itself.", code="validation_no_clip")
            with door.container(file, self._limits) as opened:
                chosen, shape = _first_look(opened, self._chosen(file, opened))
                duration = self._told(opened, chosen)
                last = duration if end is None else min(end, duration)
                if last <= start:
                    raise Invalid(
                        f"The media ends at {duration:.3f} s, before the clip begins.", code="validation_range"
                    )
                _budget(_STARTING + _ENCODED * (last - start))
                door.seek(opened, chosen, 0.0)
                if start <= 0 and end is None and remux.playable(chosen):
                    with suppress(*onepass.BROKEN):  # what cannot be copied is encoded
                        yield from remux.copy(opened, chosen, Path(into))
                        return _clip_type(chosen)
                yield from clips.encode(opened, chosen, shape, start, last, Path(into))
                return _clip_type(chosen)

    def _preview(self, path: str, times: list[float], long_side: int) -> list[Image.Image]:
        """Return pictures of the wanted moments; one for all of them where nothing moves."""
        _budget(_PREVIEW)
        with door.source(Path(path), self._limits) as file:
            if kind := sniff.image_format(file.head()):
                return [Still(file, kind, self._limits, long_side).scaled(long_side)]
            with door.container(file, self._limits) as opened:
                chosen, shape = _first_look(opened, self._chosen(file, opened))
                if shape is None:
                    duration = self._told(opened, chosen)
                    door.seek(opened, chosen, 0.0)
                    return [previews.waveform(opened, chosen, duration, times[0], long_side)]
                maker = StillMaker()
                frames = (maker.upright(frame, shape, long_side) for frame in previews.shown(opened, chosen, times))
                return [as_image(frame) for frame in frames]

    def _probed(self, file: Bytes, opened: InputContainer, head: bytes) -> dict[str, Any]:
        chosen = self._chosen(file, opened)
        chosen, shape = _first_look(opened, chosen)
        return described(opened, chosen, head, self._told(opened, chosen), shape)

    def _read(
        self, file: Bytes, opened: InputContainer, head: bytes, into: Path
    ) -> Generator[float, None, dict[str, Any]]:
        chosen = self._chosen(file, opened)
        _budget(_STARTING + _PER_SECOND * (chosen.stated or self._limits.seconds))
        found = yield from onepass.run(opened, chosen, into, self._limits)
        if found.shape is None and not found.sound:
            raise door.undecodable("Nothing in the file can be decoded: neither picture nor sound.")
        if found.shape is None and chosen.video is not None:
            chosen = evolve(chosen, video=None, warning=_NO_PICTURE)
        if not found.sound and chosen.audio is not None:
            chosen = evolve(chosen, audio=None, warning=chosen.warning or _NO_SOUND)
        probe = described(opened, chosen, head, _duration(chosen, found), found.shape)
        return {"probe": probe, "warning": _warning(chosen, found), "audio": found.sound}

    def _chosen(self, file: Bytes, opened: InputContainer) -> Chosen:
        chosen = door.choose(file, opened, self._limits)
        for stream in (chosen.video, chosen.audio):
            if stream is not None:
                door.ready(stream, self._limits, self._threads)
        if chosen.stated is not None and door.guesses(file, opened):
            counted = self._measured(opened, chosen)
            door.seek(opened, chosen, 0.0)
            # of sound alone the header knows better, by what encoders put before and after it
            if chosen.video is not None or abs(counted - chosen.stated) > _TRUSTED:
                chosen = evolve(chosen, stated=counted)
        return chosen

    def _told(self, opened: InputContainer, chosen: Chosen) -> float:
        """Return the duration that the headers give, unless there is none or the last pictures lie far behind it."""
        if chosen.stated is None:
            return self._measured(opened, chosen)
        last = door.last_picture(opened, chosen) if opened.format.name.startswith("mov,") else 0.0
        return last if last > chosen.stated + _TRUSTED else chosen.stated

    def _measured(self, opened: InputContainer, chosen: Chosen) -> float:
        """Find the end of media whose headers do not state it, from the times of its packets."""
        door.seek(opened, chosen, 0.0)
        origin, end = chosen.origin, 0.0
        for packet in opened.demux(*chosen.streams):
            if packet.pts is None or packet.time_base is None:
                end += chosen.step if chosen.bare and packet.size else 0.0
                continue
            start = float(packet.pts * packet.time_base)
            origin = start if origin is None else origin
            end = max(end, start - origin + float((packet.duration or 0) * packet.time_base))
            door.check_duration(end, self._limits)
        return end


def _clip_type(chosen: Chosen) -> str:
    return "video/mp4" if chosen.video else "audio/mp4"


def _first_look(opened: InputContainer, chosen: Chosen) -> tuple[Chosen, Shape | None]:
    """Decode the first picture, or else the first sound; `Invalid` when there is neither among the first packets."""
    if chosen.video is not None:
        frame = _first(opened, evolve(chosen, audio=None))
        if isinstance(frame, VideoFrame):
            return chosen, Shape.of(frame, chosen.video.sample_aspect_ratio)
        if chosen.audio is not None:
            door.seek(opened, chosen, 0.0)
    chosen = evolve(chosen, video=None, warning=_NO_PICTURE if chosen.video else chosen.warning)
    if chosen.audio is None or _first(opened, chosen) is None:
        raise door.unsupported("Nothing in the file can be decoded: neither picture nor sound.")
    return chosen, None


def _first(opened: InputContainer, chosen: Chosen) -> VideoFrame | AudioFrame | None:
    return next(onepass.decoded(opened, chosen, Damage(), Timeline(chosen.origin), looks=_LOOKS), None)


def _duration(chosen: Chosen, found: Yield) -> float:
    """Believe the headers, unless everything was decoded without damage and ended somewhere else."""
    if chosen.stated is None or (not found.damage.packets and abs(found.end - chosen.stated) > _TRUSTED):
        return found.end
    return chosen.stated


def _warning(chosen: Chosen, found: Yield) -> str | None:
    damage, parts = found.damage, [chosen.warning] if chosen.warning else []
    if damage.packets:
        parts.append(
            f"The file is damaged: {damage.packets} of its packets could not be decoded, the first near second "
            f"{damage.since or 0.0:.1f}. What could be read was kept."
        )
    return " ".join(parts) or None


def _read_image(still: Still, into: Path) -> dict[str, Any]:
    for kind, long_side in (("thumbnail", pictures.THUMBNAIL), ("frame", pictures.EMBEDDED)):
        index = StillIndex(into, kind)
        index.add(0.0, jpeg(still.scaled(long_side)))
        index.close()
    return {"probe": still.described(), "warning": still.warning, "audio": False}


def _budget(seconds: float) -> None:
    """Let the kernel end this process when the call that begins now has used so much CPU time."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = int(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))
