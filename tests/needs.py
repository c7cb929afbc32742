"""What a test needs and may not find: a skip on a laptop, a failure where `CI` is set."""

from __future__ import annotations

import os
import shutil

import pytest


def needs(condition: object, what: str) -> None:
    """Go on when `condition` is true; otherwise skip the test, or fail it where `CI` is set.

    `what` completes the sentence "this test needs ...": name the thing and how to get it, such as
    "redis-server: make services". To be called in a test or a fixture.
    """
    __tracebackhide__ = True
    if condition:
        return
    if os.environ.get("CI"):
        pytest.fail(f"this test needs {what}, and CI is set", pytrace=False)
    pytest.skip(f"needs {what}")


def needs_program(name: str, *, hint: str = "make services") -> str:
    """Return the path of a program on this machine, or skip (fail where `CI` is set)."""
    __tracebackhide__ = True
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/lib/rabbitmq/bin")
    needs(path, f"the program {name}: {hint}")
    assert path
    return path
