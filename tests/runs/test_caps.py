"""Caps of runs: calls never exceed theirs, money only by what is under way, and nothing that was found is lost."""

from __future__ import annotations

import asyncio

import pytest
from attrs import define, evolve

from tests.http.api import serving
from tests.runs.test_outcomes import Room, Scripted
from videovector_adapters import memory
from videovector_adapters.memory.models import ToyTranscriber, WordHashes, toy
from videovector_core.app import VideoVector
from videovector_core.errors import Invalid
from videovector_core.models.bundle import Models
from videovector_core.models.ports import Usage
from videovector_core.models.table import ModelTable, Prices, Terms
from videovector_core.runs.extraction import CAP_REACHED
from videovector_core.runs.model import Outcome, RunStatus
from videovector_core.runs.service import Caps, Target
from videovector_core.testing.storage import stream

CUTS = list(range(10, 200, 10))


@define
class Costly(Scripted):
    """A model whose every call costs one; `most` counts how many are under way together."""

    now: int = 0
    most: int = 0

    async def extract(self, request):
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.005)
        self.now -= 1
        return evolve(await super().extract(request), usage=Usage(1_000_000, 0))


class Shop(Room):
    """A room with one long clip, a price, and caps of the operator."""

    def __init__(self, caps=Caps()):  # noqa: B008 - frozen
        super().__init__(Costly())
        prices = ModelTable(terms={"local": Terms(prices=Prices(1.0, 1.0))})
        models = Models(self.model, self.model, WordHashes(), prices, transcriber=ToyTranscriber())
        self.vv = VideoVector(memory.ports(models=models), run_caps=caps)

    async def __aenter__(self):
        await super().__aenter__()
        clip = toy(duration=200, cuts=CUTS)
        view = await self.vv.imports.upload(self.caller, stream(clip), file_name="long", index_id=self.index.index_id)
        self.long = view.items[0].video_id
        self.prompt = await self.vv.prompts.create(
            self.caller, name="Plain", prompt_text="Describe the scene.", json_schema=self.prompt.json_schema
        )
        return self

    async def capped(self, **caps):
        target = Target("videos", None, (self.long,))
        begun = await self.vv.runs.execute(self.caller, prompt_id=self.prompt.prompt_id, target=target, **caps)
        view = await self.ended(begun.run.run_id)
        _, _, page = await self.vv.runs.results(self.caller, begun.run.run_id, self.long, limit=100, after=None)
        return view, page.items


async def test_calls_stop_at_their_cap_and_what_was_found_is_served():
    """Seven of twenty calls are made; the rest fail with the cap's code; a run without a cap pays for the rest alone."""
    async with Shop() as shop:
        view, rows = await shop.capped(max_calls=7)
        assert shop.model.calls == 7
        assert view.run.status is RunStatus.COMPLETED_WITH_FAILURES
        assert CAP_REACHED in view.run.error_message
        assert sum(row.status is Outcome.SUCCESSFUL for row in rows) == 7
        lost = [row for row in rows if row.status is Outcome.FAILED]
        assert len(lost) == len(rows) - 7
        assert {(row.failure_code, row.retryable) for row in lost} == {(CAP_REACHED, True)}
        calls = await shop.vv.runs.calls(shop.caller, view.run.run_id)
        assert len(calls) == 7
        view, rows = await shop.capped()
        assert view.run.status is RunStatus.COMPLETED
        assert shop.model.calls == len(rows) == 20


async def test_a_cap_of_cost_is_exceeded_by_what_is_under_way_at_the_most():
    """A call's cost is known when it ends, so the last calls that began together may go over, and no others."""
    async with Shop() as shop:
        view, _ = await shop.capped(max_cost=6.0)
        assert 6 <= shop.model.calls < 6 + shop.model.most
        assert view.run.status is RunStatus.COMPLETED_WITH_FAILURES
        assert "a cost of 6" in view.run.error_message


async def test_the_lower_cap_counts():
    """The operator's cap holds for every run, whatever the run asks for."""
    async with Shop(Caps(calls=3)) as shop:
        await shop.capped(max_calls=9)
        assert shop.model.calls == 3
        await shop.capped(max_calls=1)
        assert shop.model.calls == 4


async def test_a_run_that_may_ask_nothing_fails_and_says_why():
    """With a cap of zero nothing is asked, and the run's error names the cap."""
    async with Shop() as shop:
        view, _ = await shop.capped(max_calls=0)
        assert shop.model.calls == 0
        assert view.run.status is RunStatus.FAILED
        assert CAP_REACHED in view.run.error_message


async def test_a_cost_without_prices_cannot_be_capped():
    """Where nothing has a price, a cap of cost would never bind: it is refused, by estimate and execute alike."""
    async with serving() as api:
        prompt = (await api.client.get("/prompts")).json()["prompts"][0]["prompt_id"]
        body = {"prompt_id": prompt, "target": {"type": "playground"}, "max_cost": 1.5}
        for route in ("execute", "estimate"):
            answer = await api.client.post(f"/prompt-runs/{route}", json=body)
            assert answer.json()["error"]["code"] == "validation_no_prices"
        with pytest.raises(Invalid):
            await api.vv.runs.execute(
                (await api.context.caller({"x-api-key": api.key})),
                prompt_id=prompt,
                target=Target("playground"),
                max_cost=0.0,
            )
