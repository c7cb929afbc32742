"""Streams that browsers play already, copied into an MP4 file as they are."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, Final

import av
from attrs import define, field
from av.container import InputContainer
from av.packet import Packet

from videovector_adapters.av.door import Chosen

FAST: Final = {"movflags": "faststart"}
_PLAYED: Final = frozenset({"yuv420p", "yuvj420p"})
_LEAST_RATE: Final = 16_000
"""Samples a second below which MP4 has no place for MP3."""


def playable(chosen: Chosen) -> bool:
    """Tell whether browsers play the streams as they are, so that copying them into MP4 is enough."""
    video, audio = chosen.video, chosen.audio
    seen = video is None or (video.codec_context.codec.name == "h264" and video.pix_fmt in _PLAYED)
    mp3 = audio is not None and audio.codec_context.codec.name in {"mp3", "mp3float"} and audio.rate >= _LEAST_RATE
    heard = audio is None or audio.codec_context.codec.name == "aac" or mp3
    return seen and heard and chosen.origin is not None


def copy(opened: InputContainer, chosen: Chosen, into: Path) -> Generator[float, None, float]:
    """Copy all packets into an MP4 file; yields and returns the media second reached."""
    second = 0.0
    with av.open(str(into), "w", format="mp4", options=FAST) as out:
        streams = {stream.index: out.add_stream_from_template(stream) for stream in chosen.streams}
        waiting = {index: _Order() for index in streams}
        for number, packet in enumerate(opened.demux(*chosen.streams)):
            for ready in waiting[packet.stream.index].take(packet):
                shift, dts = round((chosen.origin or 0.0) / ready.time_base), ready.dts or 0
                ready.pts, ready.dts = (dts if ready.pts is None else ready.pts) - shift, dts - shift
                second = float(ready.dts * ready.time_base)
                ready.stream = streams[packet.stream.index]
                out.mux(ready)
            if number % 1000 == 0:
                yield second
    return second


@define
class _Order:
    """Gives packets the decoding times that some containers leave out.

    Matroska has times of showing only; for pictures that are shown in another order than they are decoded, the first
    decoding times are unknown until some pictures have been seen. They count backwards from the first known one.
    """

    _waiting: list[Packet[Any]] = field(factory=list)
    _last: int | None = None

    def take(self, packet: Packet[Any]) -> Iterator[Packet[Any]]:
        """Take a packet, the last of all being empty, and yield those that have their times."""
        if packet.size == 0 and packet.pts is None:
            yield from self._backwards(min((p.pts for p in self._waiting if p.pts is not None), default=0) + 1)
        elif packet.pts is None and packet.dts is None:
            return
        elif packet.dts is None and self._last is None:
            self._waiting.append(packet)
        else:
            yield from self._backwards(packet.dts or 0)
            yield self._timed(packet, packet.dts if packet.dts is not None else (self._last or 0) + 1)

    def _backwards(self, known: int) -> Iterator[Packet[Any]]:
        waiting, self._waiting = self._waiting, []
        step = max(1, min((packet.duration or 1 for packet in waiting), default=1))
        for place, packet in enumerate(waiting):
            yield self._timed(packet, known - (len(waiting) - place) * step)

    def _timed(self, packet: Packet[Any], dts: int) -> Packet[Any]:
        packet.dts = self._last = dts
        return packet
