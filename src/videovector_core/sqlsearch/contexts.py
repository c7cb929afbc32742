"""Which result each row of an answer comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from videovector_core.sqlsearch.model import RowContext, Rows


class Identifiers:
    """The identifiers in a result, by which its rows find their context."""

    def __init__(self, rows: Rows) -> None:
        names = [name for name, _ in rows.columns]
        self.place = {name: names.index(name) for name in ("result_id", "segment_id", "run_id") if name in names}
        self.rows = rows.rows

    @property
    def wanted(self) -> bool:
        """Whether any row can have a context."""
        return bool(self.rows) and ("result_id" in self.place or "segment_id" in self.place)

    def ids(self, name: str) -> list[str]:
        """Return the different texts in a column, empty where there is no such column."""
        if name not in self.place:
            return []
        return list(dict.fromkeys(text for row in self.rows if isinstance(text := row[self.place[name]], str)))

    def matched(self, found: Sequence[RowContext]) -> tuple[RowContext | None, ...]:
        """Give each row the one result that fits all the identifiers it shows; none when two fit."""
        by_result = {context.result_id: context for context in found}
        by_segment: dict[str, list[RowContext]] = {}
        for context in found:
            by_segment.setdefault(context.segment_id or "", []).append(context)
        return tuple(self._one(row, by_result, by_segment) for row in self.rows)

    def _one(
        self, row: Sequence[Any], by_result: Mapping[str, RowContext], by_segment: Mapping[str, Sequence[RowContext]]
    ) -> RowContext | None:
        shown = {name: row[place] for name, place in self.place.items()}
        if not all(isinstance(value, str) for value in shown.values()):
            return None
        if "result_id" in shown:
            one = by_result.get(shown["result_id"])
            fitting = [one] if one else []
        else:
            fitting = list(by_segment.get(shown["segment_id"], ()))
        fitting = [context for context in fitting if all(getattr(context, k) == v for k, v in shown.items())]
        return fitting[0] if len(fitting) == 1 else None
