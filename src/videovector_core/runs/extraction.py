"""Asking a model for a document: kept by content, logged before it is sent, checked, repaired once."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol, TypeVar

from attrs import evolve, frozen

from videovector_core.errors import ProcessingFailed, VideoVectorError
from videovector_core.models.cache import CacheTx, content_key
from videovector_core.models.ports import Extraction
from videovector_core.ports import Begin, Clock, Ids
from videovector_core.prompts.validation import Answer, read_answer
from videovector_core.runs.model import LlmCall, Run
from videovector_core.runs.ports import RunsTx
from videovector_core.usage import CALLS, TOKENS_IN, TOKENS_OUT, Count, UsageTx

_TEXT_LIMIT: Final = 200_000
R = TypeVar("R", bound="Repairable")


class Repairable(Protocol):
    """A request that can carry an earlier answer and what was wrong with it."""

    @property
    def rejected(self) -> tuple[str, str] | None:
        """The earlier answer and the problem."""
        ...


class ExtractionTx(UsageTx, RunsTx, CacheTx, Protocol):
    """The slice of a transaction that asking a model touches."""


@frozen
class Document:
    """A document that fits its schema, the text it came from, and what had to be said about it."""

    value: dict[str, Any]
    text: str
    warning: str | None
    attempted: bool = True


@frozen
class Question:
    """What is asked of which run, about which stretch of which media item."""

    run: Run
    video_id: str
    sha256: str
    purpose: str
    prompt_text: str
    schema: Mapping[str, Any]
    about: Mapping[str, Any]
    """Everything else that decides the answer; it goes into the content key."""
    segment_id: str | None = None
    start: float | None = None
    end: float | None = None

    @property
    def key(self) -> str:
        """The content key of the answer."""
        return content_key(
            self.purpose,
            model=self.run.effective_model,
            prompt=self.prompt_text,
            # not sorted: the order of properties decides the order of what a model writes
            schema=json.dumps(self.schema),
            sha256=self.sha256,
            start=self.start,
            end=self.end,
            about=self.about,
        )


@frozen
class Asker:
    """Puts questions to models."""

    begin: Begin[ExtractionTx]
    clock: Clock
    ids: Ids

    async def ask(
        self,
        question: Question,
        request: R,
        send: Callable[[R], Awaitable[Extraction]],
        *,
        may_call: Callable[[], Awaitable[None]],
    ) -> Document:
        """Return the kept answer, or ask, check, and on a bad answer ask once more.

        `may_call` is awaited before each call and raises when there must be none. A bad second answer raises
        `ProcessingFailed` (code `invalid_output`).
        """
        async with self.begin() as tx:
            kept = await tx.cache.get(question.run.user_id, question.key)
        if kept is not None:
            return Document(**kept, attempted=False)
        try:
            extraction, answer = await self._once(question, request, send, may_call)
        except ProcessingFailed as error:
            if error.code != "invalid_output":
                raise
            reasons = "\n".join(f"{one['path']}: {one['message']}" for one in error.details.get("errors", ()))
            rejected = (str(error.details.get("answer", ""))[:20_000], reasons or error.message)
            repaired = evolve(request, rejected=rejected)  # type: ignore[misc]  # every request is a frozen attrs class
            extraction, answer = await self._once(question, repaired, send, may_call)
        warnings = [*([extraction.warning] if extraction.warning else []), *answer.warnings]
        document: dict[str, Any] = {
            "value": answer.document,
            "text": extraction.text,
            "warning": "; ".join(warnings)[:2000] or None,
        }
        async with self.begin() as tx:
            await tx.cache.put(question.run.user_id, question.key, sha256=question.sha256, value=document)
        return Document(**document)

    async def _once(
        self,
        question: Question,
        request: R,
        send: Callable[[R], Awaitable[Extraction]],
        may_call: Callable[[], Awaitable[None]],
    ) -> tuple[Extraction, Answer]:
        await may_call()
        call = self._call(question)
        async with self.begin() as tx:
            await tx.calls.started(call)
        try:
            extraction = await send(request)
        except VideoVectorError as error:
            await self._ended(evolve(call, status="error", error_message=error.message))
            raise
        call = evolve(
            call,
            model=extraction.model,
            input_tokens=extraction.usage.input_tokens,
            output_tokens=extraction.usage.output_tokens,
            response_text=extraction.text[:_TEXT_LIMIT],
        )
        try:
            answer = read_answer(extraction.text, question.schema)
        except ProcessingFailed as error:
            await self._ended(evolve(call, status="invalid_output", error_message=error.message))
            error.details["answer"] = extraction.text
            raise
        await self._ended(evolve(call, status="success"))
        return extraction, answer

    def _call(self, question: Question) -> LlmCall:
        seconds = (question.end or 0.0) - (question.start or 0.0)
        return LlmCall(
            self.ids.new("llm_call"),
            question.run.user_id,
            question.run.run_id,
            question.run.prompt_id,
            question.video_id,
            question.segment_id,
            question.run.effective_model,
            question.purpose,
            self.clock.now(),
            media_seconds=seconds,
            segment_start=question.start,
            segment_end=question.end,
            prompt_text=question.prompt_text,
            schema_used=json.dumps(question.schema),
        )

    async def _ended(self, call: LlmCall) -> None:
        async with self.begin() as tx:
            await tx.calls.ended(evolve(call, completed_at=self.clock.now()))
            used = {CALLS: 1, TOKENS_IN: call.input_tokens, TOKENS_OUT: call.output_tokens}
            await tx.usage.count(
                call.user_id, [Count(metric, value, model=call.model) for metric, value in used.items() if value]
            )
