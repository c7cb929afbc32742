"""Where in a query something stands, and what was probably meant."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches


def place(query: str, word: str | None, at: int | None = None) -> dict[str, int] | None:
    """Return the line and column, from 1, of an offset or of the first appearance of a word; `None` when it is not there."""
    if at is None and word:
        found = re.search(rf"(?<![\w]){re.escape(word)}(?![\w])", query, re.IGNORECASE)
        at = found.start() if found else None
    if at is None:
        return None
    before = query[:at]
    return {"line": before.count("\n") + 1, "column": at - (before.rfind("\n") + 1) + 1}


def nearest(name: str, among: Iterable[str], most: int = 3) -> list[str]:
    """Return the names most like a name, by spelling or because their last part is the same (`emotion` for a path)."""
    folded = {candidate.casefold(): candidate for candidate in among}
    plain = name.casefold()
    ending = [folded[key] for key in folded if re.split(r"[.\[\]]+", key.removesuffix("[]"))[-1] == plain]
    alike = [folded[key] for key in get_close_matches(plain, folded, n=most, cutoff=0.6)]
    return list(dict.fromkeys([*ending, *alike]))[:most]
