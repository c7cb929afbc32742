"""Columns of numbers that grow with the media and are kept in files, so that the process that decodes stays small."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Final

COLUMNS: Final = {
    "times": "d",
    "differences": "f",
    "changed": "f",
    "luma": "f",
    "spread": "f",
    "span": "f",
    "residual": "f",
    "likeness": "f",
}
"""The columns of a pass over pictures, with the type codes of their arrays."""
AUDIO: Final = "audio.wav"
_KEPT: Final = 4096
_STILL: Final = struct.Struct("<dB")


class Columns:
    """Appends rows of numbers, one file for each column."""

    def __init__(self, into: Path, columns: dict[str, str]) -> None:
        self._arrays: dict[str, array[float]] = {name: array(code) for name, code in columns.items()}
        self._files: dict[str, BinaryIO] = {name: (into / f"{name}.column").open("wb") for name in columns}
        self.rows = 0

    def append(self, row: Mapping[str, float]) -> None:
        """Add one row; every column has its value."""
        for name, value in row.items():
            self._arrays[name].append(value)
        self.rows += 1
        if self.rows % _KEPT == 0:
            self._write()

    def close(self) -> None:
        """Write what is left and close the files."""
        self._write()
        for file in self._files.values():
            file.close()

    def _write(self) -> None:
        for name, values in self._arrays.items():
            values.tofile(self._files[name])
            del values[:]


def load(into: Path, name: str, code: str) -> array[float]:
    """Read a column back and remove its file; empty when there were no pictures."""
    path = into / f"{name}.column"
    values: array[float] = array(code)
    if not path.exists():
        return values
    with path.open("rb") as file:
        values.fromfile(file, path.stat().st_size // values.itemsize)
    path.unlink()
    return values


class StillIndex:
    """Numbers still pictures in the order they were made, and keeps their times."""

    def __init__(self, into: Path, kind: str) -> None:
        self._into, self._kind = into, kind
        self._file = (into / f"{kind}.stills").open("wb")
        self._count = 0

    def add(self, time: float, jpeg: bytes, *, after_cut: bool = False) -> None:
        """Keep one picture."""
        still_path(self._into, self._kind, self._count).write_bytes(jpeg)
        self._file.write(_STILL.pack(time, after_cut))
        self._count += 1

    def close(self) -> None:
        """Finish the index."""
        self._file.close()


def still_path(into: Path, kind: str, number: int) -> Path:
    """Return where picture `number` lies."""
    return into / f"{kind}-{number:06d}.jpg"


def load_stills(into: Path, kind: str) -> list[tuple[float, Path, bool]]:
    """Read an index back and remove its file."""
    path = into / f"{kind}.stills"
    rows = [
        (time, still_path(into, kind, number), bool(after_cut))
        for number, (time, after_cut) in enumerate(_STILL.iter_unpack(path.read_bytes()))
    ]
    path.unlink()
    return rows
