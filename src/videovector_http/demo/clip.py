"""The built-in clip: real moving pictures with cuts and real speech, joined on this machine.

Three recordings play one after the other (nine shots), then a card with their credits; over them a reading and a
conversation. Pictures are H.264, 640x360, 25 frames a second; sound is AAC, mono, 16 kHz; 27.9 s in all.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import av
import numpy as np
from attrs import frozen
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.container import OutputContainer
from av.filter import Graph
from av.packet import Packet
from av.video.frame import VideoFrame
from PIL import Image, ImageDraw, ImageFont

from videovector_http.demo.parts import BIKES, BUNNY, CALL, CITY, READING, Part
from videovector_http.demo.story import QUERIES, Query

WIDTH, HEIGHT, RATE, SOUND_RATE = 640, 360, 25, 16_000
PICTURES: Final = (BIKES, CITY, BUNNY)
CARD_SECONDS: Final = 5
_FIT: Final = f"{WIDTH}:{HEIGHT}:force_original_aspect_ratio=decrease"
_PAD: Final = f"{WIDTH}:{HEIGHT}:(ow-iw)/2:(oh-ih)/2"


@frozen
class Voice:
    """A stretch of a recording, `start` to `end` seconds of it, heard from `at` seconds of the clip."""

    part: Part
    start: float
    end: float
    at: float


# The conversation is cut between sentences.
VOICES: Final = (Voice(READING, 0.0, 9.9, at=0.1), Voice(CALL, 8.4, 24.0, at=10.4))


@frozen
class Clip:
    """A file to upload, its title, the recordings in it and what to ask (both unknown for a file of the user's own)."""

    path: Path
    title: str
    parts: tuple[Part, ...] = ()
    queries: tuple[Query, ...] = ()


def build_clip(into: Path) -> Clip:
    """Write the clip into the directory `into`; about two seconds of work.

    Raises:
        PartMissing: a recording is not installed.
    """
    path = into / "voices-over-the-city.mp4"
    pictures = [part.find() for part in PICTURES]
    sound = _sound(sum(_seconds(picture) for picture in pictures) + CARD_SECONDS)
    with av.open(path, "w") as out:
        packets = [*_video(out, pictures), *_audio(out, sound)]
        for packet in sorted(packets, key=_decoding_time):
            out.mux(packet)
    return Clip(path, "Voices over the city", (*PICTURES, READING, CALL), QUERIES)


def _decoding_time(packet: Packet[Any]) -> Fraction:
    return (packet.dts or 0) * Fraction(packet.time_base)


def _video(out: OutputContainer, pictures: list[Path]) -> Iterator[Packet[Any]]:
    stream = out.add_stream("libx264", rate=RATE, options={"crf": "26", "preset": "veryfast"})
    stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    for number, frame in enumerate(_frames(pictures)):
        frame.pts, frame.time_base = number, Fraction(1, RATE)
        yield from stream.encode(frame)
    yield from stream.encode(None)


def _frames(pictures: list[Path]) -> Iterator[VideoFrame]:
    for picture in pictures:
        yield from _fitted(picture)
    pixels = np.asarray(_card())
    for _ in range(CARD_SECONDS * RATE):
        yield VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuv420p")


def _fitted(picture: Path) -> Iterator[VideoFrame]:
    """Scale every frame into the clip's size, with black bars where the shapes differ."""
    with av.open(picture) as source:
        stream = source.streams.video[0]
        graph = Graph()
        fit, pad = graph.add("scale", _FIT), graph.add("pad", _PAD)
        square, planar = graph.add("setsar", "1"), graph.add("format", "yuv420p")
        graph.link_nodes(graph.add_buffer(template=stream), fit, pad, square, planar, graph.add("buffersink"))
        graph.configure()
        for frame in source.decode(stream):
            graph.vpush(frame)
            fitted = graph.vpull()
            fitted.pict_type = 0  # the encoder chooses key frames by itself
            yield fitted


def _seconds(picture: Path) -> float:
    with av.open(picture) as source:
        return sum(1 for _ in source.demux(video=0) if _.size) / RATE


def _card() -> Image.Image:
    """Draw the credits, which the licences ask for and on-screen text recognition can find."""
    card = Image.new("RGB", (WIDTH, HEIGHT), "black")
    draw = ImageDraw.Draw(card)
    lines = [f"{part.title}: {part.credit}, {part.licence}" for part in (*PICTURES, READING, CALL)]
    draw.text((40, 36), "Pictures and voices", font=ImageFont.load_default(30), fill="white")
    draw.multiline_text((40, 100), "\n".join(lines), font=ImageFont.load_default(18), fill="white", spacing=24)
    return card


def _sound(seconds: float) -> np.ndarray[Any, np.dtype[np.int16]]:
    """Lay the voices into silence."""
    track = np.zeros(round(seconds * SOUND_RATE), np.int16)
    for voice in VOICES:
        samples = _samples(voice.part.find())[round(voice.start * SOUND_RATE) : round(voice.end * SOUND_RATE)]
        begin = round(voice.at * SOUND_RATE)
        track[begin : begin + len(samples)] = samples
    return track


def _samples(recording: Path) -> np.ndarray[Any, np.dtype[np.int16]]:
    resampler = AudioResampler(format="s16", layout="mono", rate=SOUND_RATE)
    with av.open(recording) as source:
        frames = [out for frame in (*source.decode(audio=0), None) for out in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


def _audio(out: OutputContainer, track: np.ndarray[Any, np.dtype[np.int16]]) -> Iterator[Packet[Any]]:
    stream = out.add_stream("aac", rate=SOUND_RATE, layout="mono")
    stream.bit_rate = 64_000
    stream.codec_context.open()
    whole = AudioFrame.from_ndarray(track[None, :], format="s16", layout="mono")
    whole.sample_rate, whole.pts, whole.time_base = SOUND_RATE, 0, Fraction(1, SOUND_RATE)
    resampler = AudioResampler("fltp", "mono", SOUND_RATE, frame_size=stream.codec_context.frame_size)
    for frame in (*resampler.resample(whole), *resampler.resample(None)):
        yield from stream.encode(frame)
    yield from stream.encode(None)
