"""Files are short, or there is a reason."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
LOOK, CEILING = 350, 500
RECORD = (ROOT / "CONTRIBUTING.md").read_text()


def lengths() -> dict[str, int]:
    """Count the lines of every source and every test."""
    paths = [*(ROOT / "src").rglob("*.py"), *(path for path in (ROOT / "tests").rglob("*.py"))]
    shown = {str(path.relative_to(ROOT)): path for path in paths if "node_modules" not in path.parts}
    return {name: len(path.read_text().splitlines()) for name, path in shown.items()}


def test_long_files_have_a_reason() -> None:
    """A file over 350 lines is in the record of CONTRIBUTING.md, which names files that exist; none is over 500."""
    found = lengths()
    reasons = dict(re.findall(r"^\| `([\w/.]+\.py)` \| ([^|]{20,}) \|$", RECORD, re.MULTILINE))
    assert [name for name, lines in found.items() if lines > LOOK and name not in reasons] == []
    assert set(reasons) <= set(found)
    assert max(found.values()) <= CEILING
