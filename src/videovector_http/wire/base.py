"""The two roots of every shape on the wire: what we answer (`Shape`) and what we are sent (`Body`)."""

from __future__ import annotations

import atexit
import ctypes
import gc
from typing import Any, dataclass_transform

import msgspec


@atexit.register
def _outlive() -> None:
    """Let the types of msgspec outlive the interpreter, which would collect them when it ends.

    msgspec 0.22 sometimes crashes while its types are freed (github.com/msgspec/msgspec/issues/717), and that turns the
    status of a clean end into that of a crash.
    """
    types = [one for one in gc.get_objects() if issubclass(type(one), msgspec.StructMeta)]
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(types))


class _Keywords(msgspec.StructMeta):
    """Makes every subclass keyword-only and frozen; msgspec hands down the second but not the first."""

    def __new__(mcls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], /, **config: Any) -> _Keywords:
        return super().__new__(mcls, name, bases, namespace, **{"kw_only": True, "frozen": True, **config})


@dataclass_transform(kw_only_default=True, field_specifiers=(msgspec.field,))
class Shape(msgspec.Struct, metaclass=_Keywords):
    """An answer. Every field is written, defaults included; a field whose type has no `None` is never null."""


@dataclass_transform(kw_only_default=True, field_specifiers=(msgspec.field,))
class Body(msgspec.Struct, metaclass=_Keywords):
    """A request. Unknown fields are ignored, unless a subclass sets `forbid_unknown_fields`.

    `None` means "not given" wherever a field admits it; `msgspec.UNSET` stands where absent and null differ.
    """
