"""Identifiers: a prefix that names the kind, and 32 hex digits that sort by time of creation."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final

PREFIXES: Final = {
    "user": "user",
    "api_key": "key",
    "index": "idx",
    "video": "vid",
    "segment": "seg",
    "segment_set": "set",
    "prompt": "prompt",
    "run": "run",
    "retry": "retry",
    "attempt": "attempt",
    "llm_call": "llm",
    "import_job": "job",
    "file": "file",
    "event": "evt",
    "deletion": "deletion",
    "connector": "conn",
    "export": "exp",
    "webhook": "wh",
    "delivery": "del",
    "session": "session",
    "turn": "turn",
    "marker": "marker",
    "usage": "usage",
    "cycle": "cycle",
    "ranking": "rank",
}


def new_id(kind: str, *, clock: Callable[[], float] = time.time, entropy: Callable[[int], bytes] = os.urandom) -> str:
    """Make an id such as `vid_0199f0c2...`: 48 bits of milliseconds since 1970, then 80 random bits (the order of UUIDv7, RFC 9562)."""
    return f"{PREFIXES[kind]}_{int(clock() * 1000):012x}{entropy(10).hex()}"
