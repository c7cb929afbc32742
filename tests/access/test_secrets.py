"""Secrets in memory, at rest and in the key file."""

from __future__ import annotations

import asyncio
import copy
import json
import logging
import multiprocessing
import os
import pickle
import stat
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DataObject

from videovector_adapters.secrets import (
    KEY_BYTES,
    Envelope,
    KeyFileUnsafe,
    SealBroken,
    derive,
    key_from_text,
    load_or_create_key,
)
from videovector_core.access.secrets import MASK, Secret
from videovector_core.errors import Invalid

CANARY = "canary-5f1d0c"
ONE, TWO, THREE = (bytes([n]) * 32 for n in (1, 2, 3))


@attrs.frozen
class Holder:
    """Something with a secret in it."""

    secret: Secret


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        "{}".format,
        "{!r:>10}".format,
        lambda s: f"{s}{s!r}{s!s}{s!a}",
        lambda s: "%s %r" % (s, s),  # noqa: UP031  - the old way of formatting is one of the ways out
        lambda s: "".join([s, "x"]),  # noqa: FLY002  - so is joining
        lambda s: s + "x",
        json.dumps,
        lambda s: json.dumps({"key": s, s: 1}),
        lambda s: repr(Holder(s)),
        lambda s: repr(attrs.asdict(Holder(s))),
        lambda s: repr(getattr(s, "__dict__", None)),
        lambda s: repr(s.encode()),
        lambda s: repr(list(s)),
        lambda s: s[0:] + s.upper() + s.strip(),
        lambda s: repr(pickle.dumps(s)),
        lambda s: repr(pickle.dumps(s, protocol=0)),
        lambda s: repr(pickle.dumps(Holder(s))),
    ],
)
def test_nothing_but_reveal_shows_the_value(show: Callable[[Secret], Any]) -> None:
    """Every way of turning a secret into text or bytes gives the mask."""
    shown = show(Secret(CANARY))
    assert CANARY not in shown
    assert CANARY.encode() not in str(shown).encode()


def _fail_with(secret: Secret) -> None:
    raise ValueError(secret)


def test_logs_and_tracebacks_show_the_mask(caplog: pytest.LogCaptureFixture) -> None:
    """A secret that ends up in a log line or an exception shows the mask."""
    secret = Secret(CANARY)
    logging.getLogger("access").warning("with %s and %r", secret, {"key": secret})
    with pytest.raises(ValueError, match=r"\*\*\*") as caught:
        _fail_with(secret)
    text = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert MASK in caplog.text
    assert CANARY not in caplog.text
    assert "secret = ***" in text
    assert CANARY not in text


def test_reveal_returns_what_was_put_in() -> None:
    """Only `reveal` returns the value; copies keep it and a pickled one comes back holding the mask."""
    secret = Secret(CANARY)
    assert secret.reveal() == CANARY
    assert Secret(secret).reveal() == CANARY
    assert copy.deepcopy(Holder(secret)).secret.reveal() == copy.copy(secret).reveal() == CANARY
    assert pickle.loads(pickle.dumps(secret)).reveal() == MASK


def test_equality_is_of_values_and_among_secrets() -> None:
    """Two secrets are equal when their values are; no plain text equals a secret, the mask least of all."""
    assert Secret("a") == Secret("a")
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert Secret("a") != MASK
    assert not Secret("")


def test_a_secret_does_not_change() -> None:
    """A secret has no attributes to set and none to take away."""
    secret = Secret(CANARY)
    acts: list[Callable[[], None]] = [
        lambda: setattr(secret, "_hidden", "x"),
        lambda: setattr(secret, "more", 1),
        lambda: delattr(secret, "_hidden"),
    ]
    for act in acts:
        with pytest.raises(AttributeError, match="does not change"):
            act()
    assert secret.reveal() == CANARY


@given(st.binary(max_size=4096), st.binary(max_size=64))
def test_sealed_secrets_open(plain: bytes, about: bytes) -> None:
    """What was sealed opens to the same bytes, and two seals of one text have nothing in common but the header."""
    envelope = Envelope(ONE)
    first, second = envelope.seal(plain, about=about), envelope.seal(plain, about=about)
    assert envelope.open(first, about=about) == plain
    assert first[12:] != second[12:]
    assert len(plain) < 8 or plain not in first


@given(st.data())
def test_no_changed_byte_goes_unnoticed(data: DataObject) -> None:
    """Changing, cutting or adding anything anywhere refuses to open."""
    envelope = Envelope(ONE)
    sealed = envelope.seal(b"password", about=b"connector/1")
    place = data.draw(st.integers(0, len(sealed) - 1))
    flip = data.draw(st.integers(1, 255))
    changed = sealed[:place] + bytes([sealed[place] ^ flip]) + sealed[place + 1 :]
    for broken in (changed, sealed[:place], sealed + b"\0"):
        with pytest.raises(SealBroken):
            envelope.open(broken, about=b"connector/1")


