"""API keys: shape, digest and mask."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from videovector_core.access.keys import digest, looks_like_key, masked_prefix, mint


def test_keys_have_the_shape_that_clients_insist_on() -> None:
    """A key is `sk_live_` and 48 lowercase hex digits, new every time."""
    made = {mint() for _ in range(200)}
    assert len(made) == 200
    assert all(re.fullmatch(r"sk_live_[0-9a-f]{48}", key) and looks_like_key(key) for key in made)
    assert mint(lambda n: bytes(range(n))) == "sk_live_" + bytes(range(24)).hex()


@given(st.text(max_size=80))
def test_what_is_not_a_key_is_told_apart(text: str) -> None:
    """Anything but the exact shape is no key, a key with something around it least of all."""
    key = mint(lambda n: b"\xab" * n)
    assert not looks_like_key(text)
    assert looks_like_key(key + text) == looks_like_key(text + key) == (text == "")
    assert not looks_like_key(key.upper())
    assert not looks_like_key(key[:-1] + "\N{ARABIC-INDIC DIGIT ONE}")


def test_the_digest_depends_on_key_and_pepper() -> None:
    """The same key under the same pepper gives the same 32 bytes; another of either gives others, and none holds the key."""
    one, two = mint(), mint()
    assert digest(one, b"p" * 32) == digest(one, b"p" * 32)
    assert len({digest(one, b"p" * 32), digest(two, b"p" * 32), digest(one, b"q" * 32)}) == 3
    assert len(digest(one, b"p" * 32)) == 32


def test_the_mask_shows_little() -> None:
    """What is shown of a key is a short beginning: 24 of its 192 bits."""
    key = mint()
    assert key.startswith(masked_prefix(key))
    assert len(masked_prefix(key)) == 14
