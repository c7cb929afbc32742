"""Tell from the first bytes what a file may be; names and extensions are never asked.

The decoder's own probing is fenced in by `DEMUXERS` and `DECODERS`. What stands here routes pictures to the picture
library and gives the refusals of common mistakes a sentence that says what to do.
"""

from __future__ import annotations

from typing import Final

HEAD: Final = 4096

DEMUXERS: Final = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,mpegvideo,flv,asf,ogg,wav,w64,mp3,aac,flac,amr,amrnb,"
    "amrwb,aiff,caf,au,mxf,dv,h264,hevc,m4v,ivf,obu,ac3,eac3"
)
"""Containers that hold all of their media themselves: none of these opens a second file, and none is a script."""

_PCM: Final = "pcm_u8,pcm_s8,pcm_alaw,pcm_mulaw," + ",".join(
    f"pcm_{kind}{end}" for kind in ("s16", "s24", "s32", "f32", "f64", "u16") for end in ("le", "be")
)
DECODERS: Final = (
    "h264,hevc,libdav1d,av1,vp8,vp9,mpeg4,msmpeg4,msmpeg4v1,msmpeg4v2,mpeg1video,mpeg2video,h263,h263p,flv,mjpeg,"
    "prores,dnxhd,wmv1,wmv2,wmv3,vc1,theora,dvvideo,rawvideo,ffv1,huffyuv,ffvhuff,qtrle,cinepak,svq1,svq3,vp6,vp6f,"
    "png,aac,aac_latm,mp3,mp3float,mp2,mp2float,mp1,mp1float,ac3,eac3,opus,libopus,vorbis,libvorbis,flac,alac,amrnb,amrwb,"
    "libopencore_amrnb,libopencore_amrwb,wmav1,wmav2,wmapro,adpcm_ms,adpcm_ima_wav,adpcm_ima_qt,dca,speex,libspeex,"
    f"{_PCM}"
)

_IMAGE_BRANDS: Final = {
    b"avif": "AVIF", b"avis": "AVIF", b"heic": "HEIF", b"heix": "HEIF", b"heim": "HEIF", b"heis": "HEIF",
    b"hevc": "HEIF", b"hevx": "HEIF", b"mif1": "HEIF", b"msf1": "HEIF",
}  # fmt: skip
_IMAGE_MAGIC: Final = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"II+\x00", "TIFF"),
    (b"MM\x00+", "TIFF"),
)
IMAGE_MIME: Final = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "TIFF": "image/tiff",
    "BMP": "image/bmp",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
    "HEIF": "image/heif",
}
_SCRIPTS: Final = (b"#EXTM3U", b"ffconcat", b"<MPD", b"v=0\n", b"v=0\r", b"[playlist]", b"<smil", b"file '")


def image_format(head: bytes) -> str | None:
    """Return the picture library's name of the format that `head` begins, `None` when it is no still picture."""
    for magic, name in _IMAGE_MAGIC:
        if head.startswith(magic):
            return name
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        return _branded(head)
    if (
        head.startswith(b"BM")
        and len(head) > 18
        and int.from_bytes(head[14:18], "little") in {12, 40, 52, 56, 108, 124}
    ):
        return "BMP"
    return None


def is_script(head: bytes) -> bool:
    """Tell whether the file is a text that points at other files: a playlist, a manifest or a session description."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1024]
    return start.startswith(_SCRIPTS) or (start.startswith(b"<") and b"<MPD" in start)


def is_text(head: bytes) -> bool:
    """Tell whether the file is plain text: valid UTF-8 without control characters."""
    try:
        text = head[: len(head) // 2 * 2].decode() if len(head) < HEAD else head[:-4].decode(errors="strict")
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character in "\r\n\t\f" for character in text)


def is_cut_off(boxes: list[tuple[bytes, int, int]], size: int) -> bool:
    """Tell from the top-level MP4 boxes, `(kind, start, end)`, whether the file ends before its index."""
    kinds = [kind for kind, _, _ in boxes]
    return b"mdat" in kinds and b"moov" not in kinds and boxes[-1][2] > size


def _branded(head: bytes) -> str | None:
    major = head[8:12]
    if major in _IMAGE_BRANDS:
        others = {head[at : at + 4] for at in range(16, min(int.from_bytes(head[:4], "big"), len(head) - 3), 4)}
        return "AVIF" if others & {b"avif", b"avis"} else _IMAGE_BRANDS[major]
    return None
