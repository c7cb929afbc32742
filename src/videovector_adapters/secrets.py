"""Secrets at rest: envelope encryption, and the key file that it starts from.

A sealed value is `VVS1`, the name of the key-encryption key (8 bytes), the wrapped data key (12 bytes of nonce, 32 of
key, 16 of tag), then the nonce, text and tag of the secret. Every secret has a data key of its own, so changing the
settings' key rewraps 60 bytes per secret and leaves the rest as it is (AES-256-GCM, NIST SP 800-38D; HKDF, RFC 5869).
"""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self

from attrs import field, frozen
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from videovector_core.errors import Invalid, VideoVectorError

KEY_BYTES: Final = 32
KEY_FILE: Final = "secret.key"
_MAGIC: Final = b"VVS1"
_NONCE: Final = 12
_NAMED: Final = len(_MAGIC) + 8
_WRAPPED: Final = _NONCE + KEY_BYTES + 16
_LEAST: Final = _NAMED + _WRAPPED + _NONCE + 16


class SealBroken(VideoVectorError):
    """A stored secret cannot be opened: its key is not among the configured ones, it was altered, or it is another's."""

    default_code = "secret_unreadable"


class KeyFileUnsafe(VideoVectorError):
    """The key file of the data directory is damaged, or others can read it. The message says what to do."""

    default_code = "key_file_unsafe"


def derive(key: bytes, purpose: str, length: int = KEY_BYTES) -> bytes:
    """Derive `length` bytes for one purpose, so that no two uses of the settings' key share key material."""
    return HKDF(SHA256(), length, salt=None, info=b"videovector/" + purpose.encode()).derive(key)


def key_from_text(text: str) -> bytes:
    """Read `VIDEOVECTOR_SECRET_KEY`: any text of at least 32 bytes, such as the output of `openssl rand -hex 32`."""
    key = text.strip().encode()
    if len(key) < KEY_BYTES:
        raise Invalid(
            "VIDEOVECTOR_SECRET_KEY is shorter than 32 characters; make one with `openssl rand -hex 32`.",
            code="settings_invalid",
        )
    return key


@frozen(repr=False)
class _Wrapping:
    """One key-encryption key and the name under which sealed values refer to it."""

    name: bytes
    cipher: AESGCM

    @classmethod
    def of(cls, key: bytes) -> Self:
        """Derive both from a settings' key; the name tells nothing about the key."""
        if len(key) < KEY_BYTES:
            raise ValueError(f"a key has at least {KEY_BYTES} bytes")
        return cls(derive(key, "envelope/name", 8), AESGCM(derive(key, "envelope/wrap")))


