"""The ports that every capability shares; the others stand beside the capability that needs them."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar

from attrs import frozen

Tx_co = TypeVar("Tx_co", covariant=True)


class Clock(Protocol):
    """Tells the time, in UTC; tests turn it by hand."""

    def now(self) -> datetime:
        """Return the present moment, with time zone."""
        ...


class Ids(Protocol):
    """Makes identifiers; every one is new."""

    def new(self, kind: str) -> str:
        """Return a new id of `kind`, a key of `videovector_core.ids.PREFIXES`."""
        ...


@frozen
class Blob:
    """Stored bytes, named by what they are: the hex SHA-256 of the content, and its length in bytes."""

    sha256: str
    size: int


class Blobs(Protocol):
    """Keeps bytes by content. Putting the same bytes twice keeps one copy; a failed put leaves nothing behind.

    Who refers to a blob is a fact of the database; the store deletes only what it is told to.
    """

    async def put(self, chunks: AsyncIterable[bytes]) -> Blob:
        """Store a stream of any length in bounded memory."""
        ...

    def read(self, sha256: str, *, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """Stream bytes `[start, end)`; `NotFound` (code `resource_blob_not_found`) when there is no such blob."""
        ...

    def local(self, sha256: str) -> AbstractAsyncContextManager[Path]:
        """Lend the bytes as a file of this machine under a generated name, for as long as the context lasts."""
        ...

    async def has(self, sha256: str) -> bool:
        """Say whether the bytes are there."""
        ...

    async def delete(self, sha256: str) -> None:
        """Remove the bytes; removing what is not there is no error."""
        ...


class Begin(Protocol[Tx_co]):
    """Starts a transaction: everything done through it is kept together, or, when the block raises, not at all."""

    def __call__(self, *, apart: bool = False) -> AbstractAsyncContextManager[Tx_co]:
        """Return the context of one transaction.

        With `apart` each statement stands by itself and is kept at once. A block that only reads, or writes with one
        statement, is spared the rounds that begin and end a transaction: each statement sees what was committed before
        it, as in a transaction too.
        """
        ...


class Doorbell(Protocol):
    """Shortens the wait of workers and of streams. It carries no facts: a lost ring costs time, never work."""

    def ring(self, topic: str) -> None:
        """Say that there is something new under `topic`; called after the commit."""
        ...

    async def wait(self, topic: str, seconds: float) -> bool:
        """Wait for a ring of `topic`, at most so many seconds; tell whether it rang."""
        ...


class Sealer(Protocol):
    """Encrypts what must be kept and not read; what was sealed about one thing does not open about another."""

    def seal(self, plain: bytes, *, about: bytes) -> bytes:
        """Encrypt."""
        ...

    def open(self, sealed: bytes, *, about: bytes) -> bytes:
        """Decrypt."""
        ...
