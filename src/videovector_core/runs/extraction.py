"""Asking a model for a document: kept by content, in turn, within the run's caps, logged before it is sent, checked,
repaired once.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

from attrs import evolve, frozen

from videovector_core.errors import ProcessingFailed, VideoVectorError
from videovector_core.models.cache import content_key
from videovector_core.models.ports import Extraction, Usage
from videovector_core.ports import Begin, Clock, Ids
from videovector_core.prompts.validation import Answer, read_answer
from videovector_core.runs.keeping import KeepingTx, keep
from videovector_core.runs.model import LlmCall, Run, Spent
from videovector_core.runs.pacing import Pacing
from videovector_core.runs.ports import RunsTx
from videovector_core.runs.tokens import question_tokens
from videovector_core.usage import CALLS, TOKENS_IN, TOKENS_OUT, Count, UsageTx

_TEXT_LIMIT: Final = 200_000
CAP_REACHED: Final = "run_cap_reached"
R = TypeVar("R", bound="Repairable")


class Repairable(Protocol):
    """A request that can carry an earlier answer and what was wrong with it."""

    @property
    def rejected(self) -> tuple[str, str] | None:
        """The earlier answer and the problem."""
        ...


class CapReached(ProcessingFailed):
    """The run has made the calls, or spent the money, that it was allowed."""

    default_code = CAP_REACHED

    def __init__(self, run: Run, spent: Spent) -> None:
        cap = f"{run.max_calls} model calls" if _over_calls(run, spent) else f"a cost of {run.max_cost:g}"
        super().__init__(
            f"The run reached its cap of {cap} (run_cap_reached). What it found is kept: run the prompt again with a "
            "higher cap, and only what is missing is paid for."
        )


class ExtractionTx(UsageTx, RunsTx, KeepingTx, Protocol):
    """The slice of a transaction that asking a model touches."""


@frozen
class Document:
    """A document that fits its schema, the text it came from, and what had to be said about it."""

    value: dict[str, Any]
    text: str
    warning: str | None

    @classmethod
    def of(cls, answer: Answer, extraction: Extraction, text: str) -> Document:
        """Make it of an answer that fits."""
        warnings = [*([extraction.warning] if extraction.warning else []), *answer.warnings]
        return cls(answer.document, text, "; ".join(warnings)[:2000] or None)


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
    shown: float | None = None
    """Seconds of media that are asked about, where they are not all from `start` to `end`."""

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
    pacing: Pacing

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
        kept = await self.kept(question)
        if kept is not None:
            return kept
        try:
            return await self._once(question, request, send, may_call)
        except ProcessingFailed as error:
            if error.code != "invalid_output":
                raise
            reasons = "\n".join(f"{one['path']}: {one['message']}" for one in error.details.get("errors", ()))
            rejected = (str(error.details.get("answer", ""))[:20_000], reasons or error.message)
            repaired = evolve(request, rejected=rejected)  # type: ignore[misc]  # every request is a frozen attrs class
            return await self._once(question, repaired, send, may_call)

    async def kept(self, question: Question) -> Document | None:
        """Return the kept answer, if there is one."""
        async with self.begin() as tx:
            found = await tx.cache.get(question.run.user_id, question.key)
        return None if found is None else Document(**found)

    async def _once(
        self,
        question: Question,
        request: R,
        send: Callable[[R], Awaitable[Extraction]],
        may_call: Callable[[], Awaitable[None]],
    ) -> Document:
        tokens = question_tokens(question.prompt_text, question.schema, request)
        call, extraction = await self.sent(question, request, send, may_call, tokens=tokens)
        try:
            answer = read_answer(extraction.text, question.schema)
        except ProcessingFailed as error:
            await self.ended(question.run, evolve(call, status="invalid_output", error_message=error.message))
            error.details["answer"] = extraction.text
            raise
        document = Document.of(answer, extraction, extraction.text)
        await self.ended(question.run, evolve(call, status="success"), [(question, document)])
        return document

    async def sent(
        self,
        question: Question,
        request: R,
        send: Callable[[R], Awaitable[Extraction]],
        may_call: Callable[[], Awaitable[None]],
        *,
        tokens: int,
    ) -> tuple[LlmCall, Extraction]:
        """Wait for a turn and ask. A call that fails is logged as such; one that does not is to be `ended`."""
        async with self.pacing.turn(question.run.effective_model, tokens=tokens, look=may_call) as turn:
            call = await self._started(question)
            try:
                extraction = await send(request)
            except VideoVectorError as error:
                await self.ended(question.run, evolve(call, status="error", error_message=error.message))
                raise
            turn.usage = extraction.usage
        return evolve(
            call,
            model=extraction.model,
            input_tokens=extraction.usage.input_tokens,
            output_tokens=extraction.usage.output_tokens,
            response_text=extraction.text[:_TEXT_LIMIT],
        ), extraction

    async def _started(self, question: Question) -> LlmCall:
        """Log a call that is about to be made; `CapReached` when the run may make no more."""
        call, run = self._call(question), question.run
        try:
            async with self.begin() as tx:
                if run.capped:
                    # the row stays locked until the commit, so no two calls both take the last place
                    _check_caps(run, await tx.calls.spend(Spent(run.run_id, calls=1)))
                await tx.calls.started(call)
        except CapReached as reached:
            await self._note(run, reached)
            raise
        return call

    async def _note(self, run: Run, reached: CapReached) -> None:
        async with self.begin() as tx:
            known = await tx.runs.lock(run.run_id)
            if known is not None and known.error_message is None:
                await tx.runs.save(evolve(known, error_message=reached.message))

    def _call(self, question: Question) -> LlmCall:
        seconds = (question.end or 0.0) - (question.start or 0.0) if question.shown is None else question.shown
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

    async def ended(self, run: Run, call: LlmCall, kept: Sequence[tuple[Question, Document]] = ()) -> None:
        """Log how a call ended together with what is kept of it, so that neither is there without the other."""
        async with self.begin() as tx:
            for question, document in kept:
                value = {"value": document.value, "text": document.text, "warning": document.warning}
                await keep(tx, run.user_id, question.video_id, question.key, sha256=question.sha256, value=value)
            if run.capped:
                prices = self.pacing.table.terms_of(run.effective_model).prices
                usage = Usage(call.input_tokens, call.output_tokens)
                cost = prices.of(usage) if prices else 0.0
                await tx.calls.spend(Spent(run.run_id, 0, usage.input_tokens, usage.output_tokens, cost))
            await tx.calls.ended(evolve(call, completed_at=self.clock.now()))
            used = {CALLS: 1, TOKENS_IN: call.input_tokens, TOKENS_OUT: call.output_tokens}
            await tx.usage.count(
                call.user_id, [Count(metric, value, model=call.model) for metric, value in used.items() if value]
            )


def _over_calls(run: Run, spent: Spent) -> bool:
    return run.max_calls is not None and spent.calls > run.max_calls


def _check_caps(run: Run, spent: Spent) -> None:
    """Refuse a call, counted in `spent` already, that is one too many; what a call costs is known when it has ended."""
    if _over_calls(run, spent) or (run.max_cost is not None and spent.cost >= run.max_cost):
        raise CapReached(run, spent)
