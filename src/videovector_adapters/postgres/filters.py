"""Conditions over results in PostgreSQL: an inverted table that is written together with the results."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from attrs import define, field
from psycopg.rows import class_row

from videovector_adapters.postgres.results import PgResults
from videovector_adapters.postgres.rows import Session, beyond
from videovector_core.fields import FieldPath
from videovector_core.page import After
from videovector_core.runs.model import Outcome, SegmentResult
from videovector_core.search.filters import Condition, Filter, Operator, buckets
from videovector_core.search.matching import Entry, entries, filter_document
from videovector_core.search.ports import FilterScope, Place, Unfiltered

HEAD: Final = 64
"""Characters of a text that the index holds."""

_FORGET: Final = """
WITH gone AS (DELETE FROM filter_rows WHERE {which} RETURNING row_id)
DELETE FROM filter_values v USING gone WHERE v.row_id = gone.row_id
"""
_ADD_ROW: Final = """
INSERT INTO filter_rows (user_id, run_id, segment_id, video_id, created_at, start)
SELECT t.user_id, t.run_id, t.segment_id, t.video_id, m.created_at, t.start
FROM results t JOIN media m USING (video_id) WHERE t.run_id = %s AND t.segment_id = %s
ON CONFLICT (run_id, segment_id) DO NOTHING
RETURNING row_id, created_at, start
"""
_ADD_VALUES: Final = """
INSERT INTO filter_values (
    row_id, created_at, start, user_id, path, element, parent, filled, text, amount, flag, length
)
SELECT %s, %s, %s, %s, g.* FROM unnest(
    %s::text[], %s::text[], %s::text[], %s::boolean[], %s::text[], %s::numeric[], %s::boolean[], %s::integer[]
) AS g
"""
_LACKING: Final = """
SELECT t.user_id, t.run_id, t.segment_id FROM results t
WHERE (t.run_id, t.segment_id) > (%s, %s) AND t.status = 'successful'
    AND NOT EXISTS (SELECT FROM filter_rows f WHERE f.run_id = t.run_id AND f.segment_id = t.segment_id)
