"""`out`: an answer from any value that has the fields, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from enum import Enum
from functools import partial
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
    if type(value) is dict:
        value = SimpleNamespace(**value)
    plan = _plan(type(value), shape)
    given: dict[str, Any] = {}
    for step in plan.read:
        if step.name not in more:
            _put(given, step, getattr(value, step.name, _MISSING))
    for name, found in more.items():
        _put(given, plan.steps.get(name) or _Step(name), found)
    return shape(**given)


def rfc3339(moment: datetime) -> str:
    """Write a moment as `2026-01-01T00:00:00.000Z`.

    Raises:
        ValueError: it has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone; give an aware datetime")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, Enum):
        return value.value
    return dict(value) if isinstance(value, Mapping) and type(value) is not dict else value


class _Step(NamedTuple):
    name: str
    change: Change = _plain
    nullable: bool = True
    required: bool = False


class _Plan(NamedTuple):
    steps: dict[str, _Step]
    read: tuple[_Step, ...]
    """Those that the source may have."""


_PLANS: Final[dict[tuple[type, type[Shape]], _Plan]] = {}


def _plan(source: type, shape: type[Shape]) -> _Plan:
    plan = _PLANS.get((source, shape))
    if plan is None:
        plan = _PLANS[source, shape] = _draw(source, shape)
    return plan


def _draw(source: type, shape: type[Shape]) -> _Plan:
    types = hints(shape)
    steps = {}
    for one in fields(shape):
        hint = types[one.name]
        required = one.default is NODEFAULT and one.default_factory is NODEFAULT
        steps[one.name] = _Step(one.name, _change(hint), _nullable(hint), required)
    declared = _declared(source)
    return _Plan(steps, tuple(step for step in steps.values() if declared is None or step.name in declared))


def _put(given: dict[str, Any], step: _Step, found: Any) -> None:
    if type(found) in _AS_IT_IS or (found is None and step.nullable):
        given[step.name] = found
    elif found is not None and found is not _MISSING:
        given[step.name] = step.change(found)
    elif found is None and step.required:
        raise TypeError(f"{step.name} must not be null")


def hints(shape: type[Any]) -> dict[str, Any]:
    """Resolve the annotations of a shape; the type variables of a bound generic (`Page[Video]`) are filled in."""
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


def _declared(source: type) -> frozenset[str] | None:
    """Name the attributes that objects of this type have; None for those that do not say."""
    attributes = getattr(source, "__attrs_attrs__", None)
    if attributes is not None:
        return frozenset(one.name for one in attributes) | _properties(source)
    for names in ("__dataclass_fields__", "__struct_fields__", "_fields"):
        if (found := getattr(source, names, None)) is not None:
            return frozenset(found) | _properties(source)
    return None


def _properties(source: type) -> frozenset[str]:
    return frozenset(name for cls in source.__mro__ for name, one in vars(cls).items() if isinstance(one, property))


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
    return sorted(done) if isinstance(values, AbstractSet) else done


def _dict(change: Change, values: Mapping[Any, Any]) -> Any:
    return {key: one if one is None or type(one) in _AS_IT_IS else change(one) for key, one in values.items()}
