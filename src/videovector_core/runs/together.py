"""Asking about several short segments of one media item in one call.

A segment stays a piece of work of its own, with its own lease, result and content key; only the call is shared. Each
answer is checked against the user's own schema by itself. Segments whose answer is missing, given twice or wrong are
asked about alone, as they are when the call fails for a reason that may lie in putting them together.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from attrs import define, evolve, field, frozen

from videovector_core.models.ports import Evidence, Extraction, ExtractionRequest
from videovector_core.prompts.validation import Answer, read_answers
from videovector_core.runs.batching import Batches, Place
from videovector_core.runs.extraction import Asker, Document, Question
from videovector_core.runs.model import Run
from videovector_core.runs.tokens import question_tokens

ANSWERS: Final = "answers"
SEGMENT: Final = "segment"
DOCUMENT: Final = "document"
TOGETHER: Final = (
    "The evidence is of several segments, each with its number. Do the above for each segment by itself, from its own "
    "evidence alone, and answer with one document for each."
)

_WIDE: Final = 4
"""A segment is taken for so many times its tokens where they must fit a context: a picture may be more than a guess."""

Ask: TypeAlias = Callable[[ExtractionRequest], Awaitable[Extraction]]
MayCall: TypeAlias = Callable[[], Awaitable[None]]


@frozen
class Member:
    """A segment that is to be asked about with others."""

    question: Question
    request: ExtractionRequest
    may_call: MayCall


@define
class SegmentAsker:
    """Asks about segments, short ones together where the model's terms say so."""

    asker: Asker
    _batches: Batches = field(factory=Batches, init=False)

    def coming(self, run: Run, video_id: str, seconds: float) -> contextlib.AbstractContextManager[Place | None]:
        """Announce that a segment is going to be asked about, unless something comes in between."""
        terms = self.asker.pacing.table.terms_of(run.effective_model)
        return self._batches.coming(run.run_id, video_id, seconds=seconds, terms=terms)

    async def ask(
        self, question: Question, request: ExtractionRequest, send: Ask, *, may_call: MayCall, place: Place | None
    ) -> Document:
        """Do what `Asker.ask` does, in one call with others where there is a `place` among them."""
        if place is not None:
            found = await self.asker.kept(question) or await self._joined(question, request, send, may_call, place)
            if found is not None:
                return found
        return await self.asker.ask(question, request, send, may_call=may_call)

    async def _joined(
        self, question: Question, request: ExtractionRequest, send: Ask, may_call: MayCall, place: Place
    ) -> Document | None:
        async def asked(members: Sequence[Member]) -> Mapping[int, Document]:
            return await self._asked(members, send)

        await may_call()
        member = Member(question, request, may_call)
        found: Document | None = await place.join(member, tokens=_WIDE * _tokens(question, request), send=asked)
        return found

    async def _asked(self, members: Sequence[Member], send: Ask) -> Mapping[int, Document]:
        """Ask in one call, and keep every answer that fits in the transaction that logs it."""
        request = together([member.request for member in members])

        async def may_call() -> None:
            for member in members:
                await member.may_call()

        tokens = sum(_tokens(member.question, member.request) for member in members)
        question = _question([member.question for member in members], request)
        call, extraction = await self.asker.sent(question, request, send, may_call, tokens=tokens)
        answers = read_answers(
            extraction.text,
            members[0].question.schema,
            listed=ANSWERS,
            number=SEGMENT,
            document=DOCUMENT,
            count=len(members),
        )
        found = {
            place: Document.of(answer, extraction, json.dumps(answer.document, ensure_ascii=False))
            for place, answer in enumerate(answers)
            if isinstance(answer, Answer)
        }
        wrong = [f"segment {n}: {one.message}" for n, one in enumerate(answers, 1) if not isinstance(one, Answer)]
        status = "invalid_output" if wrong else "success"
        ended = evolve(call, status=status, error_message="; ".join(wrong)[:2000] or None)
        await self.asker.ended(question.run, ended, [(members[place].question, one) for place, one in found.items()])
        return found


def together(requests: Sequence[ExtractionRequest]) -> ExtractionRequest:
    """Make one request of several that ask the same of one media item."""
    first, parts = requests[0], [request.evidence for request in requests]
    start, end = min(part.start for part in parts), max(part.end for part in parts)
    whole = Evidence(start, end, first.evidence.title, parts=tuple(evolve(part, title="") for part in parts))
    text, schema = f"{first.prompt_text}\n\n{TOGETHER}", _schema(first.json_schema, len(parts))
    return evolve(first, prompt_text=text, json_schema=schema, evidence=whole)


def asked_about(schema: Mapping[str, Any]) -> int:
    """Return how many segments a call asked about, by the schema of a request that `together` made."""
    return int(schema["properties"][ANSWERS]["minItems"])


def _schema(schema: Mapping[str, Any], count: int) -> dict[str, Any]:
    number = {"type": "integer", "minimum": 1, "maximum": count, "description": "The number of the segment."}
    one = _closed({SEGMENT: number, DOCUMENT: dict(schema)})
    return _closed({ANSWERS: {"type": "array", "items": one, "minItems": count, "maxItems": count}})


def _closed(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}


def _question(questions: Sequence[Question], request: ExtractionRequest) -> Question:
    """Return the question of a batch as it is logged: about no single segment, from the first to the last."""
    return evolve(
        questions[0],
        prompt_text=request.prompt_text,
        schema=request.json_schema,
        segment_id=None,
        start=request.evidence.start,
        end=request.evidence.end,
        shown=sum((question.end or 0.0) - (question.start or 0.0) for question in questions),
    )


def _tokens(question: Question, request: ExtractionRequest) -> int:
    return question_tokens(question.prompt_text, question.schema, request)
