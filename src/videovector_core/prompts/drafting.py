"""Drafting a prompt from somebody's words: by a model where there is one, else by a template. Nothing is saved.

A draft passes every check that a saved prompt passes. A model gets one second try with what was wrong; when that does
not pass either, the template stands in and says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import evolve, field, frozen

from videovector_core.access.model import Caller, Scope
from videovector_core.errors import Invalid, ProcessingFailed, Unavailable
from videovector_core.fields import leaves
from videovector_core.models.ports import Drafter, DraftRequest, Extraction
from videovector_core.ports import Begin, Clock
from videovector_core.prompts import template
from videovector_core.prompts.answers import find_objects
from videovector_core.prompts.model import Prompt, SemanticIndexing, VideoLevel
from videovector_core.prompts.schema import check_schema
from videovector_core.prompts.service import check_prompt
from videovector_core.usage import CALLS, TOKENS_IN, TOKENS_OUT, Count, UsageTx

TEMPLATE: Final = "template"
_NAMES: Final = ("name", "description", "prompt_text", "json_schema", "video_level", "semantic_indexing")
_TEXTS: Final = ("name", "description", "prompt_text")


@frozen
class Draft:
    """The definition of a prompt that is not saved. `drafted_by` is a model, or `template`; `notes` are for people."""

    name: str
    prompt_text: str
    json_schema: dict[str, Any]
    description: str = ""
    video_level: VideoLevel | None = None
    semantic_indexing: SemanticIndexing = field(factory=SemanticIndexing)
    execution_config: dict[str, Any] | None = None
    selection_filter: Any = None
    drafted_by: str = TEMPLATE
    notes: tuple[str, ...] = ()

    def definition(self) -> dict[str, Any]:
        """Return the fields that creating the prompt takes."""
        return {name: getattr(self, name) for name in (*_NAMES, "execution_config", "selection_filter")}


@frozen
class Drafting:
    """Draft prompts."""

    begin: Begin[UsageTx]
    clock: Clock
    drafter: Drafter | None = None

    async def draft(self, caller: Caller, instruction: str, existing: Mapping[str, Any] | None = None) -> Draft:
        """Draft a prompt; with an `existing` draft, improve that one.

        Raises:
            Invalid: the instruction is blank.
            Unavailable: the model cannot be reached now.
        """
        caller.require(Scope.WRITE)
        if not instruction.strip():
            raise Invalid("The instruction is blank; say what to extract.", code="validation_instruction")
        if self.drafter is None:
            return self._checked(templated(instruction, existing))
        request = DraftRequest(instruction, existing)
        for _ in range(2):
            try:
                answer = await self._asked(caller, self.drafter, request)
            except ProcessingFailed as error:
                return self._instead(instruction, existing, error.message)
            try:
                return self._checked(evolve(_read(answer.text), drafted_by=answer.model))
            except (Invalid, ProcessingFailed) as error:
                request = evolve(request, rejected=(answer.text[:20_000], _reasons(error)))
        assert request.rejected is not None  # noqa: S101 - the loop ends here only after a rejection
        return self._instead(instruction, existing, f"The model's drafts did not pass: {request.rejected[1]}")

    async def _asked(self, caller: Caller, drafter: Drafter, request: DraftRequest) -> Extraction:
        try:
            answer = await drafter.draft(request)
        except ProcessingFailed as error:
            if not error.transient:
                raise
            raise Unavailable(
                f"{error.message} Try again.",
                code="llm_budget_guard_open" if error.code == "rate_limited" else None,
                retry_after=max(1, round(error.retry_after or 2)),
            ) from error
        used = {CALLS: 1, TOKENS_IN: answer.usage.input_tokens, TOKENS_OUT: answer.usage.output_tokens}
        counts = [Count(metric, value, model=answer.model) for metric, value in used.items() if value]
        async with self.begin() as tx:
            await tx.usage.count(caller.user_id, counts)
        return answer

    def _instead(self, instruction: str, existing: Mapping[str, Any] | None, why: str) -> Draft:
        draft = self._checked(templated(instruction, existing))
        return evolve(draft, notes=(f"{why[:1000]} A template stands in.", *draft.notes))

    def _checked(self, draft: Draft) -> Draft:
        """Return the draft when it could be saved as it is."""
        check_prompt(Prompt("draft", "draft", created_at=self.clock.now(), **draft.definition()))
        return draft


def templated(instruction: str, existing: Mapping[str, Any] | None = None) -> Draft:
    """Draft by the words of the instruction alone; fields of an existing draft stay, and come first."""
    found = template.read(instruction)
    known, notes = _known(existing or {})
    properties = _merged(known.get("json_schema", {}).get("properties", {}), found.segment)
    schema: dict[str, Any] = {**known.get("json_schema", {}), "type": "object", "properties": properties}
    text = " ".join(instruction.split())
    asked = text if len(text) >= 10 else f"Extract: {text}"
    draft = Draft(
        name=known.get("name") or _title(text),
        description=known.get("description") or f"Drafted from: {text}"[:500],
        prompt_text=f"{known['prompt_text']}\n{asked}"[:5000] if known.get("prompt_text") else asked[:5000],
        json_schema=schema,
        notes=(*notes, *found.notes),
    )
    if not found.whole:
        return draft
    level = {"type": "object", "properties": found.whole}
    included = [str(leaf.path) for leaf in leaves(schema)][:500]
    return evolve(draft, video_level=VideoLevel(asked[:12_000], level, included))


def _known(existing: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return what is usable of an existing draft, and what is not."""
    kept: dict[str, Any] = {}
    bounds = {"name": (3, 100), "description": (1, 500), "prompt_text": (10, 4000)}
    for name, (least, most) in bounds.items():
        value = existing.get(name)
        if isinstance(value, str) and least <= len(value.strip()) and len(value) <= most:
            kept[name] = value
    if existing.get("json_schema") is None:
        return kept, []
    try:
        check_schema(existing["json_schema"])
    except Invalid as error:
        return kept, [f"The schema of the existing draft was left out. {error.message}"]
    return {**kept, "json_schema": dict(existing["json_schema"])}, []


