"""API keys: how they are made, what is stored of them, and what may be shown."""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from collections.abc import Callable
from typing import Final

PREFIX: Final = "sk_live_"
_SHAPE: Final = re.compile(rf"{PREFIX}[0-9a-f]{{48}}", re.ASCII)
_SHOWN: Final = len(PREFIX) + 6


def mint(entropy: Callable[[int], bytes] = os.urandom) -> str:
    """Make a key: `sk_live_` and 48 lowercase hex digits, 192 random bits (the shape that published clients insist on)."""
    return PREFIX + entropy(24).hex()


def looks_like_key(text: str) -> bool:
    """Say whether `text` could be a key of ours; anything else is refused without a look-up."""
    return _SHAPE.fullmatch(text) is not None


def digest(key: str, pepper: bytes) -> bytes:
    """Return the 32 bytes that are stored and looked up instead of the key: HMAC-SHA256 under the server's `pepper`.

    Keys are random, so a slow password hash would add cost and no safety; the pepper makes a stolen table useless
    even to somebody who holds a candidate key.
    """
    return hmac.digest(pepper, key.encode(), hashlib.sha256)


def masked_prefix(key: str) -> str:
    """Return the first characters of a key, enough for its owner to tell it from others: `sk_live_1a2b3c`."""
    return key[:_SHOWN]
