"""A CLIP directory of the operator's: a tiny pair of towers that this file builds, through the real loading code."""

from __future__ import annotations

import hashlib
import io
import json

import numpy as np
import pytest
import pytest_asyncio
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from tokenizers import Tokenizer, models, pre_tokenizers

from videovector_adapters.local.clip_config import ClipConfig
from videovector_adapters.local.sight import LocalImageEmbedder
from videovector_adapters.local.weights import SUMS, Weights
from videovector_core.errors import Unavailable
from videovector_core.testing.models import ImageEmbedderContract, JointEmbedderContract, cosine, nearest

COLOURS = {"red": (250, 0, 0), "green": (0, 250, 0), "blue": (0, 0, 250)}
WORDS = ["<pad>", "<unk>", *COLOURS]
SHADE = 0.1


def model(nodes, constants, inputs, output):
    graph = helper.make_graph(
        nodes,
        "tower",
        [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in inputs],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["n", 3])],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return made.SerializeToString()


def towers():
    """Return a tower that gives a picture's mean colour, and one that gives the mean colour of the words of a text."""
    vision = model(
        [
            helper.make_node("GlobalAveragePool", ["pixel_values"], ["mean"]),
            helper.make_node("Flatten", ["mean"], ["flat"]),
            helper.make_node("Add", ["flat", "shade"], ["image_embeds"]),
        ],
        {"shade": np.full(3, SHADE, np.float32)},
        [("pixel_values", TensorProto.FLOAT, ["n", 3, 8, 8])],
        "image_embeds",
    )
    table = np.array(
        [[SHADE] * 3, [SHADE] * 3, *([part / 250 for part in rgb] for rgb in COLOURS.values())], np.float32
    )
    text = model(
        [
            helper.make_node("Gather", ["table", "input_ids"], ["words"]),
            helper.make_node("ReduceMean", ["words"], ["text_embeds"], axes=[1], keepdims=0),
        ],
        {"table": table},
        [("input_ids", TensorProto.INT64, ["n", "length"])],
        "text_embeds",
    )
    return vision, text


def tokenizer():
    made = Tokenizer(models.WordLevel({word: place for place, word in enumerate(WORDS)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    return made.to_str().encode()


def directory(root, kind="clip"):
    """Write a directory as the model hub lays it out, with its digests."""
    vision, text = towers()
    config = {"model_type": kind, "projection_dim": 3, "text_config": {"hidden_size": 3, "max_position_embeddings": 8}}
    crops = {"do_center_crop": True, "crop_size": {"height": 8, "width": 8}, "size": {"shortest_edge": 8}}
    plain = {"size": {"height": 8, "width": 8}}
    pictures = {"image_mean": [0, 0, 0], "image_std": [1, 1, 1]} | (crops if kind == "clip" else plain)
    files = {
        "config.json": json.dumps(config).encode(),
        "preprocessor_config.json": json.dumps(pictures).encode(),
        "tokenizer.json": tokenizer(),
        "onnx/vision_model.onnx": vision,
        "onnx/text_model.onnx": text,
    }
    (root / "clip" / "onnx").mkdir(parents=True)
    for name, data in files.items():
        (root / "clip" / name).write_bytes(data)
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items())
    (root / "clip" / SUMS).write_text(sums)
    return root


def png(colour):
    buffer = io.BytesIO()
    Image.new("RGB", (40, 20), colour).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def pictures():
    return [png(colour) for colour in COLOURS.values()]


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["clip", "siglip"])
async def images(request, tmp_path_factory):
    root = directory(tmp_path_factory.mktemp("models"), request.param)
    images = LocalImageEmbedder(Weights(root, root / "cache", root / "hub"))
    yield images
    await images.close()


@pytest.fixture
def joint(images):
    return images


@pytest.mark.asyncio(loop_scope="module")
class TestClipImages(ImageEmbedderContract):
    """Pictures by picture, with the operator's model."""

    async def test_the_space_is_the_operators(self, images):
        """Both spaces are the one of the directory, named by its digests."""
        assert images.space == images.joint_space
        assert images.space.startswith("clip@")
        assert images.dimensions == images.joint_dimensions == 3


@pytest.mark.asyncio(loop_scope="module")
class TestClipWords(JointEmbedderContract):
    """Pictures by words, with the operator's model."""

    async def test_words_find_pictures(self, joint, pictures):
        """The name of a colour finds the picture of that colour."""
        stored = await joint.embed_joint(pictures)
        for place, query in enumerate(await joint.embed_query([*COLOURS])):
            assert nearest(query, stored)[0] == place

    async def test_a_long_text_is_cut(self, joint):
        """Of a text longer than the model reads the beginning counts; odd characters do no harm."""
        red, long, *others = await joint.embed_query(["red " * 8, "red " * 8 + "blue " * 500, "\ud800", "red"])
        assert cosine(red, long) > 0.999
        assert len(others) == 2


@pytest.mark.parametrize("name", ["onnx/vision_model.onnx", "tokenizer.json", SUMS])
async def test_a_changed_directory_is_refused(tmp_path, name):
    """A file that was changed, or a list of digests that is gone, keeps the model from being loaded."""
    root = directory(tmp_path)
    with (root / "clip" / name).open("r+b") as file:
        file.write(b"~")
    images = LocalImageEmbedder(Weights(root, root / "cache", root / "hub"))
    with pytest.raises(Unavailable) as refusal:
        await images.embed([png("red")])
    await images.close()
    assert refusal.value.code == "model_untrusted"


def test_a_configuration_that_says_too_little_is_refused(tmp_path):
    """A directory without sizes is refused when it is opened, with what it needs."""
    root = directory(tmp_path)
    (root / "clip" / "config.json").write_text('{"model_type": "clip"}')
    with pytest.raises(Unavailable, match="projection_dim"):
        ClipConfig.read(root / "clip")