@frozen(repr=False)
class Envelope:
    """Seals secrets under the settings' key, and opens what was sealed under it or under a `previous` one.

    `about` says whose secret it is, for example `b"connector/conn_1/credentials"`: a sealed value that is moved to
    another row does not open there.
    """

    key: bytes
    previous: Sequence[bytes] = ()
    _rings: dict[bytes, _Wrapping] = field(init=False)
    _current: _Wrapping = field(init=False)

    def __attrs_post_init__(self) -> None:
        """Derive the wrapping keys once."""
        rings = [_Wrapping.of(key) for key in (self.key, *self.previous)]
        object.__setattr__(self, "_current", rings[0])
        object.__setattr__(self, "_rings", {ring.name: ring for ring in reversed(rings)})

    def seal(self, plain: bytes, *, about: bytes) -> bytes:
        """Encrypt `plain` under a data key of its own."""
        data_key, nonce = AESGCM.generate_key(256), os.urandom(_NONCE)
        return self._wrap(data_key, about) + nonce + AESGCM(data_key).encrypt(nonce, plain, _bound(b"data", about))

    def open(self, sealed: bytes, *, about: bytes) -> bytes:
        """Decrypt what `seal` made.

        Raises:
            SealBroken: the key is unknown, the bytes were altered, or they were sealed about something else.
        """
        data_key = self._unwrap(sealed, about)
        nonce, text = sealed[_NAMED + _WRAPPED :][:_NONCE], sealed[_NAMED + _WRAPPED + _NONCE :]
        return _decrypt(AESGCM(data_key), nonce, text, _bound(b"data", about))

    def stale(self, sealed: bytes) -> bool:
        """Say whether `sealed` still hangs on a previous key."""
        return sealed[:_NAMED] != _MAGIC + self._current.name

    def reseal(self, sealed: bytes, *, about: bytes) -> bytes:
        """Hang a sealed value on the current key; the secret itself is not touched, and a current one returns unchanged."""
        if not self.stale(sealed):
            return sealed
        return self._wrap(self._unwrap(sealed, about), about) + sealed[_NAMED + _WRAPPED :]

    def _wrap(self, data_key: bytes, about: bytes) -> bytes:
        nonce = os.urandom(_NONCE)
        wrapped = self._current.cipher.encrypt(nonce, data_key, _bound(b"wrap", about))
        return _MAGIC + self._current.name + nonce + wrapped

    def _unwrap(self, sealed: bytes, about: bytes) -> bytes:
        ring = self._rings.get(sealed[len(_MAGIC) : _NAMED])
        if len(sealed) < _LEAST or sealed[: len(_MAGIC)] != _MAGIC or ring is None:
            raise SealBroken(
                "A stored secret has a key that is not configured; set VIDEOVECTOR_SECRET_KEY back or enter it anew."
            )
        wrapped = sealed[_NAMED : _NAMED + _WRAPPED]
        return _decrypt(ring.cipher, wrapped[:_NONCE], wrapped[_NONCE:], _bound(b"wrap", about))


def _bound(part: bytes, about: bytes) -> bytes:
    return _MAGIC + part + about


def _decrypt(cipher: AESGCM, nonce: bytes, text: bytes, bound: bytes) -> bytes:
    try:
        return cipher.decrypt(nonce, text, bound)
    except InvalidTag as error:
        raise SealBroken("A stored secret was altered, or belongs to something else; enter it anew.") from error


def load_or_create_key(data_dir: Path) -> bytes:
    """Return the 32 bytes of `data_dir/keys/secret.key`, made at the first start.

    The directory is 0700 and the file 0600. The file appears whole or not at all, and of several processes that start
    at once all return the same key.

    Raises:
        KeyFileUnsafe: the file has another length, is no plain file, or others can read it.
    """
    with _exclusive(data_dir / "keys") as directory:
        path = directory / KEY_FILE
        try:
            return _read_safely(path)
        except FileNotFoundError:
            _write_whole(path, os.urandom(KEY_BYTES))
            return _read_safely(path)


@contextmanager
def _exclusive(directory: Path) -> Iterator[Path]:
    """Make `directory` private and hold its lock, which the kernel lets go when the process dies."""
    directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.mkdir(mode=0o700, exist_ok=True)
    directory.chmod(0o700)
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield directory
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_whole(path: Path, content: bytes) -> None:
    """Write beside, flush to the disk, then rename: a crash leaves no half key behind. Called under the lock."""
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(handle, 0o600)
        file.write(content)
        file.flush()
        os.fsync(handle)
    beside.rename(path)


def _read_safely(path: Path) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise KeyFileUnsafe(f"keys/{path.name} cannot be read as a plain file; restore it from a backup.") from error
    with os.fdopen(handle, "rb") as file:
        about = os.fstat(handle)
        if not stat.S_ISREG(about.st_mode) or about.st_mode & 0o077:
            raise KeyFileUnsafe(f"keys/{path.name} is open to others; check who read it, then `chmod 600` it.")
        content = file.read(KEY_BYTES + 1)
    if len(content) != KEY_BYTES:
        raise KeyFileUnsafe(f"keys/{path.name} does not hold {KEY_BYTES} bytes; restore it from a backup.")
    return content
