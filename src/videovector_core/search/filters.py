"""Structured conditions on extracted fields: what may be said, and about which fields (semantics 8.8).

A filter is a conjunction, a choice of conjunctions and a list of what must not hold. Conditions of one conjunction
whose paths share the longest beginning that ends in `[]` speak of the same item of that array: `people[].emotion
equals happy` with `people[].confidence greater_equal 0.8` wants one person who is both. Groups of `any_of` correlate
within themselves only, and every condition of `none_of` is denied by itself.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, TypeAlias

from attrs import field, frozen

from videovector_core.errors import Invalid
from videovector_core.fields import FieldPath, Step, json_type, subschema

MAX_CONDITIONS: Final = 4
ABSENT: Final = object()
"""Stands for a value that was not given; null is a value."""

_UNKEPT: Final = re.compile("[\x00\ud800-\udfff]")


class ValueType(StrEnum):
    """What a condition takes a field for."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    ARRAY = "array"


class Operator(StrEnum):
    """How a field is compared."""

    EQUALS = "equals"
    CONTAINS = "contains"
    STARTS_WITH = "starts_with"
    ENDS_WITH = "ends_with"
    IS_EMPTY = "is_empty"
    IS_NOT_EMPTY = "is_not_empty"
    GREATER_THAN = "greater_than"
    GREATER_EQUAL = "greater_equal"
    LESS_THAN = "less_than"
    LESS_EQUAL = "less_equal"
    ITEM_EQUALS = "item_equals"
    ITEM_CONTAINS = "item_contains"
    LENGTH_EQUALS = "length_equals"
    LENGTH_GREATER = "length_greater"
    LENGTH_LESS = "length_less"


VALUELESS: Final = frozenset({Operator.IS_EMPTY, Operator.IS_NOT_EMPTY})
LENGTHS: Final = frozenset({Operator.LENGTH_EQUALS, Operator.LENGTH_GREATER, Operator.LENGTH_LESS})
_NUMERIC: Final = frozenset(
    {
        Operator.EQUALS,
        Operator.GREATER_THAN,
        Operator.GREATER_EQUAL,
        Operator.LESS_THAN,
        Operator.LESS_EQUAL,
    }
)
OPERATORS: Final[Mapping[ValueType, frozenset[Operator]]] = {
    ValueType.STRING: VALUELESS | {Operator.EQUALS, Operator.CONTAINS, Operator.STARTS_WITH, Operator.ENDS_WITH},
    ValueType.INTEGER: _NUMERIC,
    ValueType.NUMBER: _NUMERIC,
    ValueType.BOOLEAN: frozenset({Operator.EQUALS}),
    ValueType.ARRAY: VALUELESS | LENGTHS | {Operator.ITEM_EQUALS, Operator.ITEM_CONTAINS},
}

Scalar: TypeAlias = str | bool | Decimal | int | None
"""What is compared: normalised text, a truth value, an exact number, a length, or nothing."""


def normalised(text: str) -> str:
    """Return text as it is compared: NFKC, without case, trimmed. What no database keeps becomes U+FFFD."""
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return _UNKEPT.sub("\ufffd", folded).strip()


def exact(number: float) -> Decimal:
    """Return a number as it is written: 0.1 is one tenth, in the condition and in the document."""
    return Decimal(repr(number))


@frozen
class Condition:
    """One comparison of one field.

    `path` is where the value stands; for `array` it is the array itself, without `[]` at its end. `value` is
    prepared for comparing: normalised text, exact numbers.
    """

    path: FieldPath
    operator: Operator = field(converter=Operator)
    type: ValueType = field(converter=ValueType)
    value: Scalar = None

    @classmethod
    def read(cls, path: str, operator: str, kind: str, value: Any = ABSENT) -> Condition:
        """Check what was asked for against the table of operators.

        Raises:
            Invalid: the path is none, the type lacks the operator, or the value is missing, superfluous or mistyped.
        """
        where, how, what = FieldPath.parse(path), Operator(operator), ValueType(kind)
        if how not in OPERATORS[what]:
            allowed = ", ".join(sorted(OPERATORS[what]))
            raise Invalid(f"{what.value} has no operator {how.value}; use one of: {allowed}.", code="validation_filter")
        if what is ValueType.ARRAY:
            where = _array_itself(where)
        return cls(where, how, what, _checked_value(path, how, what, value))

    @property
    def array(self) -> FieldPath | None:
        """The array whose items this is about, `None` for the document itself."""
        return self.path.array

    @property
    def items(self) -> FieldPath:
        """The items of the array that this compares."""
        return self.path.each()


Group: TypeAlias = tuple[Condition, ...]


def _group(conditions: Iterable[Condition]) -> Group:
    return tuple(conditions)


def _groups(groups: Iterable[Iterable[Condition]]) -> tuple[Group, ...]:
    return tuple(tuple(group) for group in groups)


@frozen
class Filter:
    """Holds when all of `all_of` do, when all of at least one group of `any_of` do, and when none of `none_of` does."""

    all_of: Group = field(default=(), converter=_group)
    any_of: tuple[Group, ...] = field(default=(), converter=_groups)
    none_of: Group = field(default=(), converter=_group)

    @property
    def conditions(self) -> Iterator[Condition]:
        """Every condition, wherever it stands."""
        yield from self.all_of
        for group in self.any_of:
            yield from group
        yield from self.none_of

    @property
    def empty(self) -> bool:
        """Whether it asks for nothing."""
        return not (self.all_of or self.any_of or self.none_of)


