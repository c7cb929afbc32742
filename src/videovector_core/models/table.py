"""Which model answers to which name of the API, and on what terms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import field, frozen

from videovector_core.errors import Invalid
from videovector_core.models.ports import Usage

VENDOR_NAMES: Final = ("gemini-3-pro-preview", "gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite")
"""The names of the published contract; copied examples use them, so they always resolve."""
MILLION: Final = 1_000_000


@frozen
class Prices:
    """Prices of a million tokens, in whatever currency the operator counts in."""

    input: float = 0.0
    output: float = 0.0

    def of(self, usage: Usage) -> float:
        """Return what a call cost."""
        return (usage.input_tokens * self.input + usage.output_tokens * self.output) / MILLION


@frozen
class Terms:
    """How a model may be used. `None` is no limit, and for prices, unknown.

    Args:
        concurrency: calls of one process at the same time, at the most.
        rpm: requests per minute, of all processes together.
        tpm: tokens per minute, of all processes together.
        context: tokens of one question and its answer.
        batch: short segments of one media item that are asked about in one call, at the most.
        batch_seconds: a longer segment is asked about alone.
    """

    concurrency: int = 32
    rpm: int | None = None
    tpm: int | None = None
    context: int | None = None
    prices: Prices | None = None
    batch: int = 1
    batch_seconds: float = 10.0


NO_TERMS: Final = Terms()


@frozen
class ModelTable:
    """API model names, and the model that is really used. Vendor names that nobody mapped mean the default."""

    default: str = "local"
    names: Mapping[str, str] = field(factory=dict)
    terms: Mapping[str, Terms] = field(factory=dict)
    """By the name of the model that is really used."""

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

    def terms_of(self, model: str) -> Terms:
        """Return the terms of a model that is really used."""
        return self.terms.get(model, NO_TERMS)
