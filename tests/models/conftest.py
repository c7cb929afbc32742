"""Real weights, loaded once for each file of tests; absent ones skip on a laptop and fail where CI is set."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from videovector_adapters.local.catalog import Weight
from videovector_adapters.local.weights import Weights

MEDIA = Path(__file__).resolve().parents[3] / "shared" / "media"


def needs(there: bool, what: str) -> None:
    """Go on if it is there; otherwise skip, or fail where CI is set."""
    if not there:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{what} is not here")


@pytest.fixture(scope="session")
def weights_for():
    """Return the places to search, once all that is wanted is known to lie there."""

    def find(*wanted: Weight) -> Weights:
        weights = Weights()
        needs(weights.present(*wanted), f"weights of {wanted[0].model}")
        return weights

    return find


@pytest.fixture(scope="session")
def media():
    """Return a shared media file by its name."""

    def find(name: str) -> Path:
        needs((MEDIA / name).is_file(), name)
        return MEDIA / name

    return find
