"""From a model's answer to a document that fits the user's schema, or to an error that names each field and why.

What is changed on the way loses nothing and is recorded as a warning; the result is always checked against the
original schema, and there is no partial result.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from itertools import islice
from typing import Any, Final, NamedTuple

from attrs import Factory, define, frozen
from jsonschema_rs import ValidationError

from videovector_core.errors import Invalid, ProcessingFailed
from videovector_core.fields import NAME, Steps, instance_path, is_nullable, json_type
from videovector_core.prompts.answers import Flaw, find_objects, preview
from videovector_core.prompts.schema import check_schema, is_reserved
from videovector_core.prompts.validators import validator

MAX_DEPTH: Final = 32
"""Levels of nesting inside a value that an open object keeps."""
MAX_REPORTED: Final = 50
_LONGEST: Final = 2**63
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,17})?(?:[eE][+-]?[0-9]{1,3})?")
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")
_NOTHING: Final = object()


@frozen
class Answer:
    """A document that fits its schema, and what had to be changed for that."""

    document: dict[str, Any]
    warnings: tuple[str, ...] = ()


class SchemaTest(NamedTuple):
    """The outcome of trying a sample against a schema."""

    valid: bool
    validated_data: dict[str, Any] | None
    error: str | None
    message: str


def read_answer(text: str, schema: Mapping[str, Any]) -> Answer:
    """Read the document in a model's answer.

    Loss-free changes are made: "3" to 3, "true" to true, a scalar to an array of one. Unknown properties are dropped
    (an object that declares `additionalProperties: true` keeps those with a legal name), and so is null for an optional
    field that does not take it. Of several objects the last that fits is taken. Absent fields stay absent.

    Raises:
        ProcessingFailed: with code `invalid_output`; `details.errors` lists `{path, message}` by instance path
            (`scene.people[0].emotion`, `$` for the answer as a whole).
    """
    found = find_objects(text)
    if found.problem:
        raise _rejection([{"path": "$", "message": found.problem}])
    problems: list[dict[str, str]] = []
    for document in reversed(found.objects):
        fit = _Fit()
        fitted = fit.document(document, schema)
        if not fit.errors:
            return Answer(fitted, fit.summary(len(found.objects)))
        problems = problems or fit.errors
    raise _rejection(problems)


def read_answers(
    text: str, schema: Mapping[str, Any], *, listed: str, number: str, document: str, count: int
) -> list[Answer | ProcessingFailed]:
    """Read the documents of an answer about several things, numbered from 1: each by itself, as `read_answer` does.

    The last object of the text that has an array `listed` counts; of its items `number` says what each `document` is
    about. What is left out, or given twice, is rejected like what does not fit; numbers of nothing are ignored.
    """
    found = find_objects(text)
    whole = next((one[listed] for one in reversed(found.objects) if isinstance(one.get(listed), list)), None)
    if whole is None:
        return [_rejection([{"path": "$", "message": found.problem or f"holds no array {listed!r}"}])] * count
    items = [item for item in whole if isinstance(item, dict)]
    by_number = [[one.get(document) for one in items if str(one.get(number)) == str(n + 1)] for n in range(count)]
    return [_numbered(given, schema) for given in by_number]


def _numbered(given: list[Any], schema: Mapping[str, Any]) -> Answer | ProcessingFailed:
    if len(given) != 1:
        return _rejection([{"path": "$", "message": "is given more than once" if given else "is left out"}])
    fit = _Fit()
    fitted = fit.document(given[0], schema)
    return _rejection(fit.errors) if fit.errors else Answer(fitted, fit.summary(1))


def test_schema(schema: Any, sample: Any) -> SchemaTest:
    """Try a sample against a schema as the editor of a prompt does (semantics 3.3).

    Stricter than for a model's answer: null for a field that does not take it, and a property that
    `additionalProperties: false` forbids, are errors of the sample.
    """
    try:
        check_schema(schema)
    except Invalid as refused:
        return SchemaTest(valid=False, validated_data=None, error=refused.message, message="The schema is not valid")
    fit = _Fit(strict=True)
    fitted = fit.document(sample, schema)
    if fit.errors:
        first = fit.errors[0]
        error = f"{first['path']}: {first['message']}"
        return SchemaTest(valid=False, validated_data=None, error=error, message="The sample does not fit the schema")
    return SchemaTest(valid=True, validated_data=fitted, error=None, message="Schema validation successful")


test_schema.__test__ = False  # type: ignore[attr-defined]  # pytest would collect it wherever it is imported


def _rejection(errors: list[dict[str, str]]) -> ProcessingFailed:
    shown = "; ".join(f"{error['path']}: {error['message']}" for error in errors[:3])
    more = f" (and {len(errors) - 3} more)" if len(errors) > 3 else ""
    return ProcessingFailed(
        f"The model's answer does not fit the schema: {shown}{more}.",
        code="invalid_output",
        details={"errors": errors[:MAX_REPORTED]},
    )


@define
class _Fit:
    """One walk along a schema that fits a value to it, with what was changed and what is wrong."""

    strict: bool = False
    warnings: list[str] = Factory(list)
    unsaid: int = 0
    """Warnings beyond those that are kept."""
    errors: list[dict[str, str]] = Factory(list)

    def document(self, value: Any, schema: Mapping[str, Any]) -> dict[str, Any]:
        """Fit a root value and check the outcome against the schema itself."""
        fitted: dict[str, Any] = self.value(value, schema, ())
        flawed = {error["path"] for error in self.errors}
        for error in islice(validator(schema).iter_errors(fitted), MAX_REPORTED):
            path, message = _explain(error, fitted)
            if path not in flawed:
                self.errors.append({"path": path, "message": message})
        return fitted

    def summary(self, objects: int) -> tuple[str, ...]:
        """Return the warnings, the many cut short."""
        several = [f"the answer held {objects} JSON objects; the last that fits was taken"] if objects > 1 else []
        return (*several, *self.warnings, *([f"and {self.unsaid} more changes"] if self.unsaid else []))

    def value(self, value: Any, schema: Mapping[str, Any], at: Steps) -> Any:
        kind = json_type(schema)
        if isinstance(value, Flaw) or (isinstance(value, int | float) and not _storable(value)):
            self.wrong(at, value.message if isinstance(value, Flaw) else "is not finite or is beyond 64 bits")
            return None
        if value is None:
            return None
        if kind == "object" and isinstance(value, dict):
            return self.object(value, schema, at)
        if kind == "array" and not isinstance(value, dict):
            return self.array(value, schema, at)
        if isinstance(value, dict | list) or kind == "object":
            # Left in place, a value of any depth would reach the validator.
            self.wrong(at, f"must be of type {kind} and is {preview(value)}")
            return None
        return self.scalar(value, kind, at)

    def object(self, value: dict[str, Any], schema: Mapping[str, Any], at: Steps) -> dict[str, Any]:
        declared = schema.get("properties", {})
        required = schema.get("required", ())
        kept: dict[str, Any] = {}
        for name, inner in value.items():
            here = (*at, name)
            if name not in declared:
                free = self.undeclared(inner, schema.get("additionalProperties"), here)
                if free is not _NOTHING:
                    kept[name] = free
            elif inner is None and not (self.strict or name in required or is_nullable(declared[name])):
                self.changed(here, "null dropped from an optional field that does not take it")
            else:
                kept[name] = self.value(inner, declared[name], here)
        return kept

    def undeclared(self, value: Any, allowed: bool | None, at: Steps) -> Any:
        """Decide about a property that the schema does not declare."""
        name = str(at[-1])
        if self.strict and allowed is False:
            self.wrong((*at[:-1], name[:80]), "is not declared, and additionalProperties is false")
        if allowed and NAME.fullmatch(name) and not is_reserved(name, on_top=len(at) == 1):
            kept = self.free(value, at, MAX_DEPTH)
            if kept is not _NOTHING:
                return kept
        if not (self.strict and allowed is False):
            self.changed((*at[:-1], name[:80]), "unknown property dropped")
        return _NOTHING

    def free(self, value: Any, at: Steps, depth: int) -> Any:
        """Clean a value that no schema describes; `_NOTHING` when it cannot be stored."""
        if isinstance(value, Flaw) or not depth or (isinstance(value, int | float) and not _storable(value)):
            return _NOTHING
        if isinstance(value, str):
            return self.text(value, at)
        if isinstance(value, dict):
            inner = {self.text(name, at): self.free(item, at, depth - 1) for name, item in value.items()}
            return _NOTHING if _NOTHING in inner.values() else inner
        if isinstance(value, list):
            items = [self.free(item, at, depth - 1) for item in value]
            return _NOTHING if _NOTHING in items else items
        return value

    def array(self, value: Any, schema: Mapping[str, Any], at: Steps) -> Any:
        items = schema["items"]
        if isinstance(value, list):
            return [self.value(item, items, (*at, place)) for place, item in enumerate(value)]
        self.changed(at, "single value put into an array")
        return [self.value(value, items, (*at, 0))]

    def scalar(self, value: Any, kind: str, at: Steps) -> Any:
        if kind == "string":
            return self.text(value, at) if isinstance(value, str) else value
        read = _READERS[kind](value)
        if read is None:
            return value
        self.changed(at, f"{preview(value)} read as {preview(read)}")
        return read

    def text(self, value: str, at: Steps) -> str:
        if not _UNSTORABLE.search(value):
            return value
        self.changed(at, "characters that no text may hold (U+0000, halves of surrogate pairs) replaced")
        return _UNSTORABLE.sub("�", value)

    def changed(self, at: Steps, what: str) -> None:
        if len(self.warnings) < MAX_REPORTED:
            self.warnings.append(f"{instance_path(at)}: {what}")
        else:
            self.unsaid += 1

    def wrong(self, at: Steps, why: str) -> None:
        if len(self.errors) < MAX_REPORTED:
            self.errors.append({"path": instance_path(at), "message": why})


def _storable(value: float) -> bool:
    return math.isfinite(value) if isinstance(value, float) else -_LONGEST <= value < _LONGEST


def _to_integer(value: Any) -> int | None:
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return int(value) if isinstance(value, str) and _INTEGER.fullmatch(value) else None


def _to_number(value: Any) -> float | None:
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        return None
    read = int(value) if _INTEGER.fullmatch(value) else float(value)
    return read if _storable(read) else None


def _to_boolean(value: Any) -> bool | None:
    return {"true": True, "false": False}.get(value.lower()) if isinstance(value, str) else None


_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "integer": _to_integer,
    "number": _to_number,
    "boolean": _to_boolean,
}


def _explain(error: ValidationError, document: Any) -> tuple[str, str]:
    """Name the field that a validation error is about, and why, without repeating a long value."""
    steps: Steps = tuple(error.instance_path)
    rule = error.kind.as_dict()
    if error.kind.name == "required":
        return instance_path((*steps, rule["property"])), "is required and missing"
    value = document
    for step in steps:
        value = value[step]
    message = error.message.removeprefix("the value ")
    message = message if len(message) <= 300 else f"{message[:300]}..."
    return instance_path(steps), f"{message}; it is {preview(value)}"
