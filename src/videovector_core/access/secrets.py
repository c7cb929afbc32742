"""A value that does not show itself."""

from __future__ import annotations

import hmac
from typing import Any, Final, NoReturn, Self

MASK: Final = "***"


class Secret(str):
    """A text that is `***` to everything but `reveal()`: repr, str, format, JSON, logs, SQL parameters and pickling.

    It is a string whose own characters are the mask, so code that forgets what it holds shows, stores or sends the
    mask. Copies keep the value; a pickled one comes back holding the mask alone. Two are equal when their values are.
    """

    __slots__ = ("_hidden",)
    _hidden: str

    def __new__(cls, value: str) -> Self:
        """Hide `value`; hiding a `Secret` again keeps what it holds."""
        made = super().__new__(cls, MASK)
        made._hidden = value.reveal() if isinstance(value, Secret) else value
        return made

    def reveal(self) -> str:
        """Return the value itself, for the one place that needs it."""
        return self._hidden

    def __eq__(self, other: object) -> bool:
        """Compare with another `Secret` in a time that does not tell where they differ; no plain text is equal to one."""
        if not isinstance(other, Secret):
            return False
        return hmac.compare_digest(self._hidden.encode(), other._hidden.encode())

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((Secret, self._hidden))

    def __bool__(self) -> bool:
        return bool(self._hidden)

    def __repr__(self) -> str:
        return MASK

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce_ex__(self, protocol: Any) -> tuple[type[Secret], tuple[str]]:
        return Secret, (MASK,)

    def __setattr__(self, name: str, value: object) -> None:
        if name != "_hidden" or hasattr(self, "_hidden"):
            self._refuse()
        super().__setattr__(name, value)

    def __delattr__(self, name: str) -> None:
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise AttributeError("a secret does not change; make another one")
