"""Evidence, schemas and the tracing of answers, for tests of the extractor that quotes."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from videovector_adapters.local.extractive import MODEL, ExtractiveExtractor
from videovector_core.fields import leaves, values
from videovector_core.models.ports import (
    Evidence,
    Extraction,
    ExtractionRequest,
    Extractor,
    Label,
    Phrase,
    Transcript,
)
from videovector_core.prompts.validation import read_answer

STRING = {"type": "string"}
SPEECH = "And so my fellow Americans, ask not what your country can do for you, ask what you can do for your country."
KITCHEN = (
    "Hello, my name is Ada Lovelace and welcome to the kitchen in New York.",
    "Today we cook pasta for three people, it costs $12.50 in total.",
    "This is not an advertisement.",
    "The weather outside is sunny. What do we need?",
)


def of(*required: str, **properties: Any) -> dict[str, Any]:
    """Make an object schema of these properties."""
    return {"type": "object", "properties": properties, "required": list(required)}


def many(items: dict[str, Any], **bounds: int) -> dict[str, Any]:
    """Make an array schema."""
    return {"type": "array", "items": items, **bounds}


def one_of(*members: str) -> dict[str, Any]:
    """Make an enum schema."""
    return {"type": "string", "enum": list(members)}


def said(*phrases: str, language: str = "en") -> Transcript:
    """Make a transcript of phrases of five seconds each."""
    return Transcript(tuple(Phrase(5.0 * place, 5.0 * place + 5, text) for place, text in enumerate(phrases)), language)


def known(*phrases: str, screen: Sequence[str] = (), labels: Sequence[tuple[str, float]] = ()) -> Evidence:
    """Make the evidence of a segment."""
    return Evidence(
        0.0,
        5.0 * len(phrases),
        transcript=said(*phrases),
        on_screen=tuple((float(place), line) for place, line in enumerate(screen)),
        labels=tuple(Label(name, probability) for name, probability in labels),
    )


async def extraction(
    schema: dict[str, Any],
    evidence: Evidence,
    *,
    extractor: Extractor | None = None,
    rejected: tuple[str, str] | None = None,
) -> Extraction:
    """Ask for a schema and check what holds for every answer."""
    request = ExtractionRequest("Describe what happens.", schema, evidence, "local", rejected)
    answer = await (extractor or ExtractiveExtractor()).extract(request)
    assert answer.model == MODEL
    trace(json.loads(answer.text), schema, evidence)
    return answer


async def filled(schema: dict[str, Any], evidence: Evidence, *, extractor: Extractor | None = None) -> dict[str, Any]:
    """Fill a schema; the answer must pass the check without any change."""
    answer = read_answer((await extraction(schema, evidence, extractor=extractor)).text, schema)
    assert answer.warnings == ()
    return answer.document


def folded(text: str) -> str:
    """Fold case and spaces."""
    return " ".join(text.casefold().split())


def trace(document: dict[str, Any], schema: dict[str, Any], evidence: Evidence) -> None:
    """Find every text of a document in its evidence: whole, or as sentences, lines or labels put side by side."""
    spoken = " ".join(phrase.text for phrase in evidence.transcript.phrases)
    shown = [line for _, line in evidence.on_screen]
    haystack = folded(" \n ".join([spoken, *shown, *(label.name for label in evidence.labels)]))
    for leaf in leaves(schema):
        for found in values(document, leaf.path):
            if (
                not isinstance(found.value, str)
                or leaf.enum is not None
                or found.value in ("", evidence.transcript.language)
            ):
                continue
            if re.fullmatch(r"\d\d+:\d\d", found.value):
                continue
            pieces = (
                [found.value] if folded(found.value) in haystack else re.split(r"; |, |(?<=[.!?\u2026]) ", found.value)
            )
            assert all(folded(piece) in haystack for piece in pieces), (found.path, found.value)
