"""What the tests of published clients share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients.conformance.world import world


@pytest.fixture(scope="package")
def around(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """A server with all that stands around it; one start for all."""
    with world(tmp_path_factory.mktemp("clients")) as one:
        yield one