def test_a_sealed_secret_belongs_to_its_owner() -> None:
    """A sealed value that was moved to another row does not open there, not even by way of rewrapping."""
    sealed = Envelope(ONE).seal(b"password", about=b"connector/1")
    with pytest.raises(SealBroken):
        Envelope(ONE).open(sealed, about=b"connector/2")
    with pytest.raises(SealBroken):
        Envelope(TWO, [ONE]).reseal(sealed, about=b"connector/2")


def test_parts_of_two_secrets_do_not_mix() -> None:
    """The wrapped key of one secret does not open the text of another."""
    envelope = Envelope(ONE)
    one, two = (envelope.seal(text, about=b"a") for text in (b"one", b"two"))
    with pytest.raises(SealBroken):
        envelope.open(one[:72] + two[72:], about=b"a")


def test_rotation_of_a_thousand_secrets() -> None:
    """After a change of keys everything opens, resealing keeps every value, and then the old key may go."""
    old = Envelope(ONE)
    kept = {b"connector/%d" % n: old.seal(b"secret %d" % n, about=b"connector/%d" % n) for n in range(1000)}
    both = Envelope(TWO, [ONE])
    assert all(both.stale(sealed) for sealed in kept.values())
    assert all(both.open(sealed, about=about).startswith(b"secret") for about, sealed in kept.items())
    renewed = {about: both.reseal(sealed, about=about) for about, sealed in kept.items()}
    assert not any(both.stale(sealed) for sealed in renewed.values())
    assert all(both.reseal(sealed, about=about) == sealed for about, sealed in renewed.items())
    assert [Envelope(TWO).open(sealed, about=about) for about, sealed in renewed.items()] == [
        b"secret %d" % n for n in range(1000)
    ]
    with pytest.raises(SealBroken, match="not configured"):
        old.open(renewed[b"connector/1"], about=b"connector/1")


def test_an_unknown_key_is_told_from_a_broken_seal() -> None:
    """A value under a key that nobody configured says so."""
    with pytest.raises(SealBroken, match="VIDEOVECTOR_SECRET_KEY"):
        Envelope(THREE, [TWO]).open(Envelope(ONE).seal(b"x", about=b""), about=b"")
    with pytest.raises(ValueError, match="at least 32"):
        Envelope(b"short")


def test_neither_envelopes_nor_errors_show_keys() -> None:
    """The repr of an envelope has no key in it."""
    assert repr(ONE) not in repr(Envelope(ONE, [TWO]))


def test_purposes_share_no_key_material() -> None:
    """Two purposes derive two keys, the same purpose always the same one."""
    assert derive(ONE, "a") == derive(ONE, "a")
    assert len({derive(ONE, "a"), derive(ONE, "b"), derive(TWO, "a")}) == 3


def test_the_settings_key_has_a_least_length() -> None:
    """A short key stops the start with one sentence that names the setting."""
    assert key_from_text(" " + "k" * 32 + "\n") == b"k" * 32
    with pytest.raises(Invalid, match="VIDEOVECTOR_SECRET_KEY"):
        key_from_text("hunter2")


def test_the_key_file_is_private_and_kept(tmp_path: Path) -> None:
    """The first start makes the key, 0600 in a 0700 directory whatever the umask; later starts return the same."""
    before = os.umask(0)
    try:
        key = load_or_create_key(tmp_path / "data")
    finally:
        os.umask(before)
    keys = tmp_path / "data" / "keys"
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    assert [(f.name, stat.S_IMODE(f.stat().st_mode)) for f in keys.iterdir()] == [("secret.key", 0o600)]
    assert len(key) == KEY_BYTES
    assert load_or_create_key(tmp_path / "data") == key


def test_a_crash_while_the_key_was_written_leaves_no_half_key(tmp_path: Path) -> None:
    """A leftover of an interrupted start is replaced."""
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "secret.new").write_bytes(b"half")
    assert len(load_or_create_key(tmp_path)) == KEY_BYTES
    assert not (tmp_path / "keys" / "secret.new").exists()


def _loose(path: Path) -> None:
    path.write_bytes(ONE)
    path.chmod(0o640)


def _short(path: Path) -> None:
    path.write_bytes(b"short")
    path.chmod(0o600)


def _linked(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _pipe(path: Path) -> None:
    os.mkfifo(path, 0o600)


@pytest.mark.parametrize("spoil", [_loose, _short, _linked, _pipe])
def test_an_unsafe_key_file_stops_the_start(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    """A key that others can read, of another length, behind a link or no file at all is refused, not replaced."""
    (tmp_path / "keys").mkdir()
    spoil(tmp_path / "keys" / "secret.key")
    with pytest.raises(KeyFileUnsafe, match=r"secret\.key"):
        load_or_create_key(tmp_path)


async def test_two_processes_that_start_at_once_share_one_key(tmp_path: Path) -> None:
    """Eight processes that start together on an empty directory all get the same key."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(4) as pool:
        keys = await asyncio.to_thread(pool.map, load_or_create_key, [tmp_path / "data"] * 8, 1)
    assert len(set(keys)) == 1
