"""Pictures in questions are judged by their headers."""

from __future__ import annotations

import base64
import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from videovector_core.errors import Invalid
from videovector_core.search.images import MAX_BYTES, Header, header, picture


def encoded(kind: str, size: tuple[int, int], **options: object) -> bytes:
    file = io.BytesIO()
    Image.new("RGBA" if options.pop("alpha", False) else "RGB", size, "red").save(file, kind, **options)
    return file.getvalue()


PICTURES = [
    (encoded("JPEG", (33, 17)), Header("jpeg", 33, 17)),
    (encoded("JPEG", (300, 5), progressive=True, comment=b"x" * 60_000), Header("jpeg", 300, 5)),
    (encoded("PNG", (1, 900)), Header("png", 1, 900)),
    (encoded("WEBP", (64, 31)), Header("webp", 64, 31)),
    (encoded("WEBP", (65, 32), lossless=True), Header("webp", 65, 32)),
    (encoded("WEBP", (66, 33), alpha=True, exif=b"Exif\0\0"), Header("webp", 66, 33)),
]


@pytest.mark.parametrize(("data", "told"), PICTURES)
def test_headers_say_format_and_size(data: bytes, told: Header) -> None:
    """All three formats, in the variants that encoders write, say their size in their first bytes."""
    assert header(data) == told
    assert picture(base64.b64encode(data).decode()) == data


@given(st.binary(max_size=200), st.sampled_from([b"", *(data[:40] for data, _ in PICTURES)]))
def test_no_bytes_crash_the_reader(tail: bytes, head: bytes) -> None:
    """Whatever follows a beginning, the reader says what it is or that it is nothing."""
    found = header(head + tail)
    assert found is None or (found.width > 0 and found.height > 0)


@pytest.mark.parametrize("data", [b"", b"GIF89a" + bytes(20), b"\xff\xd8", b"\xff\xd8\xff\xda\0\2", b"BM" + bytes(40)])
def test_other_things_are_no_pictures(data: bytes) -> None:
    """Other formats and torn beginnings are refused."""
    with pytest.raises(Invalid, match="no JPEG, PNG or WebP"):
        picture(base64.b64encode(data).decode())


def test_base64_is_read_as_clients_write_it() -> None:
    """Line breaks, a missing padding and the prefix of a data URL do no harm; other signs do."""
    data = PICTURES[0][0]
    text = base64.b64encode(data).decode()
    for way in (text, text.rstrip("="), base64.encodebytes(data).decode(), f"data:image/jpeg;base64,{text}"):
        assert picture(way) == data
    with pytest.raises(Invalid, match="no base64"):
        picture(text[:-4] + "!" + text[-4:])


def test_limits_are_checked_before_decoding() -> None:
    """40 megapixels and 10 MiB pass, one more of either does not; nothing is decoded to find out."""
    start = PICTURES[2][0][:16]
    for width, height, fine in ((8000, 5000, True), (8000, 5001, False), (2**31 - 1, 2**31 - 1, False)):
        text = base64.b64encode(start + struct.pack(">II", width, height)).decode()
        if fine:
            assert picture(text)
        else:
            with pytest.raises(Invalid, match="pixels"):
                picture(text)
    full = PICTURES[2][0].ljust(MAX_BYTES, b"\0")
    assert picture(base64.b64encode(full).decode()) == full
    with pytest.raises(Invalid, match="10 MiB"):
        picture(base64.b64encode(full + b"\0").decode())
