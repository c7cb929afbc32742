"""Fixtures and the closing report that all tests share."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.needs import needs

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared_media() -> Path:
    """The directory of real media files beside the project; absent, the test is skipped (fails where `CI` is set)."""
    path = ROOT.parent / "shared" / "media"
    needs(path.is_dir(), f"the media files in {path.parent.name}/{path.name} beside the project")
    return path


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say once per reason how many tests were skipped, so that nothing is skipped silently."""
    reasons = Counter(_reason(report) for report in terminalreporter.stats.get("skipped", []))
    if reasons:
        terminalreporter.section("skipped, by reason")
    for reason, count in sorted(reasons.items()):
        terminalreporter.write_line(f"{count:4d}  {reason}")


def _reason(report: pytest.TestReport) -> str:
    text = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return text.removeprefix("Skipped: ")