ORDER BY t.run_id, t.segment_id LIMIT %s FOR NO KEY UPDATE OF t
"""
_ORDER: Final = "r.created_at, r.start, r.segment_id, r.run_id"
_VALUE_ORDER: Final = "v.created_at, v.start, r.segment_id, r.run_id"
_ALL: Final = """
SELECT r.run_id, r.segment_id, r.created_at, r.start FROM filter_rows r JOIN media m ON m.video_id = r.video_id
"""
# a result whose items have the value several times comes several times
_ALONG: Final = """
SELECT DISTINCT ON (v.created_at, v.start, r.segment_id, r.run_id) r.run_id, r.segment_id, r.created_at, r.start
FROM filter_values v JOIN filter_rows r USING (row_id) JOIN media m ON m.video_id = r.video_id
"""
FREQUENT: Final = 1000
"""Values from which on it is quicker to walk in the order of pages than to collect and sort."""


@define
class PgFilteredResults(PgResults):
    """`ResultStore` that keeps what filters look at in step with the results."""

    async def save(self, result: SegmentResult) -> None:
        await PgResults.save(self, result)
        await self.db.run(_FORGET.format(which="run_id = %s AND segment_id = %s"), [result.run_id, result.segment_id])
        await _add(self.db, result)

    async def remove(self, video_id: str) -> None:
        await PgResults.remove(self, video_id)
        await self.db.run(_FORGET.format(which="video_id = %s"), [video_id])


async def _add(db: Session, result: SegmentResult) -> None:
    if result.status is Outcome.SUCCESSFUL:
        for place in await db.rows(_ADD_ROW, [result.run_id, result.segment_id]):
            found = list(entries(filter_document(result)))
            await db.run(_ADD_VALUES, [*place, result.user_id, *_columns(found)])


def _columns(found: Sequence[Entry]) -> list[list[Any]]:
    names = ("path", "element", "parent", "filled", "text", "amount", "flag", "length")
    return [[getattr(entry, name) for entry in found] for name in names]


@define
class PgFilters:
    """`FilterStore` in PostgreSQL."""

    db: Session

    async def page(
        self, scope: FilterScope, wanted: Filter, *, limit: int, after: After | None = None
    ) -> Sequence[Place]:
        statement, given = await self._statement(scope, wanted, after)
        async with self.db.connection.cursor(row_factory=class_row(Place)) as cursor:
            # never prepared: which condition is the rare one is seen from its value only
            await cursor.execute(f"{statement} LIMIT %s", [*given, limit], prepare=False)
            return await cursor.fetchall()

    async def lacking(self, *, after: tuple[str, str], limit: int) -> Sequence[Unfiltered]:
        return [Unfiltered(*row) for row in await self.db.rows(_LACKING, [*after, limit])]

    async def add(self, results: Sequence[SegmentResult]) -> None:
        for result in results:
            await _add(self.db, result)

    async def _statement(self, scope: FilterScope, wanted: Filter, after: After | None) -> tuple[str, list[Any]]:
        """Choose where to start: from the results of a rare value, along a frequent value, or along all results.

        The planner is not asked, since it does not know how often values meet: every condition is a probe of one result
        (OFFSET 0 keeps it one), and what is read is as little as the rarest value allows.
        """
        where, given = _within(scope)
        said = _Sql(scope.user_id)
        conditions = said.filter(wanted)
        counts = [(await self._count(scope.user_id, one), place) for place, one in enumerate(wanted.all_of)]
        count, place = min(counts, default=(FREQUENT, 0))
        rarest = wanted.all_of[place] if wanted.all_of else None
        if rarest is not None and count < FREQUENT:
            value, known = _alone(scope.user_id, rarest)
            on, key = beyond(after, _ORDER)
            rare = f"r.row_id = ANY(ARRAY(SELECT v.row_id FROM filter_values v WHERE {value}))"  # noqa: S608 - texts of this module
            return f"{_ALL} WHERE {rare} AND {where} {on} AND {conditions} ORDER BY {_ORDER}", [
                *known,
                *given,
                *key,
                *said.given,
            ]
        leading = next((one for one in wanted.all_of if one.operator in _EQUALS and isinstance(one.value, str)), None)
        if leading is not None:
            value, known = _alone(scope.user_id, leading)
            on, key = beyond(after, _VALUE_ORDER)
            on_index, first = ("AND (v.created_at, v.start) >= (%s, %s)", key[:2]) if after else ("", [])
            return f"{_ALONG} WHERE {value} {on_index} AND {where} {on} AND {conditions} ORDER BY {_VALUE_ORDER}", [
                *known,
                *first,
                *given,
                *key,
                *said.given,
            ]
        on, key = beyond(after, _ORDER)
        return f"{_ALL} WHERE {where} {on} AND {conditions} ORDER BY {_ORDER}", [*given, *key, *said.given]

    async def _count(self, user_id: str, condition: Condition) -> int:
        """Count the values that a condition of an index holds of, no further than to `FREQUENT`."""
        by_text = condition.operator in _INDEXED_TEXTS and isinstance(condition.value, str)
        if not by_text and not isinstance(condition.value, Decimal):
            return FREQUENT
        value, given = _alone(user_id, condition)
        few = f"SELECT count(*) FROM (SELECT FROM filter_values v WHERE {value} LIMIT %s) AS few"  # noqa: S608 - texts of this module
        async with self.db.connection.cursor() as cursor:
            await cursor.execute(few, [*given, FREQUENT], prepare=False)
            found = await cursor.fetchone()
        return int(found[0]) if found else 0


def _alone(user_id: str, condition: Condition) -> tuple[str, list[Any]]:
    """Return what one condition asks of one row `v`."""
    said = _Sql(user_id)
    return said.value("v", condition), said.given


def _within(scope: FilterScope) -> tuple[str, list[Any]]:
    where, given = "r.user_id = %s AND r.run_id = ANY(%s) AND NOT m.hidden", [scope.user_id, list(scope.run_ids)]
    if scope.video_ids is not None:
        where += " AND r.video_id = ANY(%s)"
        given.append(list(scope.video_ids))
    if scope.playground:
        where += " AND m.index_id IS NULL"
    elif scope.index_ids is not None:
        where += " AND m.index_id = ANY(%s)"
        given.append(list(scope.index_ids))
    return where, given


@define
class _Sql:
    """Writes a filter as SQL over the row `r`; `given` collects the parameters in their order."""

    user_id: str
    given: list[Any] = field(factory=list)

    def filter(self, wanted: Filter) -> str:
        parts = [self._group(wanted.all_of)] if wanted.all_of else []
        if wanted.any_of:
            parts.append(f"({' OR '.join(self._group(group) for group in wanted.any_of)})")
        parts += [f"NOT ({self._group((one,))})" for one in wanted.none_of]
        return " AND ".join(parts) or "true"

    def _group(self, group: Sequence[Condition]) -> str:
        if not group:
            return "true"
        return " AND ".join(self._bucket(array, shared) for array, shared in buckets(group).items())

    def _bucket(self, array: FieldPath | None, shared: Sequence[Condition]) -> str:
        if array is None:
            return " AND ".join(self._own(condition) for condition in shared)
        present = [condition for condition in shared if condition.operator is not Operator.IS_EMPTY]
        absent = [condition for condition in shared if condition.operator is Operator.IS_EMPTY]
        if present:
            return self._item(present[0], [*present[1:], *absent])
        self.given += [self.user_id, str(array)]
        lacking = " AND ".join(self._same(condition, "e.element") for condition in absent)
        self.given += [self.user_id, str(array)]
        item = "SELECT FROM filter_values e WHERE e.row_id = r.row_id AND e.user_id = %s AND e.path = %s"
        return f"(EXISTS ({item} AND {lacking} OFFSET 0) OR NOT EXISTS ({item} OFFSET 0))"

    def _own(self, condition: Condition) -> str:
        """Compare a field of the document itself."""
        return self._same(condition, "''")

    def _item(self, first: Condition, others: Sequence[Condition]) -> str:
        """Look for an item of which all conditions hold."""
        start = self.value("v", first)
        rest = "".join(f" AND {self._same(condition, f'v.{_element(first)}')}" for condition in others)
        return f"EXISTS (SELECT FROM filter_values v WHERE v.row_id = r.row_id AND {start}{rest} OFFSET 0)"

    def _same(self, condition: Condition, element: str) -> str:
        """Compare a field of the item that `element` names."""
        no = "NOT " if condition.operator is Operator.IS_EMPTY else ""
        value = self.value("o", condition)
        where = f"o.row_id = r.row_id AND o.{_element(condition)} = {element} AND {value}"
        return f"{no}EXISTS (SELECT FROM filter_values o WHERE {where} OFFSET 0)"

    def value(self, alias: str, condition: Condition) -> str:
        """Compare one row; an empty field is one that has no filled row."""
        self.given += [self.user_id, str(condition.items if condition.operator in _OF_ITEMS else condition.path)]
        test = self._test(condition).replace("~", alias)
        return f"{alias}.user_id = %s AND {alias}.path = %s AND {test}"

    def _test(self, condition: Condition) -> str:
        value = condition.value
        given: tuple[Any, ...]
        if condition.operator in _BY_TEXT and isinstance(value, str):
            short = condition.operator in _EQUALS and len(value) < HEAD  # then the head is the whole text
            test = "~.head = %s" if short else _BY_TEXT[condition.operator]
            given = _texts(condition.operator, value)
        elif condition.operator in _FIXED:
            test, given = _FIXED[condition.operator], ()
        elif condition.operator in _LENGTHS:
            test, given = f"~.length {_LENGTHS[condition.operator]} %s", (value,)
        elif isinstance(value, bool):
            test, given = "~.flag = %s", (value,)
        else:
            test, given = f"~.amount {_AMOUNTS[condition.operator]} %s", (value,)
        self.given += given
        return test


_EQUALS: Final = (Operator.EQUALS, Operator.ITEM_EQUALS)
_INDEXED_TEXTS: Final = (*_EQUALS, Operator.STARTS_WITH)
_OF_ITEMS: Final = (Operator.ITEM_EQUALS, Operator.ITEM_CONTAINS)
_EQUAL: Final = "~.head = %s AND ~.text = %s"
_CONTAINS: Final = "strpos(~.text, %s) > 0"
_BY_TEXT: Final = {
    Operator.EQUALS: _EQUAL,
    Operator.ITEM_EQUALS: _EQUAL,
    Operator.CONTAINS: _CONTAINS,
    Operator.ITEM_CONTAINS: _CONTAINS,
    # bytes and code points have the same order, so everything that begins with a text lies before its last successor
    Operator.STARTS_WITH: "~.head >= %s AND ~.head <= %s AND starts_with(~.text, %s)",
    Operator.ENDS_WITH: "right(~.text, length(%s)) = %s",
}
_FIXED: Final = {Operator.IS_EMPTY: "~.filled", Operator.IS_NOT_EMPTY: "~.filled"}
_LENGTHS: Final = {Operator.LENGTH_EQUALS: "=", Operator.LENGTH_GREATER: ">", Operator.LENGTH_LESS: "<"}
_AMOUNTS: Final = {
    Operator.EQUALS: "=",
    Operator.ITEM_EQUALS: "=",
    Operator.GREATER_THAN: ">",
    Operator.GREATER_EQUAL: ">=",
    Operator.LESS_THAN: "<",
    Operator.LESS_EQUAL: "<=",
}


def _element(condition: Condition) -> str:
    return "parent" if condition.operator in _OF_ITEMS else "element"


def _texts(how: Operator, value: str) -> tuple[str, ...]:
    if how in _EQUALS:
        return (value,) if len(value) < HEAD else (value[:HEAD], value)
    if how is Operator.STARTS_WITH:
        return value[:HEAD], value[:HEAD] + "\U0010ffff" * HEAD, value
    return (value, value) if how is Operator.ENDS_WITH else (value,)
