"""What a picture shows, from MobileNetV2: features for picture-to-picture search, class names, and a space with text.

The network looks at each picture twice, at the whole frame and at its middle. The features of both are averaged and
their square roots taken, which keeps a few strong channels from deciding alone. The space that is shared with text is
ConSE (Norouzi et al. 2013, "Zero-shot learning by convex combination of semantic embeddings"): a picture stands where
the sentence vectors of its ten likeliest class names have their weighted mean, so a query's sentence vector can be
compared with it as it is. What ImageNet has no name for, above all people, the sky and textures, is not found by words.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from videovector_adapters.local.catalog import CLASS_NAMES, MINILM, MINILM_TOKENIZER, MOBILENET
from videovector_adapters.local.checkpoint import tensors
from videovector_adapters.local.mobilenet import CLASSES, graph
from videovector_adapters.local.pictures import Recipe, decoded
from videovector_adapters.local.text import DIMENSIONS, SentenceEncoder, session, unit
from videovector_adapters.local.weights import Weights

Matrix: TypeAlias = NDArray[np.float32]

NAMES: Final = 10
"""Class names that place a picture among sentences, and that are given as labels."""
REMEMBERED: Final = 512
"""Pictures whose view is kept, so that asking for vectors and labels of the same picture looks once."""


@frozen
class View:
    """What the network says of one picture: 1,280 features, and 1,000 probabilities of each of the two looks."""

    features: Matrix
    probabilities: Matrix


class Eyes:
    """The loaded network, the names of its classes, and their sentence vectors once they are needed."""

    def __init__(self, weights: Weights, *, threads: int) -> None:
        self._weights = weights
        self._threads = threads
        self._session = session(graph(tensors(weights.read(MOBILENET))), threads)
        self._names: list[str] = json.loads(weights.read(CLASS_NAMES))
        self._recipe = Recipe()
        self._seen: OrderedDict[bytes, View] = OrderedDict()
        self._classes: Matrix | None = None

    def embed(self, images: Sequence[bytes]) -> Iterator[Matrix]:
        """Yield one vector of 1,280 dimensions for each picture."""
        for image in images:
            yield unit(np.sqrt(np.maximum(self._view(image).features, 0))[None])

    def embed_joint(self, images: Sequence[bytes]) -> Iterator[Matrix]:
        """Yield one vector of 384 dimensions for each picture, in the space of sentences."""
        if self._classes is None:
            self._classes = class_vectors(self._weights, self._names, self._threads)
        for image in images:
            yield unit(conse(self._view(image).probabilities, self._classes)[None])

    def label(self, images: Sequence[bytes]) -> Iterator[list[tuple[str, float]]]:
        """Yield the likeliest class names of each picture with their probabilities, best first."""
        for image in images:
            mean = self._view(image).probabilities.mean(0)
            yield [(self._names[place], float(mean[place])) for place in np.argsort(-mean, kind="stable")[:NAMES]]

    def _view(self, image: bytes) -> View:
        key = hashlib.sha256(image).digest()
        if key not in self._seen:
            self._seen[key] = self._look(image)
            while len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
        return self._seen[key]

    def _look(self, image: bytes) -> View:
        picture = decoded(image, small=True)
        pixels = np.stack([self._recipe.whole(picture), self._recipe.centre(picture)])
        features, scores = self._session.run(None, {"pixels": pixels})
        return View(features.mean(0), softmax(scores))


def conse(probabilities: Matrix, classes: Matrix) -> Matrix:
    """Return the mean over looks of the class vectors, weighted by the probabilities of the likeliest ten."""
    places = np.zeros(classes.shape[1], np.float32)
    for row in probabilities:
        top = np.argsort(-row, kind="stable")[:NAMES]
        places += (row[top] / row[top].sum()) @ classes[top]
    return places


def softmax(scores: Matrix) -> Matrix:
    """Turn scores into probabilities, row by row."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    found: Matrix = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return found


def class_vectors(weights: Weights, names: Sequence[str], threads: int) -> Matrix:
    """Return the sentence vectors of the class names: made once, some seconds, and kept in the cache directory."""
    digests = "".join(weights.find(weight).sha256 for weight in (MINILM, MINILM_TOKENIZER, CLASS_NAMES))
    path = weights.cache / "made" / f"class-vectors-{hashlib.sha256(digests.encode()).hexdigest()[:16]}.npy"
    kept = _kept(path)
    if kept is not None:
        return kept
    encoder = SentenceEncoder(weights.read(MINILM), weights.read(MINILM_TOKENIZER), threads=threads)
    made = encoder.embed_all(names)
    _keep(path, made)
    return made


def _kept(path: Path) -> Matrix | None:
    """Read kept vectors; whatever is not exactly what would have been written is made again."""
    try:
        found = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    if found.shape != (CLASSES, DIMENSIONS) or found.dtype != np.float32:
        return None
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(found, axis=1)
    return found if np.allclose(lengths, 1, atol=1e-3) else None


def _keep(path: Path, vectors: Matrix) -> None:
    buffer = io.BytesIO()
    np.save(buffer, vectors, allow_pickle=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    partial.write_bytes(buffer.getvalue())
    partial.replace(path)
