"""Drafts of queries without a model: what was understood becomes SQL, what was not becomes a warning."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from videovector_core.sqlsearch.catalog import order_of, shown
from videovector_core.sqlsearch.model import Catalog, Column, Draft, Kind, Table
from videovector_core.sqlsearch.naming import literal, quoted
from videovector_core.sqlsearch.request import Condition, Request, read
from videovector_core.sqlsearch.values import scalar

_COUNT: Final = 'count(*) AS "count"'
_COMPARE: Final = frozenset(("=", "!=", "<", "<=", ">", ">="))


def draft(instruction: str, *, existing: str | None, catalog: Catalog) -> Draft:
    """Write a query for counts, tops, conditions, groups and orders over fields that the instruction names.

    The table is the one whose fields the instruction names most of; of equal ones the newest run's. The draft always
    runs: what was not understood is left out of it and told in `warnings`.
    """
    tables = [table for table in catalog.tables if table.stored] or [t for t in catalog.tables if t.kind is Kind.UNION]
    request = max((read(instruction, table) for table in tables), key=_fit)
    writer = _Writer(request, catalog)
    writer.leave_out_lists()
    query = writer.query()
    if request.sums:
        request.missed += [c.name for c in request.shown if c not in request.groups and c.path is not None]
    return Draft(query, writer.explanation(), (writer.main.name,), tuple(_warnings(request, existing, tables)))


def _fit(request: Request) -> tuple[int, int]:
    return request.fields, -len(request.missed)


def _warnings(request: Request, existing: str | None, tables: Sequence[Table]) -> list[str]:
    warnings = []
    if request.missed:
        warnings.append(f"Not understood, and left out: {', '.join(map(repr, request.missed))}.")
    if existing:
        warnings.append("The existing query was not changed; this is a new one.")
    others = sum(1 for table in tables if table.kind is request.table.kind) - 1
    if others > 0:
        warnings.append(f"Only {request.table.name} is read; {others} other run(s) are in scope.")
    return warnings


class _Writer:
    """Turns a request into SQL over its table or over a view of that table's items."""

    def __init__(self, request: Request, catalog: Catalog) -> None:
        self.request = request
        self.base = request.table
        self.views = [table for table in catalog.tables if table.base == self.base.name]
        self.limits = catalog.limits
        self.main = self._main()

    def query(self) -> str:
        request = self.request
        if request.sums:
            select, tail = self._summed()
        else:
            select, tail = self._listed()
        lines = [f"SELECT {', '.join(select)}", f"FROM {self._from()}"]
        if conditions := [self._condition(condition) for condition in self._merged()]:
            lines.append(f"WHERE {' AND '.join(conditions)}")
        return "\n".join([*lines, *tail])

    def leave_out_lists(self) -> None:
        """Give up computing over a list beside the items that are read: its values have no place there."""
        out = [
            of for _, of in self.request.aggregates if of.type.item and not (self._opened(of) or _held(of, self.main))
        ]
        self.request.aggregates = [pair for pair in self.request.aggregates if pair[1] not in out]
        self.request.missed += [column.name for column in out]

    def explanation(self) -> str:
        """Say in one sentence what the query does."""
        request = self.request
        what = [f"the {name} of {column.name}" for name, column in request.aggregates]
        what += ["how many there are"] if request.count or (request.groups and not what) else []
        said = f"Shows {' and '.join(what) or 'rows'} of {self.main.name}"
        if request.groups:
            said += f" for each {' and '.join(column.name for column in request.groups)}"
        if request.conditions:
            said += f" where {' and '.join(map(_spoken, request.conditions))}"
        return said + (f", at most {request.limit}." if request.limit else ".")

    def _main(self) -> Table:
        """Choose the view of items when what is counted, grouped or computed are items, else the table of results."""
        counted = [*self.request.groups, *(column for _, column in self.request.aggregates)]
        for view in self.views:
            if any(_is_of_items(column, view) for column in counted):
                return view
        named = self.request.items_named if self.request.count else None
        fitting = (view for view in self.views if named and view.array and view.array.name.casefold() == named)
        return next(fitting, self.base)

    def _from(self) -> str:
        """Name the main table, with list items opened, or with the columns of the results that its items lack."""
        columns = [*self.request.groups, *(column for _, column in self.request.aggregates)]
        columns += [*self.request.shown, *([self.request.order[0]] if self.request.order else [])]
        missing = list(dict.fromkeys(quoted(c.name) for c in columns if not _held(c, self.main)))
        if self.main is not self.base and missing:
            wanted = ", ".join(f"b.{name}" for name in missing)
            return f'(SELECT i.*, {wanted} FROM {quoted(self.main.name)} i JOIN {quoted(self.base.name)} b USING ("result_id"))'  # noqa: S608 - quoted
        lists = {quoted(c.name): quoted(_bare(c)) for c in columns if self._opened(c)}
        if not lists:
            return quoted(self.main.name)
        opened = ", ".join(f"unnest({name}) AS {bare}" for name, bare in lists.items())
        return f"(SELECT * EXCLUDE ({', '.join(lists)}), {opened} FROM {quoted(self.base.name)})"  # noqa: S608 - quoted

    def _opened(self, column: Column) -> bool:
        """Whether a list of the results is unfolded, since its items are grouped or computed over."""
        used = [*self.request.groups, *(of for _, of in self.request.aggregates)]
        return self.main is self.base and column.type.item is not None and column in used

    def _summed(self) -> tuple[list[str], list[str]]:
        groups = [self._name(column) for column in self.request.groups]
        made = [
            f"{name}({self._name(column)}) AS {quoted(f'{name}_{_bare(column)}')}"
            for name, column in self.request.aggregates
        ]
        if self.request.count or not made:
            made.append(self._counted())
        tail = [f"GROUP BY {', '.join(groups)}"] if groups else []
        if groups:
            down = self.request.order is None or self.request.order[1]
            first = self.request.order[0] if self.request.order else None
            by = self._name(first) if first in self.request.groups and first else made[0].rpartition(" AS ")[2]
            tail += [f"ORDER BY {by}{' DESC' if down else ''}, {groups[0]}", f"LIMIT {self._limit()}"]
        return [*groups, *made], tail

    def _counted(self) -> str:
        return 'count(DISTINCT "video_id") AS "videos"' if self.request.of_videos else _COUNT

    def _listed(self) -> tuple[list[str], list[str]]:
        ordered = [self.request.order[0]] if self.request.order else []
        wanted = [*self.request.shown, *(c.column for c in self.request.conditions), *ordered]
        names = [*map(quoted, shown(self.main)), *(self._name(column) for column in wanted)]
        order = list(map(quoted, order_of(self.main)))
        if self.request.order:
            column, down = self.request.order
            order.insert(0, f"{self._scalar(column, down)} {'DESC' if down else 'ASC'} NULLS LAST")
        return list(dict.fromkeys(names)), [f"ORDER BY {', '.join(order)}", f"LIMIT {self._limit()}"]

    def _scalar(self, column: Column, down: bool) -> str:
        name = self._name(column)
        return f"list_{'max' if down else 'min'}({name})" if column.type.item is not None else name

    def _limit(self) -> int:
        return min(self.request.limit or self.limits.default_result_limit, self.limits.max_result_limit)

    def _name(self, column: Column) -> str:
        """Write the column as the main table has it."""
        held = _held(column, self.main)
        if held is not None:
            return quoted(held.name)
        return quoted(_bare(column) if self._opened(column) else column.name)

    def _merged(self) -> list[list[Condition]]:
        """Put conditions on fields of one array together: they are about the same item."""
        merged: dict[Any, list[Condition]] = {}
        for place, condition in enumerate(self.request.conditions):
            view = self._view(condition.column)
            merged.setdefault(view.name if view else place, []).append(condition)
        return list(merged.values())

    def _view(self, column: Column) -> Table | None:
        return next((view for view in self.views if _is_of_items(column, view)), None)

    def _condition(self, conditions: Sequence[Condition]) -> str:
        view = self._view(conditions[0].column)
        if view is None:
            return self._of_result(conditions[0])
        held = " AND ".join(_test(condition, quoted(_name_in(condition.column, view))) for condition in conditions)
        if view is self.main:
            return held
        return _among(view, held)

    def _of_result(self, condition: Condition) -> str:
        """Test a field of the whole result: a scalar, or a list of scalars of which one item must pass."""
        name = quoted(condition.column.name)
        test = _test(condition, name)
        if condition.column.type.item is not None:
            opened = self._opened(condition.column)
            inside = quoted(_bare(condition.column)) if opened else "x"
            test = _test(condition, inside)
            if not opened:
                test = f"len(list_filter({name}, lambda x: {test})) > 0"
        if self.main is self.base or self.main.column(condition.column.name):
            return test
        return _among(self.base, test)


