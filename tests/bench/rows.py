"""What a measurement says."""

from __future__ import annotations

from attrs import frozen


@frozen
class Row:
    """One measured value, its unit, and what it is to be compared with."""

    what: str
    value: float
    unit: str
    beside: str = ""
