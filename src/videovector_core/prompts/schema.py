"""Which JSON Schemas a prompt may carry: a subset of dialect 2020-12 whose fields all have flat paths (semantics 3.2).

Nothing here follows a reference or runs a pattern. Every problem is reported at once, by the path of its field.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from attrs import Factory, define

from videovector_core.errors import Invalid
from videovector_core.fields import NAME, FieldPath, subschema
from videovector_core.prompts.validators import pattern_works, validator

MAX_DEPTH: Final = 6
"""Property names on the way to a leaf."""
MAX_LEAVES: Final = 200
MAX_BYTES: Final = 64 * 1024
MAX_ENUM: Final = 200
MAX_PATTERNS: Final = 64
"""Bounds the memory of compiled patterns."""
MAX_REPORTED: Final = 100
SYSTEM_FIELDS: Final = frozenset({"transcription", "metadata_text"})

_RESERVED: Final = SYSTEM_FIELDS | {
    *("segment_id", "video_id", "run_id", "prompt_run_id", "prompt_id", "index_id", "source_index_id"),
    *("result_id", "result_type", "start_time", "end_time", "media_type", "video_name", "similarity_score"),
    "executed_at",
}
# Ordinary words: they clash with result columns at the top level only, where columns are named after fields.
_RESERVED_ON_TOP: Final = frozenset({"title", "score"})

_COMMON: Final = frozenset({"type", "title", "description"})
_KEYWORDS: Final[dict[str, frozenset[str]]] = {
    "object": _COMMON | {"properties", "required", "additionalProperties"},
    "array": _COMMON | {"items", "minItems", "maxItems"},
    "string": _COMMON | {"enum", "minLength", "maxLength", "pattern", "format"},
    "integer": _COMMON | {"enum", "minimum", "maximum"},
    "number": _COMMON | {"enum", "minimum", "maximum"},
    "boolean": _COMMON | {"enum"},
}
_ALLOWED: Final = frozenset[str]().union(*_KEYWORDS.values())
_COMBINE: Final = "write one plain schema; for a field that may be null use a type such as ['string', 'null']"
_REFER: Final = "references are never followed; write the schema out in place"
_ASK: Final = "ask for it in the description"
_LEAVE: Final = "it decides nothing here; leave it out"
_ADVICE: Final[dict[str, str]] = {
    **dict.fromkeys(
        ("$ref", "$dynamicRef", "$recursiveRef", "$defs", "definitions", "$anchor", "$dynamicAnchor"), _REFER
    ),
    **dict.fromkeys(("oneOf", "anyOf", "allOf", "not", "if", "then", "else"), _COMBINE),
    **dict.fromkeys(("patternProperties", "propertyNames"), "name every field in properties"),
    **dict.fromkeys(("prefixItems", "additionalItems", "unevaluatedItems"), "give one schema for all items"),
    **dict.fromkeys(("contains", "minContains", "maxContains", "uniqueItems"), _ASK),
    **dict.fromkeys(("minProperties", "maxProperties", "dependentRequired", "dependentSchemas"), _ASK),
    **dict.fromkeys(("contentEncoding", "contentMediaType", "contentSchema"), _ASK),
    **dict.fromkeys(("default", "examples", "deprecated", "readOnly", "writeOnly", "$comment"), _LEAVE),
    "unevaluatedProperties": "use additionalProperties",
    **dict.fromkeys(("$schema", "$id", "$vocabulary"), "the dialect is 2020-12 always; leave it out"),
    **dict.fromkeys(("exclusiveMinimum", "exclusiveMaximum", "multipleOf"), "use minimum and maximum"),
    "nullable": "write the type as ['string', 'null']",
    "const": "use an enum of one value",
}
_BOUNDS: Final = frozenset({"minimum", "maximum", "minLength", "maxLength", "pattern"})
_COUNTS: Final = (("minLength", "maxLength"), ("minItems", "maxItems"))
_NUL: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


@define
class _Report:
    """Collects problems, and counts what is bounded for the schema as a whole."""

    problems: list[dict[str, str]] = Factory(list)
    leaves: int = 0
    patterns: int = 0

    def add(self, path: str, message: str) -> None:
        self.problems.append({"path": path or "$", "message": message})

    def close(self) -> None:
        """Raise when there is anything to report."""
        if self.leaves > MAX_LEAVES:
            self.add("", f"has {self.leaves} leaf fields; {MAX_LEAVES} are allowed")
        if self.patterns > MAX_PATTERNS:
            self.add("", f"has {self.patterns} patterns; {MAX_PATTERNS} are allowed")
        if self.problems:
            raise _invalid("The schema cannot be used", self.problems, "validation_schema_invalid")


def check_schema(schema: Any) -> None:
    """Check a schema against every rule; `Invalid` (code `validation_schema_invalid`) lists all that is wrong.

    `details.errors` holds `{path, message}`: the field's path (`scene.people[].emotion`, `$` for the root) and what to
    change. A schema without properties is accepted at the root although semantics 3.2 would refuse it: a published
    client creates prompts with `{"type": "object"}`, and the wire contract (7.4) has the last word.
    """
    report = _Report()
    size_problem = _size_problem(schema)
    if size_problem:
        report.add("", size_problem)
    else:
        _check_root(schema, report)
    report.close()
    validator(schema)


def check_paths(
    schema: Mapping[str, Any], paths: Sequence[str], *, loc: str, system: Collection[str] = frozenset()
) -> None:
    """Check that each path names a field, or an object or array of fields, of `schema`, or one of `system`.

    `Invalid` (code `validation_unknown_field_path`) lists every path that does not, as `{loc, path, message}`; `loc`
    is the name of the list in the request, such as `semantic_indexing.disabled_segment_fields`.
    """
    unknown = [
        {"loc": f"{loc}.{place}", "path": path[:200], "message": "is no field of the schema"}
        for place, path in enumerate(paths)
        if path not in system and not _names_field(schema, path)
    ]
    if unknown:
        raise _invalid(f"{loc} names unknown fields", unknown, "validation_unknown_field_path")


def is_reserved(name: str, *, on_top: bool) -> bool:
    """Whether a property name belongs to the server; a few do only at the top level of a schema."""
    small = name.casefold()
    return name.startswith("_") or small in _RESERVED or (on_top and small in _RESERVED_ON_TOP)


def _names_field(schema: Mapping[str, Any], path: str) -> bool:
    try:
        return subschema(schema, FieldPath.parse(path)) is not None
    except Invalid:
        return False


def _invalid(what: str, problems: list[dict[str, str]], code: str) -> Invalid:
    first = "; ".join(f"{problem['path']}: {problem['message']}" for problem in problems[:3])
    more = f" (and {len(problems) - 3} more)" if len(problems) > 3 else ""
    return Invalid(f"{what}: {first}{more}.", code=code, details={"errors": problems[:MAX_REPORTED]})


def _size_problem(schema: Any) -> str | None:
    """Say what makes a schema unfit to be stored or walked, whatever it declares."""
    try:
        text = json.dumps(schema, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        size = len(text.encode())
    except RecursionError:
        return "is nested too deeply"
    except UnicodeEncodeError:
        return "holds half of a surrogate pair; give valid Unicode text"
    except (ValueError, TypeError):
        return "holds something that is not JSON, such as NaN or a number of thousands of digits"
    if size > MAX_BYTES:
        return f"is {size} bytes long; {MAX_BYTES} are allowed"
    return "holds the character U+0000; leave it out" if _NUL.search(text) else None


def _check_root(schema: Any, report: _Report) -> None:
    wanted = 'the root must be an object schema: {"type": "object", "properties": {...}}'
    declared = schema.get("type") if isinstance(schema, Mapping) else "array"
    if declared == "array":
        wanted += '; put the array into a property, such as {"items": {"type": "array", "items": {...}}}'
    if declared != "object":
        report.add("", wanted)
    if declared in ("object", None):
        _check({**schema, "type": "object"}, "", 0, report)


def _check(node: Any, at: str, depth: int, report: _Report) -> None:
    """Check one node and all below it. The nesting of calls is bounded because too deep nodes are not entered."""
    if not isinstance(node, Mapping):
        report.add(at, "must be a schema: an object with a type")
        return
    kind = _type(node, at, report)
    if kind is None:
        return
    for keyword in node.keys() - _KEYWORDS[kind]:
        report.add(at, _refusal(keyword, kind))
    _check_annotations(node, at, report)
    if kind == "object":
        _check_object(node, at, depth, report)
    elif kind == "array":
        _check_array(node, at, depth, report)
    else:
        _check_scalar(node, kind, at, report)


def _type(node: Mapping[str, Any], at: str, report: _Report) -> str | None:
    declared = node.get("type")
    names = declared if isinstance(declared, list) else [declared]
    plain = [name for name in names if name != "null"]
    if len(plain) == 1 and isinstance(plain[0], str) and plain[0] in _KEYWORDS and len(names) <= 2:
        return plain[0]
    strange = node.keys() - _ALLOWED
    for keyword in strange:
        report.add(at, _refusal(keyword, "schema"))
    if strange and declared is None:  # those say what the type would
        return None
    wanted = ", ".join(_KEYWORDS)
    report.add(at, f"type must be one of {wanted}, or a pair of one of them and 'null'; it is {_show(declared)}")
    return None


def _refusal(keyword: str, kind: str) -> str:
    shown = _show(keyword)
    if keyword in _ALLOWED:
        return f"keyword {shown} says nothing about type {kind}; remove it"
    return f"keyword {shown} is not supported: {_ADVICE.get(keyword, 'allowed are ' + ', '.join(sorted(_ALLOWED)))}"


def _check_annotations(node: Mapping[str, Any], at: str, report: _Report) -> None:
    for keyword in ("title", "description", "format"):
        if not isinstance(node.get(keyword, ""), str):
            report.add(at, f"{keyword} must be a string")
    for low, high in _COUNTS:
        for keyword in (low, high):
            count = node.get(keyword, 0)
            if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= 2**31:
                report.add(at, f"{keyword} must be a whole number from 0 to {2**31}")
        _check_order(node, low, high, at, report)


def _check_order(node: Mapping[str, Any], low: str, high: str, at: str, report: _Report) -> None:
    least, most = node.get(low), node.get(high)
    if least is not None and most is not None and _is_number(least) and _is_number(most) and least > most:
        report.add(at, f"{low} is above {high}: no value can satisfy both")


def _check_object(node: Mapping[str, Any], at: str, depth: int, report: _Report) -> None:
    properties = node.get("properties", {})
    if not isinstance(properties, Mapping):
        report.add(at, "properties must be an object of schemas")
        properties = {}
    if not isinstance(node.get("additionalProperties", False), bool):
        report.add(at, "additionalProperties must be true or false")
    if at and not properties and node.get("additionalProperties") is not True:
        report.add(at, "has no properties: declare some, or set additionalProperties to true for an open object")
    _check_required(node.get("required", []), properties, at, report)
    for problem in _name_problems(properties, on_top=not at):
        report.add(at, problem)
    for name, child in properties.items():
        inner = f"{at}.{name[:80]}".removeprefix(".")
        if depth < MAX_DEPTH:
            _check(child, inner, depth + 1, report)
        else:
            report.add(inner, f"lies deeper than {MAX_DEPTH} levels")


def _check_required(required: Any, properties: Mapping[str, Any], at: str, report: _Report) -> None:
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        report.add(at, "required must be an array of property names")
        return
    if len(set(required)) < len(required):
        report.add(at, "required names a property twice")
    for name in sorted(set(required) - properties.keys()):
        report.add(at, f"required names {_show(name)}, which properties does not declare")


def _name_problems(names: Collection[str], *, on_top: bool) -> Iterator[str]:
    folded: dict[str, str] = {}
    for name in names:
        small = name.casefold()
        if is_reserved(name, on_top=on_top):
            yield f"the property name {_show(name)} is reserved; choose another"
        elif not NAME.fullmatch(name):
            yield (
                f"the property name {_show(name)} must have 1 to 64 of a to z, A to Z, 0 to 9, space, '_' and '-' and "
                "begin with a letter; '.', '[' and ']' belong to paths"
            )
        if small in folded:
            # Columns of SQL are compared without case.
            yield f"the property names {_show(folded[small])} and {_show(name)} differ only in case; rename one"
        folded.setdefault(small, name)


def _check_array(node: Mapping[str, Any], at: str, depth: int, report: _Report) -> None:
    items = node.get("items")
    if not isinstance(items, Mapping):
        report.add(at, "items must give the schema of the array's items, one schema for all")
        return
    declared = items.get("type")
    if "array" in (declared if isinstance(declared, list) else [declared]):
        report.add(f"{at}[]", "is an array of arrays, which paths cannot name; put the inner array into an object")
        return
    _check(items, f"{at}[]", depth, report)


def _check_scalar(node: Mapping[str, Any], kind: str, at: str, report: _Report) -> None:
    report.leaves += 1
    for keyword in ("minimum", "maximum"):
        if keyword in node and not _is_number(node[keyword]):
            report.add(at, f"{keyword} must be a finite number within 64 bits")
    _check_order(node, "minimum", "maximum", at, report)
    if kind == "integer" and not report.problems and _gap(node):
        report.add(at, "no whole number lies from minimum to maximum")
    if "pattern" in node:
        _check_pattern(node["pattern"], at, report)
    if "enum" in node:
        _check_enum(node, kind, at, report)


def _gap(node: Mapping[str, Any]) -> bool:
    least, most = node.get("minimum"), node.get("maximum")
    return least is not None and most is not None and math.ceil(least) > math.floor(most)


def _check_pattern(pattern: Any, at: str, report: _Report) -> None:
    report.patterns += 1
    if not isinstance(pattern, str):
        report.add(at, "pattern must be a string")
    elif report.patterns <= MAX_PATTERNS and not pattern_works(pattern):
        report.add(
            at,
            f"pattern {_show(pattern)} cannot be matched in linear time: use no lookaround, no back-references and no "
            "large nested repetitions, and check its syntax",
        )


def _check_enum(node: Mapping[str, Any], kind: str, at: str, report: _Report) -> None:
    enum = node["enum"]
    if not isinstance(enum, list) or not 0 < len(enum) <= MAX_ENUM:
        report.add(at, f"enum must be an array of 1 to {MAX_ENUM} values")
        return
    nullable = isinstance(node["type"], list) and "null" in node["type"]
    strange = [value for value in enum if not (_is_of(value, kind) or (nullable and value is None))]
    if strange:
        report.add(at, f"enum holds {_show(strange[0])}, which is not of type {kind}")
    elif len({json.dumps(value) for value in enum}) < len(enum):
        report.add(at, "enum holds a value twice")
    elif not report.problems and not any(_fits_beside(node, value) for value in enum):
        report.add(at, "no value of the enum satisfies the other keywords of the field")


def _fits_beside(node: Mapping[str, Any], value: Any) -> bool:
    """Whether an enum's value satisfies what else is said about its field."""
    bounds = {keyword: node[keyword] for keyword in _BOUNDS & node.keys()}
    return value is None or not bounds or validator(bounds).is_valid(value)


def _is_number(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63


def _is_of(value: Any, kind: str) -> bool:
    if kind == "string":
        return isinstance(value, str)
    if kind == "boolean":
        return isinstance(value, bool)
    return _is_number(value) and (kind == "number" or isinstance(value, int))


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
