"""From the engine's values to cells that every process and client can read."""

from __future__ import annotations

from typing import Any

from videovector_adapters.duckdb.output import collect


def test_json_that_cannot_be_carried_comes_as_text() -> None:
    """Numbers beyond 64 bits inside JSON, and JSON that nests too deep to be read, are told as text."""
    numbers = '{"a": [100000000000000000000, -9223372036854775808, 18446744073709551615, 0.5]}'
    deep = "[" * 100_000 + "]" * 100_000
    batches: list[list[tuple[Any, ...]]] = [[(numbers,), (deep,)], []]
    rows, more = collect(lambda _: batches.pop(0), ["JSON"], 10, 1 << 20, 1 << 20)
    assert rows == [[{"a": ["100000000000000000000", -(2**63), 2**64 - 1, 0.5]}], [deep]]
    assert not more
