"""Conditions that leave the type of their field to the schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from videovector_core.fields import FieldPath
from videovector_core.search.filters import OPERATORS, Condition, Operator, ValueType, declared_type

_ON_LISTS: Final = {Operator.EQUALS: Operator.ITEM_EQUALS, Operator.CONTAINS: Operator.ITEM_CONTAINS}


def inferred(schemas: Sequence[Mapping[str, Any]], path: str, operator: str, value: Any) -> Condition:
    """Read a condition whose type stands in the schemas; equality with a list means one of its items.

    A field that no schema has is taken for what its value is; the search then says that there is no such field.

    Raises:
        Invalid: the path is none, or its type has no such operator or takes no such value.
    """
    kind = declared_type(schemas, FieldPath.parse(path)) or _of_value(value, Operator(operator))
    how = Operator(operator)
    if kind is ValueType.ARRAY and how not in OPERATORS[kind]:
        how = _ON_LISTS.get(how, how)
    return Condition.read(path, how, kind, value)


def _of_value(value: Any, how: Operator) -> ValueType:
    by_operator = next((kind for kind in ValueType if how in OPERATORS[kind]), ValueType.STRING)
    if isinstance(value, bool):
        return ValueType.BOOLEAN
    if isinstance(value, int | float):
        return ValueType.NUMBER
    return by_operator
