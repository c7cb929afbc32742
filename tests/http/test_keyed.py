"""Keyed writes: fifty at once have one effect, and a process that dies at any step loses or doubles nothing."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.http.api import Api, serving
from tests.http.world import CLIP, PROMPT, Ids, populated
from videovector_core.idempotency import FORGET, Slot, fingerprint_json
from videovector_http import receipts

ROUNDS = int(os.environ.get("KEYED_ROUNDS", "2"))
AT_ONCE = 50

Send = Callable[[Api, Ids, dict[str, str]], Any]


def post(path: str, **given: Any) -> Send:
    return lambda api, ids, headers: api.client.post(
        path.format(ids=ids), headers=headers, **{name: _filled(one, ids) for name, one in given.items()}
    )


def _filled(value: Any, ids: Ids) -> Any:
    if isinstance(value, dict):
        return {name: _filled(one, ids) for name, one in value.items()}
    return value.format(ids=ids) if isinstance(value, str) else value


WRITES: dict[str, Send] = {
    "index": post("/indexes", json={"name": "n"}),
    "prompt": post("/prompts", json=PROMPT),
    "run": post(
        "/prompt-runs/execute",
        json={"prompt_id": "{ids.prompt}", "target": {"type": "index", "index_id": "{ids.index}"}},
    ),
    "upload": lambda api, ids, headers: api.client.post(
        "/videos/upload", files={"file": ("a.mp4", CLIP, "video/mp4")}, data={"title": "B"}, headers=headers
    ),
    "marker": lambda api, ids, headers: api.client.put(
        "/markers", json={"target_type": "prompt", "target_id": ids.prompt, "note": "n"}, headers=headers
    ),
}
KEYS = {
    "index": "index_id",
    "prompt": "prompt_id",
    "run": "run_id",
    "upload": "video_id",
    "marker": "marker_id",
}


async def made(api: Api) -> Counter[str]:
    """Count what there is of everything."""
    begin: Any = api.vv.ports.begin  # the tables of the adapter in memory
    async with begin() as tx:
        return Counter(
            index=len(tx.indexes.rows.rows),
            prompt=len(tx.prompts.rows.rows),
            run=len(tx.runs.rows.rows),
            upload=len(tx.media.rows.rows),
            marker=len(tx.markers.rows.rows),
        )


@pytest.mark.parametrize("name", list(WRITES))
async def test_fifty_at_once_have_one_effect(name):
    """Of fifty identical requests one works, the others are its replay, byte for byte; or they are told to wait."""
    async with serving() as api:
        ids = await populated(api)
        for turn in range(ROUNDS):
            before = await made(api)
            headers = {"Idempotency-Key": f"k{turn}"}
            answers = await asyncio.gather(*(WRITES[name](api, ids, headers) for _ in range(AT_ONCE)))
            good = [one for one in answers if one.status_code < 300]
            assert {one.status_code for one in answers} <= {good[0].status_code, 409}
            assert len({one.content for one in good}) == 1
            assert sum("idempotency-replayed" not in one.headers for one in good) == 1
            for one in answers:
                if one.status_code == 409:
                    assert one.json()["error"]["code"] == "idempotency_in_progress"
                    assert one.headers["retry-after"] == "1"
            extra = (await made(api)) - before
            assert extra[name] == (0 if name == "marker" and turn else 1), extra


class Killed(BaseException):
    """The process died here."""


@pytest.mark.parametrize("name", list(WRITES))
async def test_a_death_at_any_step_doubles_nothing(name):
    """Whichever transaction the process dies before or in, or just after, the retry returns one and the same thing."""
    async with serving() as api:
        ids = await populated(api)
        steps = await _steps(api, name, ids)
        assert steps >= 2
        for step in range(steps):
            for moment in ("before", "within", "after"):
                before = await made(api)
                headers = {"Idempotency-Key": f"{step}-{moment}"}
                with contextlib.suppress(Killed), _dying(api, step, moment):
                    await WRITES[name](api, ids, headers)
                clock: Any = api.vv.ports.clock
                clock.time.advance(60)  # the claim of the dead runs out
                answers = [await WRITES[name](api, ids, headers) for _ in range(2)]
                assert {one.status_code for one in answers} <= {200, 201, 202}, (step, moment, answers[0].text)
                assert len({one.json()[KEYS[name]] for one in answers}) == 1, (step, moment)
                assert answers[0].content == answers[1].content
                extra = (await made(api)) - before
                assert extra[name] <= 1, (step, moment, extra)
                assert sum(extra.values()) <= 1 + (name == "run"), (step, moment, extra)


async def _steps(api: Api, name: str, ids: Ids) -> int:
    with _dying(api, 10_000, "before") as count:
        await WRITES[name](api, ids, {"Idempotency-Key": "count"})
    return count[0]


@contextlib.contextmanager
def _dying(api: Api, step: int, moment: str) -> Any:
    """Let the task of this test die around its transaction number `step`; count its transactions."""
    joining: Any = api.vv.begin
    mine, count = asyncio.current_task(), [0]
    start = joining.start

    @contextlib.asynccontextmanager
    async def dying() -> Any:
        number = count[0] if asyncio.current_task() is mine else -1
        count[0] += number >= 0
        dead = number >= step
        if dead and (moment == "before" or number > step):
            raise Killed
        async with start() as tx:
            yield tx
            if dead and moment == "within":
                raise Killed
        if dead and moment == "after":
            raise Killed

    object.__setattr__(joining, "start", dying)
    try:
        yield count
    finally:
        object.__setattr__(joining, "start", start)


async def test_other_words_under_one_key_are_a_conflict():
    """On every keyed route of these, another body under a used key is 409 and has no effect."""
    async with serving() as api:
        ids = await populated(api)
        for name in ("index", "prompt"):
            headers = {"Idempotency-Key": "used"}
            assert (await WRITES[name](api, ids, headers)).status_code == 201
            before = await made(api)
            body = {**PROMPT, "name": "Other"} if name == "prompt" else {"name": "other"}
            answer = await api.client.post(f"/{name}{'es' if name == 'index' else 's'}", json=body, headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (409, "idempotency_request_mismatch")
            assert await made(api) == before


async def test_secrets_are_replayed_and_kept_sealed():
    """The replay of a created key shows the secret again; what is stored of the answer does not hold it."""
    async with serving() as api:
        del api.client.headers["X-API-Key"]
        headers = {**api.bearer(), "Idempotency-Key": "k"}
        first, second = [await api.client.post("/api-keys", json={"name": "k"}, headers=headers) for _ in range(2)]
        assert first.json()["key"] == second.json()["key"]
        assert second.headers["idempotency-replayed"] == "true"
        begin: Any = api.vv.ports.begin
        async with begin() as tx:
            assert first.json()["key"] not in repr(
                [claim.receipt.answer.body for claim in tx.receipts.slots.rows.values()]
            )


async def test_keys_are_forgotten_a_day_later_by_themselves():
    """A server that runs remembers a key for a day; after that the same request makes another thing."""
    async with serving() as api:
        await api.vv.keep_house()
        clock: Any = api.vv.ports.clock
        begin: Any = api.vv.ports.begin

        async def sent() -> str:
            answer = await api.client.post("/indexes", json={"name": "n"}, headers={"Idempotency-Key": "k"})
            return str(answer.json()["index_id"])

        async def looked() -> None:
            async with asyncio.timeout(30):
                while True:
                    async with begin() as tx:
                        due = [one.due_at for one in tx.work.items.rows.values() if one.kind == FORGET]
                    if due and min(due) > clock.now():
                        return
                    await asyncio.sleep(0.01)

        first = await sent()
        await looked()
        clock.time.advance(23.9 * 3600)
        await looked()
        assert await sent() == first
        clock.time.advance(1.2 * 3600)
        await looked()
        assert await sent() != first


async def test_who_waits_too_long_is_told_so(monkeypatch):
    """A duplicate whose first request does not end is answered with 409 and when to ask again, never with a 5xx."""
    monkeypatch.setattr(receipts, "WAIT_SECONDS", 0.1)
    async with serving() as api:
        slot = Slot(api.user_id, "POST", "/api/v2/indexes", "k")
        async with api.vv.begin() as tx:
            await tx.receipts.claim(slot, fingerprint_json({"name": "n"}), token="another", seconds=60)
        answer = await api.client.post("/indexes", json={"name": "n"}, headers={"Idempotency-Key": "k"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "idempotency_in_progress")
    assert answer.headers["retry-after"] == "1"
