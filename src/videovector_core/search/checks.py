"""What a question must be before anything is asked (semantics 8.1, 8.3 and 8.5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from videovector_core.errors import Invalid
from videovector_core.prompts.render import enabled_leaves
from videovector_core.runs.model import Run

MAX_QUERY: Final = 2000
WEIGHT_TOLERANCE: Final = 1e-6


def checked_query(query: str) -> str:
    """Trim a query and refuse one that is blank or over 2,000 characters."""
    query = query.strip()
    if not query:
        raise Invalid("The query is blank; say what to look for.", code="validation_query")
    if len(query) > MAX_QUERY:
        raise Invalid(f"The query has {len(query)} characters; {MAX_QUERY} are the most.", code="validation_query")
    return query


def check_top_k(top_k: int, most: int = 100) -> None:
    """Refuse a `top_k` out of range."""
    if not 1 <= top_k <= most:
        raise Invalid(f"top_k is {top_k}; give 1 to {most}.", code="validation_top_k")


def check_fields(runs: Iterable[Run], paths: Sequence[str]) -> None:
    """Refuse a path that no run in scope indexes, whatever else narrows the search."""
    indexed: set[str] = set()
    declared: set[str] = set()
    for run in runs:
        disabled = run.prompt.semantic_indexing.disabled_segment_fields
        indexed |= {str(leaf.path) for leaf in enabled_leaves(run.prompt.json_schema, disabled)}
        declared |= {str(leaf.path) for leaf in enabled_leaves(run.prompt.json_schema)}
    unknown = [path for path in paths if path not in indexed]
    if unknown:
        why = "is not semantically indexed" if unknown[0] in declared else "is no field of the runs in scope"
        raise Invalid(
            f"{unknown[0][:80]!r} {why}; use one of: {', '.join(sorted(indexed)[:20]) or 'none'}.",
            code="validation_search_fields",
            details={"unknown": unknown},
        )


def checked_weights(text: str | None, image: str | None, text_weight: float, image_weight: float) -> dict[str, float]:
    """Return the weights of both sides; refuse a question without any, and weights that do not sum to 1."""
    if text is None and image is None:
        raise Invalid("Neither text_query nor image_data is given; give at least one.", code="validation_modality")
    if text is None or image is None:
        return {"text": 1.0, "image": 1.0}
    if not (0 <= text_weight <= 1 and 0 <= image_weight <= 1):
        raise Invalid("A weight is outside 0 to 1; correct it.", code="validation_weights")
    if abs(text_weight + image_weight - 1.0) > WEIGHT_TOLERANCE:
        raise Invalid(
            f"The weights sum to {text_weight + image_weight:g}; text_weight and image_weight must sum to 1.",
            code="validation_weights",
        )
    return {"text": text_weight, "image": image_weight}
