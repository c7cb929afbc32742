"""How each type of thing that a marker may hang on is found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from videovector_core.access.model import Caller
from videovector_core.errors import NotFound
from videovector_core.markers import Find, Target
from videovector_core.media.service import find_media, find_segment
from videovector_core.prompts.service import find_prompt
from videovector_core.runs.service import RunsUseTx, find_run


async def _prompt(tx: RunsUseTx, caller: Caller, target: Target) -> str | None:
    await find_prompt(tx, caller, target.target_id)
    return None


async def _run(tx: RunsUseTx, caller: Caller, target: Target) -> str | None:
    await find_run(tx, caller, target.target_id)
    return None


async def _video(tx: RunsUseTx, caller: Caller, target: Target) -> str | None:
    return (await find_media(tx, caller, target.target_id)).video_id


async def _segment(tx: RunsUseTx, caller: Caller, target: Target) -> str | None:
    return (await find_segment(tx, caller, target.target_id))[1].video_id


async def _result(tx: RunsUseTx, caller: Caller, target: Target) -> str | None:
    level, owner, run_id = target.parts
    pair = [(run_id, owner)]
    find = tx.results.many if level == "segment" else tx.results.video_results
    for row in await find(caller.user_id, pair):
        if await tx.media.get(caller.user_id, row.video_id) is not None:
            return row.video_id
    raise NotFound.of("result", target.target_id)


TARGETS: Final[Mapping[str, Find]] = {
    "prompt": _prompt,
    "prompt_run": _run,
    "video": _video,
    "segment": _segment,
    "result": _result,
    "field": _result,
}
