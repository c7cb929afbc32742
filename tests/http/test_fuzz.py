"""Generated requests over every operation: nothing outside the envelope or the document, and never a 5xx."""

from __future__ import annotations

import pytest

from tests.http.fuzzing import fuzz, listening


@pytest.mark.real
@pytest.mark.timeout(600)
@pytest.mark.parametrize("with_key", [True, False])
async def test_generated_requests(with_key):
    """Good data and bad, with a key and without: every check but that of refusals passes on every operation; `make faults` has that one."""
    async with listening() as (api, origin):
        found = await fuzz(
            origin, credential=f"X-API-Key: {api.key}" if with_key else None, examples=3, seed=1, whole=False
        )
    assert found.cases > 200
    assert found.status == 0, found.failures
