"""A CLIP or SigLIP pair that the operator has: two ONNX graphs in a directory, read as the model hub lays them out.

    clip/config.json                 model_type, projection_dim or the hidden size of the towers
    clip/preprocessor_config.json    size, mean and deviation of the pictures
    clip/tokenizer.json
    clip/onnx/vision_model.onnx      pixel_values -> image_embeds (or pooler_output)
    clip/onnx/text_model.onnx        input_ids (and attention_mask) -> text_embeds (or pooler_output)
    clip/SHA256SUMS                  what `sha256sum` prints for all of them: nothing is loaded unchecked

The graphs may also lie in the directory itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from videovector_adapters.local.clip_config import NAME, ClipConfig
from videovector_adapters.local.pictures import SMALL, Recipe, decoded
from videovector_adapters.local.text import session, unit
from videovector_core.errors import Unavailable

Matrix: TypeAlias = NDArray[np.float32]


class ImageTower:
    """Pictures to vectors."""

    def __init__(self, folder: Path, *, threads: int) -> None:
        self._config = ClipConfig.read(folder)
        self._session = session(_graph(folder, "vision_model").read_bytes(), threads)

    def embed(self, images: Sequence[bytes]) -> Iterator[Matrix]:
        """Yield one vector for each picture."""
        config = self._config
        recipe = Recipe(config.side, config.shortest, config.mean, config.deviation)
        shape = recipe.centre if config.crops else recipe.whole
        for image in images:
            pixels = shape(decoded(image, small=config.shortest <= SMALL // 2))[None]
            yield unit(_output(self._session, {"pixel_values": pixels}, "image_embeds"))


class TextTower:
    """Texts to vectors of the same space."""

    def __init__(self, folder: Path, *, threads: int) -> None:
        self._config = ClipConfig.read(folder)
        self._session = session(_graph(folder, "text_model").read_bytes(), threads)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(self._config.tokens)
        if self._config.fixed_length:
            padding = self._tokenizer.padding or {}
            self._tokenizer.enable_padding(
                length=self._config.tokens,
                pad_id=padding.get("pad_id", 1),
                pad_token=padding.get("pad_token", "</s>"),
            )
        else:
            self._tokenizer.no_padding()

    def embed(self, texts: Sequence[str]) -> Iterator[Matrix]:
        """Yield one vector for each text."""
        for text in texts:
            encoded = self._tokenizer.encode(text)
            feed = {
                "input_ids": np.asarray([encoded.ids], np.int64),
                "attention_mask": np.asarray([encoded.attention_mask], np.int64),
            }
            yield unit(_output(self._session, feed, "text_embeds"))


def _output(graph: Any, feed: dict[str, Any], wanted: str) -> Matrix:
    taken = {entry.name for entry in graph.get_inputs()}
    names = [entry.name for entry in graph.get_outputs()]
    name = next((name for name in (wanted, "pooler_output") if name in names), names[0])
    found: Matrix = graph.run([name], {key: value for key, value in feed.items() if key in taken})[0]
    return found.astype(np.float32)


def _graph(folder: Path, name: str) -> Path:
    for path in (folder / "onnx" / f"{name}.onnx", folder / f"{name}.onnx"):
        if path.is_file():
            return path
    raise Unavailable(
        f"The directory {NAME!r} has no {name}.onnx; export both towers to ONNX, or remove the directory.",
        code="model_unavailable",
        details={"model": NAME},
    )
