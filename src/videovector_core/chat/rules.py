"""Without a language model: rules that turn a question into a filter, a query or a search, and list what was found.

A question that counts or computes becomes SQL by the template of SQL search; one that compares fields becomes a filter;
every other one is searched for. What finds nothing is tried again as a search. The answer says what it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from videovector_core.chat.citations import place, quoted
from videovector_core.chat.model import CallStatus, SetKind, Step, Story, Turn, Use
from videovector_core.chat.tools import Tools
from videovector_core.errors import Refused, Unavailable
from videovector_core.search.filters import MAX_CONDITIONS
from videovector_core.sqlsearch import request, template
from videovector_core.sqlsearch.model import Catalog, Kind

PLAIN: Final = (
    "This server answers chat by rules, without a language model: it searches for your question and lists the evidence."
)
LISTED: Final = 5
_MISSED: Final = "Not understood"
_COUNTS: Final = re.compile(
    r"\b(how (?:many|often)|number of|count|average|mean|median|total|sum|maximum|minimum|most (?:common|frequent|often)"
    r"|per|grouped by|for each|distinct|top \d+)\b",
    re.IGNORECASE,
)
_OPERATORS: Final = {
    "<": "less_than", "<=": "less_equal", ">": "greater_than", ">=": "greater_equal", "contains": "contains",
    "starts": "starts_with", "ends": "ends_with", "empty": "is_empty", "filled": "is_not_empty", "=": "equals",
}  # fmt: skip


@frozen
class ByRules:
    """Decides by rules."""

    tools: Tools
    planner: str = "rules"

    async def next(self, story: Story, earlier: Sequence[Turn], *, tools: bool) -> Step:  # noqa: ARG002 - each turn stands alone
        """Choose the tool that fits the question; try a search when it finds nothing; then list the evidence."""
        if tools and not story.calls:
            return Step(uses=(await self._chosen(story),))
        searched = any(call.name == "text_search" for call in story.calls)
        if tools and not searched and not any(one.items for one in story.sets):
            return Step(uses=(_search(story),))
        return Step(closing(story))

    async def _chosen(self, story: Story) -> Use:
        try:
            catalog = await self.tools.catalog(await self.tools.within(story.turn))
        except (Refused, Unavailable):  # a question is never refused for what SQL cannot do
            catalog = None
        drafted = drafted_query(story.turn.message, catalog) if catalog else None
        if drafted is not None:
            return Use("sql_query", json.dumps({"query": drafted}))
        conditions = drafted_conditions(story.turn.message, catalog) if catalog else ()
        if conditions:
            return Use("filter_search", json.dumps({"conditions": conditions}))
        return _search(story)


def _search(story: Story) -> Use:
    return Use("text_search", json.dumps({"query": story.turn.message[:2_000], "top_k": 10}))


def drafted_query(question: str, catalog: Catalog) -> str | None:
    """Return SQL for a question that counts or computes and was understood to the last word; nothing for others."""
    if not _COUNTS.search(question):
        return None
    draft = template.draft(question, existing=None, catalog=catalog)
    return None if any(one.startswith(_MISSED) for one in draft.warnings) else draft.query


def drafted_conditions(question: str, catalog: Catalog) -> list[dict[str, Any]]:
    """Return the conditions of a question that compares fields and was understood to the last word."""
    for table in catalog.tables:
        if table.kind is not Kind.SEGMENTS:
            continue
        understood = request.read(question, table)
        made = [_condition(one) for one in understood.conditions]
        kept = [one for one in made if one is not None]
        if made and len(kept) == len(made) <= MAX_CONDITIONS and not understood.missed and not understood.sums:
            return kept
    return []


def _condition(one: request.Condition) -> dict[str, Any] | None:
    operator = _OPERATORS.get(one.operator)
    if operator is None or one.column.path is None or len(one.values) > 1:
        return None
    path = str(one.column.path)
    if one.column.type.item is not None:
        path += "" if path.endswith("[]") else "[]"
    value = {"value": one.values[0]} if one.values else {}
    return {"field": path, "operator": operator, **value}


def closing(story: Story) -> str:
    """Write what was found as a list: a label, a place and some words for each of the first results."""
    results = next((one for one in reversed(story.sets) if one.items), None)
    if results is None:
        return f"{PLAIN} {_nothing(story)}"
    count = len(results.items)
    more = " or more" if results.truncated else ""
    what = "row" if results.kind is SetKind.ROWS else "moment"
    head = f"I found {count}{more} {what}{'' if count == 1 and not more else 's'}"
    shown = f", the first {LISTED} of which are" if count > LISTED else ""
    lines = [_line(f"{results.id}:{n}", item) for n, item in enumerate(results.items[:LISTED], 1)]
    return "\n".join([f"{PLAIN} {head}{shown}:", *lines])


def _nothing(story: Story) -> str:
    if not story.turn.run_ids:
        return "There is nothing to search yet: process media with a prompt, and ask again."
    failed = [call for call in story.calls if call.status is not CallStatus.COMPLETED]
    if failed and len(failed) == len(story.calls):
        return f"The search failed: {quoted(failed[-1].error or 'unknown')}"
    return "I found nothing that fits; try other words, or a wider scope."


def _line(label: str, item: Mapping[str, Any]) -> str:
    if "row" in item:
        cells = "; ".join(f"{quoted(str(name), 40)}: {quoted(str(cell), 80)}" for name, cell in item["row"].items())
        return f"- {cells[:400]} [{label}]"
    said = quoted(item["text"])
    where = place(item["video_name"], item["start_time"], item["end_time"])
    return f"- {where}{': ' + said if said else ''} [{label}]"
