"""What is installed is pinned."""

from __future__ import annotations

import re
import tomllib
from itertools import chain
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def lines(name: str) -> list[str]:
    """List what a requirements file says, comments aside."""
    return [line for line in (ROOT / name).read_text().splitlines() if line and not line.startswith("#")]


def test_every_dependency_is_pinned_to_a_version_that_it_allows() -> None:
    """`constraints.txt` has one exact version for each dependency of the project and of its tools."""
    pins = dict(line.split("==") for line in lines("constraints.txt"))
    pinned = {canonicalize_name(name): version for name, version in pins.items()}
    wanted = [
        *PROJECT["project"]["dependencies"],
        *chain.from_iterable(PROJECT["project"]["optional-dependencies"].values()),
        *PROJECT["dependency-groups"]["dev"],
    ]
    for requirement in map(Requirement, wanted):
        name = canonicalize_name(requirement.name)
        # the client is pinned where it is asked for: two versions of it are installed, each in an environment of its own
        if name not in {"videovector", "videovector-core"}:
            assert name in pinned, f"{name} is not pinned: make lock"
            assert requirement.specifier.contains(pinned[name]), f"{name} {pinned[name]}: make lock"


@pytest.mark.parametrize("name", ["mirrors.txt", "demo.txt"])
def test_data_is_pinned_by_hash(name: str) -> None:
    """Weights and recordings come with the sha256 of their package."""
    for line in lines(name):
        assert re.fullmatch(r"[\w.-]+==[\w.]+ --hash=sha256:[0-9a-f]{64}", line), line
