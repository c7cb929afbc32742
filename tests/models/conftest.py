"""Real weights, loaded once for each file of tests; absent ones skip on a laptop and fail where CI is set."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.needs import needs
from videovector_adapters.local.catalog import Weight
from videovector_adapters.local.weights import Weights


@pytest.fixture(scope="session")
def weights_for():
    """Return the places to search, once all that is wanted is known to lie there."""

    def find(*wanted: Weight) -> Weights:
        weights = Weights()
        needs(weights.present(*wanted), f"weights of {wanted[0].model}: videovector models fetch")
        return weights

    return find


@pytest.fixture(scope="session")
def media(shared_media: Path):
    """Return a shared media file by its name."""

    def find(name: str) -> Path:
        needs((shared_media / name).is_file(), f"{name} among the media files beside the project")
        return shared_media / name

    return find
