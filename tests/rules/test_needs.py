"""What is missing is never passed over in silence."""

from __future__ import annotations

import pytest

from tests.needs import needs, needs_program


def test_what_is_there_lets_the_test_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A true condition does nothing, in CI as on a laptop."""
    monkeypatch.setenv("CI", "true")
    needs([1], "a thing")
    assert needs_program("sh").endswith("/sh")


def test_what_is_missing_on_a_laptop_is_a_skip(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without `CI` the test is skipped, with the reason."""
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="needs a thing"):
        needs(None, "a thing")


def test_what_is_missing_in_ci_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """With `CI` the test fails and names what to install."""
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="no-such-program: make services"):
        needs_program("no-such-program")
