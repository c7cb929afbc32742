"""The use cases of prompts."""

from __future__ import annotations

from typing import Any, Final, Protocol

from attrs import evolve, frozen

from videovector_core.access.model import Caller, Scope
from videovector_core.errors import Conflict, Forbidden, Invalid, NotFound
from videovector_core.markers import MarkersTx
from videovector_core.ports import Begin, Clock, Ids
from videovector_core.prompts.defaults import DEFAULT_PROMPTS
from videovector_core.prompts.model import Prompt, VideoLevel, check_texts
from videovector_core.prompts.ports import PromptsTx
from videovector_core.prompts.schema import SYSTEM_FIELDS, check_paths, check_schema

_DEFAULTS: Final = {prompt.prompt_id: prompt for prompt in DEFAULT_PROMPTS}
_REPLACED: Final = frozenset(
    {
        "name",
        "description",
        "prompt_text",
        "json_schema",
        "video_level",
        "semantic_indexing",
        "execution_config",
        "selection_filter",
    }
)


class Uses(Protocol):
    """Answers whether anything stands on a prompt."""

    async def of_prompt(self, user_id: str, prompt_id: str) -> int:
        """Count the runs of a prompt."""
        ...


class PromptsUseTx(MarkersTx, PromptsTx, Protocol):
    """The slice of a transaction that prompt use cases touch."""

    @property
    def runs(self) -> Uses:
        """Whoever uses prompts."""
        ...


@frozen
class Prompts:
    """Create, list, change and delete prompts."""

    begin: Begin[PromptsUseTx]
    clock: Clock
    ids: Ids

    async def create(self, caller: Caller, **fields: Any) -> Prompt:
        """Keep a new prompt; everything that is wrong with it is reported before anything is kept."""
        caller.require(Scope.WRITE)
        prompt = Prompt(self.ids.new("prompt"), caller.user_id, created_at=self.clock.now(), **fields)
        check_prompt(prompt)
        async with self.begin() as tx:
            await tx.prompts.add(prompt)
        return prompt

    async def get(self, caller: Caller, prompt_id: str) -> Prompt:
        """Return one of the caller's prompts, or a system one."""
        caller.require(Scope.READ)
        async with self.begin() as tx:
            return await find_prompt(tx, caller, prompt_id)

    async def all(
        self, caller: Caller, *, active_only: bool = True, defaults: bool = True
    ) -> tuple[list[Prompt], int, int]:
        """List prompts, and say how many there are in all and how many of them are active."""
        caller.require(Scope.READ)
        async with self.begin() as tx:
            found = await tx.prompts.all(caller.user_id)
        found += DEFAULT_PROMPTS if defaults else ()
        active = [prompt for prompt in found if prompt.is_active]
        return (active if active_only else found), len(found), len(active)

    async def update(
        self,
        caller: Caller,
        prompt_id: str,
        *,
        clear_video_level: bool = False,
        clear_selection_filter: bool = False,
        **fields: Any,
    ) -> Prompt:
        """Replace the fields that are given, each as a whole; past runs keep the definition they started with."""
        caller.require(Scope.WRITE)
        if clear_video_level and fields.get("video_level") is not None:
            raise Invalid("Give either video_level or clear_video_level, not both.", code="validation_clear_conflict")
        if clear_video_level:
            fields["video_level"] = None
        if clear_selection_filter:
            fields["selection_filter"] = None
        async with self.begin() as tx:
            known = await self._own(tx, caller, prompt_id)
            changed = evolve(known, **{k: v for k, v in fields.items() if k in _REPLACED}, updated_at=self.clock.now())
            check_prompt(changed)
            await tx.prompts.save(changed)
        return changed

    async def delete(self, caller: Caller, prompt_id: str, *, force: bool = False) -> str:
        """Delete a prompt, or retire one that runs stand on unless `force`; runs keep their snapshot either way."""
        caller.require(Scope.ADMIN)
        async with self.begin() as tx:
            known = await self._own(tx, caller, prompt_id)
            if await tx.runs.of_prompt(caller.user_id, prompt_id) and not force:
                await tx.prompts.save(evolve(known, is_active=False, updated_at=self.clock.now()))
                return "The prompt is in use by runs and was deactivated; force=true deletes it."
            await tx.prompts.remove(caller.user_id, prompt_id)
            await tx.markers.remove_of(caller.user_id, "prompt", prompt_id)
        return "The prompt was deleted."

    async def usage(self, caller: Caller, prompt_id: str) -> tuple[Prompt, int]:
        """Return a prompt with the number of runs that stand on it."""
        caller.require(Scope.READ)
        async with self.begin() as tx:
            prompt = await find_prompt(tx, caller, prompt_id)
            return prompt, await tx.runs.of_prompt(caller.user_id, prompt_id)

    @staticmethod
    async def _own(tx: PromptsTx, caller: Caller, prompt_id: str) -> Prompt:
        prompt = await find_prompt(tx, caller, prompt_id)
        if prompt.is_system:
            raise Forbidden(
                "This prompt comes with the server and cannot be changed; create one of your own.",
                code="authorization_system_prompt",
            )
        return prompt


async def find_prompt(tx: PromptsTx, caller: Caller, prompt_id: str) -> Prompt:
    """Return a prompt that the caller may run, or raise `NotFound`."""
    prompt = _DEFAULTS.get(prompt_id) or await tx.prompts.get(caller.user_id, prompt_id)
    if prompt is None:
        raise NotFound.of("prompt", prompt_id)
    return prompt


def active(prompt: Prompt) -> Prompt:
    """Return the prompt unless it was retired."""
    if not prompt.is_active:
        raise Conflict("This prompt is deactivated; use another one.", code="conflict_prompt_inactive")
    return prompt


def check_prompt(prompt: Prompt) -> None:
    """Check everything that a prompt must keep; `Invalid` tells what is wrong."""
    check_texts(prompt.name, prompt.description, prompt.prompt_text)
    check_schema(prompt.json_schema)
    disabled = prompt.semantic_indexing.disabled_segment_fields
    check_paths(prompt.json_schema, disabled, loc="semantic_indexing.disabled_segment_fields")
    if prompt.video_level is not None:
        _check_video_level(prompt, prompt.video_level)


def _check_video_level(prompt: Prompt, level: VideoLevel) -> None:
    if not 1 <= len(level.instructions_text) <= 12_000:
        raise Invalid("video_level.instructions_text has 1 to 12,000 characters; shorten or fill it.")
    check_schema(level.json_schema)
    check_paths(
        prompt.json_schema,
        level.included_segment_fields,
        loc="video_level.included_segment_fields",
        system=SYSTEM_FIELDS,
    )
    check_paths(
        level.json_schema,
        prompt.semantic_indexing.disabled_video_level_fields,
        loc="semantic_indexing.disabled_video_level_fields",
    )
