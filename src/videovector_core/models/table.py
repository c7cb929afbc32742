"""Which model answers to which name of the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import field, frozen

from videovector_core.errors import Invalid

VENDOR_NAMES: Final = ("gemini-3-pro-preview", "gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite")
"""The names of the published contract; copied examples use them, so they always resolve."""


@frozen
class ModelTable:
    """API model names, and the model that is really used. Vendor names that nobody mapped mean the default."""

    default: str = "local"
    names: Mapping[str, str] = field(factory=dict)

    @property
    def served(self) -> list[str]:
        """Every name that resolves."""
        return sorted({self.default, *self.names, *VENDOR_NAMES})

    def resolve(self, name: str | None) -> str:
        """Return the effective model; `Invalid` lists what is served when the name is unknown."""
        if name is None or name == self.default:
            return self.default
        if name in self.names:
            return self.names[name]
        if name in VENDOR_NAMES:
            return self.default
        raise Invalid(
            f"There is no model {name[:80]!r}; use one of {', '.join(self.served)}.",
            code="validation_unknown_model",
            details={"served": self.served},
        )
