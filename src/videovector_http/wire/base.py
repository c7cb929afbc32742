"""The two roots of every shape on the wire: what we answer (`Shape`) and what we are sent (`Body`)."""

from __future__ import annotations

import atexit
import gc
from typing import Any, dataclass_transform

import msgspec

# An interpreter that ends collects every type, and msgspec 0.22 may free what belongs to its types twice
# (github.com/msgspec/msgspec/issues/717), which would turn the status of a clean end into that of a crash.
atexit.register(gc.freeze)


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