def _merged(first: Mapping[str, Any], then: Mapping[str, Any]) -> dict[str, Any]:
    names = {name.casefold() for name in first}
    return {**first, **{name: schema for name, schema in then.items() if name.casefold() not in names}}


def _title(text: str) -> str:
    words = " ".join(text.split()[:8])[:80].strip(" .,:;")
    return f"{words[:1].upper()}{words[1:]}" if len(words) >= 3 else "Draft prompt"


def _read(text: str) -> Draft:
    """Read a model's draft; what is there and of the wrong kind is refused."""
    found = find_objects(text)
    if found.problem:
        raise Invalid(found.problem)
    answer = found.objects[-1]
    missing = [name for name in ("name", "prompt_text", "json_schema") if not answer.get(name)]
    if missing:
        raise Invalid(f"The draft lacks {', '.join(missing)}.")
    wrong = [name for name in _TEXTS if not isinstance(answer.get(name) or "", str)]
    if wrong or not isinstance(answer["json_schema"], dict):
        raise Invalid(f"The draft must give {', '.join(wrong) or 'json_schema'} as {'text' if wrong else 'an object'}.")
    level = answer.get("video_level") or None
    try:
        return Draft(
            name=answer["name"],
            prompt_text=answer["prompt_text"],
            json_schema=answer["json_schema"],
            description=answer.get("description") or "",
            video_level=VideoLevel(**level) if level else None,
            semantic_indexing=SemanticIndexing(**(answer.get("semantic_indexing") or {})),
        )
    except TypeError as error:
        raise Invalid(f"video_level or semantic_indexing is not as described: {error}.") from error


def _reasons(error: Invalid | ProcessingFailed) -> str:
    listed = error.details.get("errors", ())
    lines = [f"{one.get('path') or one.get('loc')}: {one['message']}" for one in listed]
    return "\n".join(lines) or error.message
