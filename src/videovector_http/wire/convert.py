"""`out`: an answer from any value that has the fields, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from datetime import UTC, datetime
from enum import Enum
from functools import cache, partial
from types import NoneType, SimpleNamespace, UnionType
from typing import (
    Any,
    Final,
    Generic,
    NamedTuple,
    TypeAlias,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

from msgspec import NODEFAULT
from msgspec.structs import fields

from videovector_http.wire.base import Shape

S = TypeVar("S", bound=Shape)
Change: TypeAlias = Callable[[Any], Any]

_AS_IT_IS: Final = frozenset({str, int, float, bool})
_MISSING: Final = object()


def out(value: Any, shape: type[S], /, **more: Any) -> S:
    """Make a `shape` from the attributes (or keys) of `value` that carry its fields' names; `more` wins over them.

    Datetimes become RFC 3339 in UTC with milliseconds and `Z`; enums their value; values under a field that is a
    `Shape`, or a list or dict of one, become that shape; sets are sorted. Inside free JSON nothing is looked at. A None
    for a field that admits none yields the field's default.

    Raises:
        TypeError: a required field is missing or None, or `more` names a field that the shape has not.
        ValueError: a datetime has no time zone.
    """
    given: dict[str, Any] = {}
    if type(value) is dict:
        value = SimpleNamespace(**value)
    for step in _plan(type(value), shape):
        found = more.pop(step.name, _MISSING) if more else _MISSING
        if found is _MISSING:
            found = getattr(value, step.name, _MISSING) if step.read else _MISSING
            if found is _MISSING:
                continue
        if found is None:
            if not step.nullable:
                _refuse_none(step, type(value), shape)
                continue
        elif type(found) not in _AS_IT_IS:
            found = step.change(found)
        given[step.name] = found
    return shape(**given, **more)


def rfc3339(moment: datetime) -> str:
    """Write a moment as `2026-01-01T00:00:00.000Z`.

    Raises:
        ValueError: it has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone; give an aware datetime")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class _Step(NamedTuple):
    name: str
    change: Change
    nullable: bool
    required: bool
    read: bool


@cache
def _plan(source: type, shape: type[Shape]) -> tuple[_Step, ...]:
    hints = _hints(shape)
    steps = []
    for one in fields(shape):
        hint = hints[one.name]
        required = one.default is NODEFAULT and one.default_factory is NODEFAULT
        steps.append(_Step(one.name, _change(hint), _nullable(hint), required, _declares(source, one.name)))
    return tuple(steps)


def _hints(shape: type[Shape]) -> dict[str, Any]:
    """Resolve annotations; a parametrised generic (`Page[Video]`) has its type variables filled in."""
    origin = get_origin(shape)
    if origin is None:
        bound = _inherited(shape)
    else:
        bound = dict(zip(origin.__parameters__, get_args(shape), strict=True))
        shape = origin
    return {name: _fill(hint, bound) for name, hint in get_type_hints(shape).items()}


def _inherited(shape: type[Shape]) -> dict[Any, Any]:
    """Find what a subclass such as `ImportFilesPage(ItemsPage[ImportSourceFile])` binds."""
    bound: dict[Any, Any] = {}
    for base in getattr(shape, "__orig_bases__", ()):
        origin = get_origin(base)
        if origin is not None and origin is not Generic:
            bound |= dict(zip(origin.__parameters__, get_args(base), strict=True))
    return bound


def _fill(hint: Any, bound: Mapping[Any, Any]) -> Any:
    if isinstance(hint, TypeVar):
        return bound.get(hint, Any)
    parameters = getattr(hint, "__parameters__", ())
    return hint[tuple(bound.get(one, Any) for one in parameters)] if parameters else hint


def _declares(source: type, name: str) -> bool:
    """Tell whether objects of this type may have the attribute; those that declare nothing are always asked."""
    declared = _declared(source)
    return declared is None or name in declared


@cache
def _declared(source: type) -> frozenset[str] | None:
    attributes = getattr(source, "__attrs_attrs__", None)
    if attributes is not None:
        return frozenset(one.name for one in attributes) | _properties(source)
    for names in ("__dataclass_fields__", "__struct_fields__", "_fields"):
        if (found := getattr(source, names, None)) is not None:
            return frozenset(found) | _properties(source)
    return None


def _properties(source: type) -> frozenset[str]:
    return frozenset(name for cls in source.__mro__ for name, one in vars(cls).items() if isinstance(one, property))


def _refuse_none(step: _Step, source: type, shape: type[Shape]) -> None:
    if step.required:
        raise TypeError(f"{shape.__name__}.{step.name} must not be null, and {source.__name__} gives None")


def _arms(hint: Any) -> tuple[Any, ...]:
    return get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)


def _nullable(hint: Any) -> bool:
    return any(arm is NoneType or arm is Any or arm is object for arm in _arms(hint))


def _change(hint: Any) -> Change:
    """Choose how a value that is not a plain scalar gets into a field of this type."""
    for arm in _arms(hint):
        origin, inside = get_origin(arm), get_args(arm)
        if _is_shape(arm):
            return partial(_nested, arm)
        if origin is list:
            return partial(_list, _change(inside[0]))
        if origin is dict and inside[1] is not Any:
            return partial(_dict, _change(inside[1]))
    return _plain


def _is_shape(arm: Any) -> bool:
    cls = get_origin(arm) or arm
    return isinstance(cls, type) and issubclass(cls, Shape)


def _nested(shape: type[Shape], value: Any) -> Any:
    return value if isinstance(value, get_origin(shape) or shape) else out(value, shape)


def _list(change: Change, values: Any) -> Any:
    done = [one if one is None or type(one) in _AS_IT_IS else change(one) for one in values]
    return sorted(done) if isinstance(values, Set) else done


def _dict(change: Change, values: Mapping[Any, Any]) -> Any:
    return {key: one if one is None or type(one) in _AS_IT_IS else change(one) for key, one in values.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, Enum):
        return value.value
    return dict(value) if isinstance(value, Mapping) and type(value) is not dict else value
