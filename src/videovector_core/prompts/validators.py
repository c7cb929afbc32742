"""The one place where JSON Schema validators are made.

The library reads `file:` and `http:` references and backtracks in patterns by default. Here it fetches nothing, and
patterns run in linear time on an engine without lookaround and back-references.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from jsonschema_rs import Draft202012Validator, RegexOptions, ValidationError

from videovector_core.errors import Invalid

MASK: Final = "the value"
"""Stands for the value in the library's messages, which would otherwise repeat all of it."""

# A compiled pattern takes at most 1 MiB, its cache of states half of that.
_LINEAR: Final = RegexOptions(size_limit=1 << 20, dfa_size_limit=1 << 19)


def validator(schema: Mapping[str, Any]) -> Draft202012Validator:
    """Return the validator of a schema, kept for later calls; `Invalid` when the schema cannot be compiled."""
    return _compiled(json.dumps(schema, separators=(",", ":")))


def pattern_works(pattern: str) -> bool:
    """Whether the linear-time engine knows every construct of a regular expression and finds it small enough."""
    try:
        _build({"pattern": pattern})
    except (ValidationError, ValueError):
        return False
    return True


@lru_cache(maxsize=64)
def _compiled(text: str) -> Draft202012Validator:
    try:
        return _build(json.loads(text))
    except (ValidationError, ValueError) as error:
        problem = {"path": "$", "message": f"cannot be compiled: {str(error)[:200]}"}
        raise Invalid(
            "The schema cannot be compiled; correct it and send it again.",
            code="validation_schema_invalid",
            details={"errors": [problem]},
        ) from error


def _build(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(schema, offline=True, validate_formats=False, pattern_options=_LINEAR, mask=MASK)