def buckets(group: Sequence[Condition]) -> dict[FieldPath | None, list[Condition]]:
    """Sort conditions by the array whose items they share."""
    found: dict[FieldPath | None, list[Condition]] = {}
    for condition in group:
        found.setdefault(condition.array, []).append(condition)
    return found


SYSTEM: Final = ("transcription", "metadata_text")
"""Texts of every result that are filtered like fields."""


def declared_type(schemas: Sequence[Mapping[str, Any]], path: FieldPath) -> ValueType | None:
    """Return what the first schema with such a field says it is; `None` where none has it, or where it is an object."""
    if str(path) in SYSTEM:
        return ValueType.STRING
    kinds = (json_type(node) for schema in schemas if (node := subschema(schema, path)) is not None)
    return next((ValueType(kind) for kind in kinds if kind in set(ValueType)), None)


def check_against(schemas: Sequence[Mapping[str, Any]], wanted: Filter) -> None:
    """Refuse conditions on fields that no schema has, or that have another type wherever they are.

    Raises:
        Invalid: code `validation_filter_field`; `details.schema_type` names what the schema says.
    """
    for condition in wanted.conditions:
        if schemas:
            _check_condition(schemas, condition)


def _check_condition(schemas: Sequence[Mapping[str, Any]], condition: Condition) -> None:
    nodes = [node for schema in schemas if (node := _node(schema, condition.path)) is not None]
    if not nodes:
        raise Invalid(
            f"{str(condition.path)[:80]!r} is no field of the runs in scope; use the path of a field of their schemas.",
            code="validation_filter_field",
            details={"field": str(condition.path)},
        )
    wrong = [problem for node in nodes if (problem := _mismatch(node, condition))]
    if len(wrong) == len(nodes):
        declared = json_type(nodes[0]) or "object"
        raise Invalid(
            f"{str(condition.path)[:80]!r} is of type {declared} in the schema: {wrong[0]}.",
            code="validation_filter_field",
            details={"field": str(condition.path), "schema_type": declared},
        )


def _node(schema: Mapping[str, Any], path: FieldPath) -> Mapping[str, Any] | None:
    if str(path) in SYSTEM:
        return {"type": "string"}
    return subschema(schema, path)


def _mismatch(node: Mapping[str, Any], condition: Condition) -> str | None:
    """Say what is wrong with a condition on a field, if anything."""
    declared, asked = json_type(node), condition.type
    if asked.value != declared and (asked, declared) != (ValueType.NUMBER, "integer"):
        hint = ", or add [] to its name to compare its items" if declared == "array" else ""
        return f"it cannot be compared as {asked.value}; give type {declared}{hint}"
    if condition.operator is Operator.ITEM_CONTAINS and _item_type(node) != "string":
        return f"its items are of type {_item_type(node)}; item_contains needs strings"
    if condition.operator is Operator.ITEM_EQUALS and not _comparable(_item_type(node), condition.value):
        return f"its items are of type {_item_type(node)}; give item_equals a value of that type"
    return None


def _item_type(node: Mapping[str, Any]) -> str:
    return json_type(node.get("items") or {})


def _comparable(declared: str, value: Scalar) -> bool:
    if isinstance(value, bool):
        return declared == "boolean"
    if isinstance(value, str):
        return declared == "string"
    return declared == "number" or (declared == "integer" and value == int(value or 0))


def _array_itself(path: FieldPath) -> FieldPath:
    last = path.steps[-1]
    return FieldPath((*path.steps[:-1], Step(last.name))) if last.many else path


def _checked_value(path: str, how: Operator, what: ValueType, value: Any) -> Scalar:
    if how in VALUELESS:
        if value is not ABSENT:
            raise Invalid(f"{how.value} on {path[:80]!r} takes no value; leave it out.", code="validation_filter_value")
        return None
    if value is ABSENT or value is None or (isinstance(value, str) and not normalised(value)):
        raise Invalid(f"{how.value} on {path[:80]!r} needs a value; give one.", code="validation_filter_value")
    read: Scalar = _READERS[_wanted(how, what)](value)
    if read is None:
        raise Invalid(
            f"The value of {how.value} on {path[:80]!r} must be {_wanted(how, what)}; correct it.",
            code="validation_filter_value",
        )
    return read


def _wanted(how: Operator, what: ValueType) -> str:
    if how in LENGTHS:
        return "an integer of at least 0"
    if how is Operator.ITEM_EQUALS:
        return "a string, a finite number or a boolean"
    if how is Operator.ITEM_CONTAINS:
        return "a string"
    return {
        ValueType.STRING: "a string",
        ValueType.INTEGER: "an integer",
        ValueType.NUMBER: "a finite number",
        ValueType.BOOLEAN: "true or false",
    }[what]


def _string(value: Any) -> Scalar:
    return normalised(value) if isinstance(value, str) else None


def _integer(value: Any) -> Scalar:
    return exact(value) if isinstance(value, int) and not isinstance(value, bool) else None


def number(value: Any) -> Decimal | None:
    """Return a finite number exactly; `None` for anything else, and a boolean is no number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):  # of an integer beyond any float it cannot be asked
        return None
    return exact(value)


def _boolean(value: Any) -> Scalar:
    return value if isinstance(value, bool) else None


def _length(value: Any) -> Scalar:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _scalar(value: Any) -> Scalar:
    return _boolean(value) if isinstance(value, bool) else _string(value) if isinstance(value, str) else number(value)


_READERS: Final[Mapping[str, Callable[[Any], Scalar]]] = {
    "an integer of at least 0": _length,
    "a string, a finite number or a boolean": _scalar,
    "a string": _string,
    "an integer": _integer,
    "a finite number": number,
    "true or false": _boolean,
}
