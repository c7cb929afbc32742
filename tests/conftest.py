"""Fixtures and the closing report that all tests share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.needs import needs
from tests.server import Server

ROOT = Path(__file__).parents[1]

# No test is a matter of time: a loaded machine must not make one red.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


@pytest.fixture(scope="session")
def shared_media() -> Path:
    """The directory of real media files beside the project; absent, the test is skipped (fails where `CI` is set)."""
    path = ROOT.parent / "shared" / "media"
    needs(path.is_dir(), f"the media files in {path.parent.name}/{path.name} beside the project")
    return path


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A real server with everything embedded, which all tests that need one share; it must end well."""
    one = Server(tmp_path_factory.mktemp("server") / "data").start()
    yield one
    assert one.stop() == 0, one.log.read_text()[-4000:]


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
