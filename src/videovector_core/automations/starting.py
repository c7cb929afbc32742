"""Running an order's preset on what arrived."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from videovector_core.access.model import Caller
from videovector_core.automations.model import Order
from videovector_core.automations.ports import AutomationsTx
from videovector_core.automations.service import thawed_prompt
from videovector_core.ports import Begin
from videovector_core.runs.service import MAX_TARGETS, Runs, Target
from videovector_core.segments.model import Segmentation


@frozen
class PresetRuns:
    """Starts runs with the prompt and the settings that an order was saved with (the `Starter` port)."""

    begin: Begin[AutomationsTx]
    runs: Runs

    async def start(self, order: Order, video_ids: Sequence[str]) -> str | None:
        """Start the preset on media that are still there: one run, or several where there are more than one may take."""
        caller = Caller(order.user_id)
        async with self.begin() as tx:
            left = [item.video_id for item in await tx.media.many(order.user_id, list(video_ids))]
            started = None
            for at in range(0, len(left), MAX_TARGETS):
                some = tuple(left[at : at + MAX_TARGETS])
                started = await self._run(caller, order, some)
        return started

    async def _run(self, caller: Caller, order: Order, video_ids: tuple[str, ...]) -> str:
        preset = {name: value for name, value in order.settings["preset"].items() if value is not None}
        view = await self.runs.execute(
            caller,
            prompt_id=order.settings["prompt"]["prompt_id"],
            target=Target("videos", order.index_id, video_ids),
            segmentation=Segmentation(**order.settings["segmentation"]),
            snapshot=thawed_prompt(order),
            **preset,
        )
        return view.run.run_id
