"""The pages of the documentation, and the code in them."""

from __future__ import annotations

import re
from pathlib import Path

from attrs import frozen

ROOT = Path(__file__).parents[2]
PAGES = sorted(path.relative_to(ROOT) for path in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")))

_FENCE = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@frozen
class Block:
    """A fenced block: its language, what else the fence says, its text, and the line where it begins."""

    page: Path
    line: int
    language: str
    remark: str
    text: str

    def __str__(self) -> str:
        """Name the place, as a test's id."""
        return f"{self.page}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """List the fenced blocks of a page."""
    source = (ROOT / page).read_text()
    return [
        Block(page, source.count("\n", 0, found.start()) + 1, found[1], found[2].strip(), found[3])
        for found in _FENCE.finditer(source)
    ]
