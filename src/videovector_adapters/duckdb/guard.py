"""The first wall around a stranger's SQL: a parser and an allow-list.

A query passes when it is one SELECT whose every node, function, type and table stands on a list, and whose literals
are small. What is not on a list is refused, so that a new feature of the engine is closed until somebody opens it.
The names that a query may use as tables are those of its catalogue and of its own common table expressions.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NoReturn

import sqlglot
from sqlglot import exp

from videovector_adapters.duckdb import functions as allowed
from videovector_adapters.duckdb.hints import nearest, place
from videovector_core.errors import Invalid

MAX_CHARS: Final = 20_000
MAX_NODES: Final = 5_000
MAX_STRING: Final = 8_192
MAX_DIGITS: Final = 40
MAX_TIMES: Final = 1_000
MAX_RANGE: Final = 1_000_000

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_PIVOT: Final = re.compile(r"\s*(UN)?PIVOT\b", re.IGNORECASE)
_NO_TABLE: Final = re.compile(r"[./\\:*?]|^(duckdb_|pg_|sqlite_|pragma_|information_schema)", re.IGNORECASE)
_SESSION: Final = frozenset(
    ("user", "current_user", "session_user", "current_role", "current_catalog", "current_database", "current_schema")
)
_ROOTS: Final = (exp.Select, exp.SetOperation, exp.Subquery, exp.Values, exp.Pivot)
_LITERALS: Final = (exp.Literal, exp.RawString, exp.ByteString)
_LENGTHS: Final = (exp.Length, exp.ArraySize)
_SUMS: Final = (exp.Add, exp.Sub, exp.Paren, exp.Neg)
_ROUNDED: Final = (exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Round, exp.Floor, exp.Ceil, exp.Abs)


def check(query: str, tables: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """Return the tables that a query reads, as the catalogue spells them; `tables` maps names to columns.

    Raises:
        Invalid: `sql_invalid` when it cannot be read or names an unknown table, `sql_not_allowed` when it holds what is
            not on the lists; `details` has the `position` and, where there are any, `did_you_mean`.
    """
    tree = _parsed(query)
    if not isinstance(tree, _ROOTS):
        _refuse(query, _statement(tree, query), "Write one SELECT or WITH ... SELECT.")
    nodes = list(_bounded(tree, query))
    known = {name.casefold(): name for name in tables}
    columns = {column.casefold() for names in tables.values() for column in names}
    used: dict[str, None] = {}
    for node in nodes:
        _check_node(node, query)
        if isinstance(node, exp.Table):
            used |= dict.fromkeys(_table(node, known, query))
        elif isinstance(node, exp.Column):
            _check_column(node, columns, query)
    return tuple(used)


def bare(query: str) -> str:
    """Return the query without what follows its statement: semicolons and comments."""
    tokens = [
        token
        for token in sqlglot.tokenize(query, dialect="duckdb")
        if token.token_type is not sqlglot.TokenType.SEMICOLON
    ]
    return query[: tokens[-1].end + 1] if tokens else ""


def pinned(query: str) -> str:
    """Return a query whose every PIVOT names a value; of one that finds its values by itself the engine shows no tree."""
    pivots = (one for tree in sqlglot.parse(query, dialect="duckdb") if tree for one in tree.find_all(exp.Pivot))
    found = [column for one in pivots if not one.args.get("unpivot") for column in one.expressions]
    ends = {column.this.meta.get("end") for column in found if isinstance(column, exp.Column)}
    for end in sorted((end for end in ends if end is not None), reverse=True):
        query = f"{query[: end + 1]} IN (0){query[end + 1 :]}"
    return query


def _parsed(query: str) -> exp.Expr | None:
    if len(query) > MAX_CHARS:
        raise Invalid(f"The query has {len(query)} characters; at most {MAX_CHARS} are allowed.", code="sql_invalid")
    if found := _CONTROL.search(query):
        _refuse(query, "a control character", "Remove it.", at=found.start())
    logging.getLogger("sqlglot").setLevel(
        logging.CRITICAL
    )  # it reports what it cannot parse; the caller hears it anyway
    try:
        trees = sqlglot.parse(query, dialect="duckdb")
    except RecursionError:
        _refuse(query, "nesting this deep", "Use common table expressions.")
    except Exception as error:  # of some texts the parser runs past the end, instead of calling them wrong
        raise _unreadable(query, error) from error
    statements = [tree for tree in trees if tree is not None and not isinstance(tree, exp.Semicolon)]
    if len(statements) > 1:
        _refuse(query, "more than one statement", "Send one SELECT at a time.")
    return statements[0] if statements else None


def _unreadable(query: str, error: Exception) -> Invalid:
    first = (getattr(error, "errors", None) or [{}])[0]
    where = {"line": first["line"], "column": first["col"]} if first.get("line") else None
    near = f" near {str(first['highlight'])[:40]!r}" if first.get("highlight") else ""
    hint = ' Field paths stand between double quotes: "scene.people[].emotion".' if "[]" in query else ""
    if _PIVOT.match(query):
        hint = " Put what sorts or cuts a PIVOT around it: SELECT * FROM (PIVOT ...) ORDER BY ... LIMIT ..."
    text = f"The query cannot be read{near}; it must be one SELECT in DuckDB's dialect.{hint}"
    return Invalid(text, code="sql_invalid", details={"position": where} if where else {})


def _bounded(tree: exp.Expr, query: str) -> Iterator[exp.Expr]:
    """Yield the nodes of a tree that is neither too large nor too deep."""
    for count, node in enumerate(tree.walk(), 1):
        if count > MAX_NODES:
            _refuse(query, f"a query of more than {MAX_NODES} parts", "Make it shorter.")
        yield node


def _check_node(node: exp.Expr, query: str) -> None:
    name = type(node).__name__
    if isinstance(node, _LITERALS):
        _check_literal(node, query)
    elif isinstance(node, exp.DataType):
        _check_type(node, query)
    elif isinstance(node, exp.Anonymous | exp.AnonymousAggFunc):
        _check_function(node, query)
    elif name in allowed.TYPED_AMPLIFIERS:
        _check_amplifier(node, name, query)
    elif name not in allowed.NODES and name not in allowed.TYPED:
        _refuse(query, _called(node), "See the documentation for what a query may use.", word=_word(node))


def _check_literal(node: exp.Literal | exp.RawString | exp.ByteString, query: str) -> None:
    if len(node.name) > (MAX_DIGITS if node.is_number else MAX_STRING):
        _refuse(query, "a literal this long", f"Strings may have {MAX_STRING} characters, numbers {MAX_DIGITS}.")


def _check_type(node: exp.DataType, query: str) -> None:
    kind = node.this.name if isinstance(node.this, exp.DType) else str(node.this)
    if kind not in allowed.TYPES:
        shown = str(node.args.get("kind") or kind).lower()
        _refuse(query, f"the type {shown[:40]}", "Cast to a standard type such as DOUBLE or VARCHAR.", word=shown)
    for size in node.find_all(exp.Literal):
        if size.is_int and int(size.name) > MAX_TIMES:
            _refuse(query, "a type this large", f"Sizes go up to {MAX_TIMES}.", word=size.name)


def _check_function(node: exp.Anonymous | exp.AnonymousAggFunc, query: str) -> None:
    name = node.name.casefold()
    if name in allowed.AMPLIFIERS:
        _check_amplifier(node, name, query)
    elif name not in allowed.FUNCTIONS and not (name in allowed.SOURCES and isinstance(node.parent, exp.Table)):
        _refuse(query, f"the function {name[:60]}", "", word=name, meant=nearest(name, allowed.FUNCTIONS))


def _check_amplifier(node: exp.Expr, name: str, query: str) -> None:
    """A small literal must bound what these functions make, and they must not be stacked."""
    outer = node.find_ancestor(exp.Repeat, exp.Pad, exp.Format, exp.Space)
    if outer is not None and name.lower() not in {"generateseries", "range", "generate_series"}:
        _refuse(query, f"{name.lower()} inside {type(outer).__name__.lower()}", "Use one of them.", word=name)
    match name.lower():
        case "generateseries" | "range" | "generate_series":
            bounds, most = [node.args.get("start"), node.args.get("end")], MAX_RANGE
        case "repeat":
            bounds, most = [node.args.get("times")], MAX_TIMES
        case "equi_width_bins":
            bounds, most = list(node.expressions[2:3]), MAX_TIMES
        case "list_resize" | "array_resize":
            bounds, most = list(node.expressions[1:2]), MAX_TIMES
        case "pad":
            bounds, most = [node.args.get("expression")], MAX_TIMES
        case "format" | "printf":
            return _check_format(node, query)
        case _:
            bounds, most = list(node.expressions), MAX_TIMES
    given = [bound for bound in bounds if bound is not None]
    if isinstance(node.parent, exp.Dot) or not given or not all(_is_small(bound, most) for bound in given):
        _refuse(
            query,
            f"{name.lower()} without a small bound",
            f"Use a number up to {most}, or least(x, {most}).",
            word=name,
        )
    return None


def _check_format(node: exp.Expr, query: str) -> None:
    pattern = node.this if isinstance(node, exp.Format) else next(iter(node.expressions), None)
    if not isinstance(pattern, exp.Literal) or re.search(r"\d{3}|\*|\{[^}]*\{", pattern.name):
        _refuse(query, "this format", "Write it as a literal with widths below 100.", word="format")


def _is_small(bound: exp.Expr, most: int) -> bool:
    """Whether a bound is a small number, the length of a list, a date, or made of a column, whose values the process bounds."""
    if isinstance(bound, exp.Literal):
        return bound.is_int and int(bound.name) <= most
    if isinstance(bound, _SUMS):
        return all(_is_small(part, most) for part in (bound.this, bound.args.get("expression")) if part is not None)
    if isinstance(bound, exp.Least):
        return any(isinstance(part, exp.Literal) and _is_small(part, most) for part in (bound.this, *bound.expressions))
    if isinstance(bound, exp.Cast):
        return bound.to.is_type(*exp.DataType.TEMPORAL_TYPES) or _is_small(bound.this, most)
    if isinstance(bound, _ROUNDED):
        return bound.find(exp.Column) is not None and all(
            _is_small(part, most) for part in bound.iter_expressions() if isinstance(part, exp.Condition)
        )
    return isinstance(bound, (exp.Column, *_LENGTHS)) or (isinstance(bound, exp.CurrentDate) and most == MAX_RANGE)


def _check_column(node: exp.Column, columns: set[str], query: str) -> None:
    """A bare `user` is a column where there is one; elsewhere the engine would read it as a function."""
    name = node.name.casefold()
    if not node.table and name in _SESSION and name not in columns:
        _refuse(query, name, "A query sees nothing of the session.", word=name)


def _table(node: exp.Table, known: Mapping[str, str], query: str) -> list[str]:
    if not isinstance(node.this, exp.Identifier):
        word = node.this.name if isinstance(node.this, exp.Anonymous) else _word(node.this)
        known_source = (
            isinstance(node.this, exp.GenerateSeries | exp.Unnest | exp.Explode) or word.casefold() in allowed.SOURCES
        )
        if known_source and not node.args.get("db"):
            return []
        _refuse(query, f"{word[:60]} as a table", "Name a table of the catalog.", word=word)
    name = node.name
    if node.args.get("db") or node.args.get("catalog"):
        _refuse(query, f"{node.args['db'].name[:60]}.{name[:60]}", "Name tables without a schema.", word=name)
    if name.casefold() in _visible(node):
        return []
    if name.casefold() in known:
        return [known[name.casefold()]]
    meant = nearest(name, known.values())
    if _NO_TABLE.search(name) and not meant:
        _refuse(query, f"reading {name[:80]!r}", "Name a table of the catalog.", word=name)
    details = {"position": place(query, name), "did_you_mean": meant}
    raise Invalid(_unknown(name, meant), code="sql_invalid", details=details)


def _unknown(name: str, meant: Sequence[str]) -> str:
    hint = f"did you mean {meant[0]}?" if meant else "the catalog lists the tables in scope."
    return f"There is no table {name[:80]!r} in scope; {hint}"


def _visible(node: exp.Table) -> set[str]:
    """Collect the common table expressions that a table may name: those of the queries around it, defined before."""
    names: set[str] = set()
    inside: exp.Expr = node
    way: list[exp.Expr] = []
    while (around := inside.parent) is not None:
        way.append(inside)
        if isinstance(around, exp.With):
            names |= {cte.alias.casefold() for cte in around.expressions[: around.expressions.index(inside)]}
            if around.args.get("recursive") and _repeats(inside, way):
                names.add(inside.alias.casefold())
        elif isinstance(with_ := around.args.get("with_"), exp.With) and with_ is not inside:
            names |= {cte.alias.casefold() for cte in with_.expressions}
        inside = around
    return names


def _repeats(cte: exp.Expr, way: Sequence[exp.Expr]) -> bool:
    """Whether a way to a common table expression comes out of the part that it repeats.

    Elsewhere the engine takes its name for a table's, and there are tables of its own that none may name.
    """
    repeated = cte.this.args.get("expression") if isinstance(cte.this, exp.Union) else None
    return any(step is repeated for step in way) and not _NO_TABLE.search(cte.alias)


def _statement(tree: exp.Expr | None, query: str) -> str:
    if tree is None:
        return "an empty query"
    words = query.split(None, 1)
    return f"{words[0].upper()[:20] if words else type(tree).__name__} as a statement"


def _word(node: exp.Expr) -> str:
    return node.sql_name().lower() if isinstance(node, exp.Func) else type(node).__name__.lower()


def _called(node: exp.Expr) -> str:
    return f"the function {_word(node)}" if isinstance(node, exp.Func) else f"{type(node).__name__} in a query"


def _refuse(
    query: str, what: str, instead: str, *, word: str | None = None, at: int | None = None, meant: Sequence[str] = ()
) -> NoReturn:
    details: dict[str, Any] = {"position": place(query, word, at)}
    if meant:
        details["did_you_mean"] = list(meant)
        instead = f"Did you mean {meant[0]}? {instead}"
    message = f"{what[:1].upper()}{what[1:]} is not allowed. {instead}".strip()
    raise Invalid(message, code="sql_not_allowed", details={k: v for k, v in details.items() if v is not None})
