"""Models that run on this machine: no key and no network."""

from __future__ import annotations

from videovector_adapters.extras import requires

requires("local", "onnxruntime", "tokenizers", "faster_whisper", "numpy", "msgspec")
