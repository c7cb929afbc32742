"""Reads tensors from a checkpoint of PyTorch's first format without PyTorch, and without running what is in it.

Such a file is four pickles (a magic number, a version, facts about the machine, the tree of tensors), a pickled list of
storage keys, and then the storages: for each its number of elements (8 bytes) and their raw bytes. The unpickler knows
four names and refuses every other, so a file can only describe tensors.
"""

from __future__ import annotations

import io
import math
import pickle
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from videovector_core.errors import ProcessingFailed

Tensor: TypeAlias = NDArray[np.float32]

_MAGIC: Final = 0x1950A86A20F9469CFC6C
_MOST_ELEMENTS: Final = 64_000_000


@frozen
class _Storage:
    key: str
    kind: str
    elements: int


@frozen
class _Tensor:
    storage: _Storage
    offset: int
    shape: tuple[int, ...] = field(converter=tuple)
    strides: tuple[int, ...] = field(converter=tuple)


class _Unpickler(pickle.Unpickler):
    """An unpickler that can build an ordered dictionary and descriptions of tensors, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        allowed: Mapping[str, Callable[..., Any] | str] = {
            "collections.OrderedDict": OrderedDict,
            "torch._utils._rebuild_tensor_v2": _described,
            "torch.FloatStorage": "<f4",
            "torch.LongStorage": "<i8",
        }
        try:
            return allowed[f"{module}.{name}"]
        except KeyError:
            raise _refused(f"it names {module}.{name}"[:100]) from None

    def persistent_load(self, pid: Any) -> _Storage:
        what, kind, key, _location, elements, view = pid
        if what != "storage" or view is not None or not 0 <= int(elements) <= _MOST_ELEMENTS:
            raise _refused("a storage in it is out of bounds")
        return _Storage(str(key), str(kind), int(elements))


def tensors(data: bytes) -> dict[str, Tensor]:
    """Return the tensors of 32-bit floats by name; those of other kinds are left out.

    Raises:
        ProcessingFailed: the file is no such checkpoint, or names anything but tensors (code `model_error`).
    """
    stream = io.BytesIO(data)
    try:
        if _load(stream) != _MAGIC:
            raise _refused("its magic number is another one")
        _load(stream), _load(stream)
        tree = _load(stream)
        storages = _storages(stream, list(_load(stream)), tree)
        return {name: _view(tensor, storages) for name, tensor in tree.items() if tensor.storage.kind == "<f4"}
    except (pickle.UnpicklingError, ValueError, TypeError, AttributeError, KeyError, EOFError, IndexError) as error:
        raise _refused(type(error).__name__) from error


def _load(stream: io.BytesIO) -> Any:
    return _Unpickler(stream).load()


def _storages(stream: io.BytesIO, keys: list[str], tree: Mapping[str, _Tensor]) -> dict[str, NDArray[Any]]:
    kinds = {tensor.storage.key: tensor.storage for tensor in tree.values()}
    found: dict[str, NDArray[Any]] = {}
    for key in keys:
        storage = kinds[key]
        elements = int.from_bytes(stream.read(8), "little")
        if elements != storage.elements:
            raise _refused("a storage has another size than was announced")
        raw = stream.read(elements * np.dtype(storage.kind).itemsize)
        found[key] = np.frombuffer(raw, storage.kind, elements)
    return found


def _view(tensor: _Tensor, storages: Mapping[str, NDArray[Any]]) -> Tensor:
    expected = tuple(math.prod(tensor.shape[axis + 1 :]) for axis in range(len(tensor.shape)))
    if tensor.strides != expected:
        raise _refused("a tensor in it is not stored in order")
    end = tensor.offset + math.prod(tensor.shape)
    return np.asarray(storages[tensor.storage.key][tensor.offset : end].reshape(tensor.shape), np.float32)


def _described(storage: _Storage, offset: int, shape: Any, strides: Any, *_: Any) -> _Tensor:
    return _Tensor(storage, int(offset), shape, strides)


def _refused(why: str) -> ProcessingFailed:
    return ProcessingFailed(f"The checkpoint was not read: {why}.", code="model_error")