def _among(table: Table, test: str) -> str:
    return f'"result_id" IN (SELECT "result_id" FROM {quoted(table.name)} WHERE {test})'  # noqa: S608 - quoted


def _held(column: Column, table: Table) -> Column | None:
    """Find a field among a view's columns; arrays inside its items do not count, they are lists there too."""
    if table.kind is not Kind.ITEMS or column.path is None:
        return next((own for own in table.columns if own.path is None and own.name == column.name), None)
    return next((own for own in table.columns if own.path == column.path and own.type.item is None), None)


def _is_of_items(column: Column, view: Table) -> bool:
    """Whether a field belongs to a view's items; what is known of their whole result is found without them."""
    return column.path is not None and _held(column, view) is not None


def _name_in(column: Column, view: Table) -> str:
    held = _held(column, view)
    return held.name if held else column.name


def _bare(column: Column) -> str:
    return column.path.name if column.path else column.name


def _test(condition: Condition, name: str) -> str:
    operator, values = condition.operator, condition.values
    texts = scalar(condition.column) == "VARCHAR"
    match operator:
        case "empty":
            return f"({name} IS NULL OR {name} = '')" if texts else f"{name} IS NULL"
        case "filled":
            return f"{name} <> ''" if texts else f"{name} IS NOT NULL"
        case "between" if len(values) == 2:
            return f"{name} BETWEEN {_value(values[0])} AND {_value(values[1])}"
        case "contains" | "not contains" | "starts" | "ends":
            return _matches(name, operator, values)
    if operator not in _COMPARE or (texts and operator in {"=", "!="}):
        return _equals(condition, name, negated=operator == "!=")
    return f"{name} {operator} {_value(values[0])}" if len(values) == 1 else _equals(condition, name, negated=False)


def _equals(condition: Condition, name: str, *, negated: bool) -> str:
    """Compare texts without regard to case, unless the schema lists their spellings."""
    values = condition.values
    if scalar(condition.column) == "VARCHAR" and not condition.column.enum:
        name, values = f"lower({name})", tuple(value.lower() for value in values)
    if len(values) == 1:
        return f"{name} {'<>' if negated else '='} {_value(values[0])}"
    return f"{name} {'NOT IN' if negated else 'IN'} ({', '.join(map(_value, values))})"


def _matches(name: str, operator: str, values: Sequence[Any]) -> str:
    function = {"starts": "starts_with", "ends": "ends_with"}.get(operator, "contains")
    tests = [f"{function}(lower({name}), {_value(str(value).lower())})" for value in values]
    test = tests[0] if len(tests) == 1 else f"({' OR '.join(tests)})"
    return f"NOT {test}" if operator == "not contains" else test


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).upper()
    return literal(value) if isinstance(value, str) else str(value)


def _spoken(condition: Condition) -> str:
    values = (" and " if condition.operator == "between" else " or ").join(map(str, condition.values))
    return f"{condition.column.name} {condition.operator} {values}".strip()
