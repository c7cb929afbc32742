"""What the selection of a prompt picks: its conditions as a filter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from videovector_core.errors import Invalid
from videovector_core.prompts.model import Prompt
from videovector_core.search.filters import ABSENT, Condition, Filter, check_against


def selected_by(prompt: Prompt) -> Filter | None:
    """Read the selection of a prompt: a list of conditions, or an object with `conditions`, `any_of` and `none_of`.

    `None` when the prompt selects nothing.

    Raises:
        Invalid: it is neither, or asks for what the schema does not have.
    """
    saved = prompt.selection_filter
    if saved is None or saved in ([], {}):
        return None
    groups: Mapping[str, Any] = saved if isinstance(saved, Mapping) else {"conditions": saved}
    wanted = Filter(
        _conditions(groups.get("conditions")),
        [_conditions(group) for group in _listed(groups.get("any_of"))],
        _conditions(groups.get("none_of")),
    )
    if wanted.empty:
        raise Invalid("selection_filter holds no conditions; give a list of them.", code="validation_selection_filter")
    check_against([prompt.json_schema], wanted)
    return wanted


def _conditions(saved: Any) -> list[Condition]:
    return [_condition(one) for one in _listed(saved)]


def _listed(saved: Any) -> Sequence[Any]:
    if saved is None or isinstance(saved, list):
        return saved or []
    raise _unreadable()


def _condition(one: Any) -> Condition:
    try:
        return Condition.read(one["field"], one["operator"], one["type"], one.get("value", ABSENT))
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise _unreadable() from error


def _unreadable() -> Invalid:
    return Invalid(
        "selection_filter is no list of conditions with field, operator, type and value.",
        code="validation_selection_filter",
    )
