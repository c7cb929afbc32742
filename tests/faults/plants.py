"""Plants that trials share, since starting one takes longer than most trials: one for each kind that is asked for."""

from __future__ import annotations

import atexit
import contextlib
import random
from collections.abc import Callable
from typing import Any

from tests.brokers import running
from tests.faults.plant import Plant, temporary
from videovector_core.errors import VideoVectorError

_BATCHED = '{"batched": {"model": "openai:toy", "batch": 4}}'
_open: dict[str, tuple[Plant, contextlib.ExitStack]] = {}


def plant(kind: str = "quick") -> Plant:
    """Return a running plant: `quick` has leases of 3 s, `default` those of the settings, `redis` and `rabbitmq` a broker.

    That of `batched` asks about four segments in one call.
    """
    if kind not in _open:
        stack = contextlib.ExitStack()
        broker = stack.enter_context(running(kind)) if kind in {"redis", "rabbitmq"} else None
        folder = stack.enter_context(temporary())
        lease = 30.0 if kind == "default" else 3.0
        more = {"VIDEOVECTOR_MODELS": _BATCHED} if kind == "batched" else {}
        _open[kind] = stack.enter_context(Plant(folder, lease=lease, broker=broker, more=more)), stack
    return _open[kind][0]


def close(kind: str) -> None:
    """End a plant; the next one who asks gets a new one."""
    if kind in _open:
        _, stack = _open.pop(kind)
        stack.close()


def tried(kind: str, seed: int, trial: Callable[[Plant, random.Random], str | None]) -> str | None:
    """Run a trial on a shared plant; one on which a promise broke is not used again."""
    one = plant(kind)
    one.stub.script, one.stub.latency = None, 0.05
    try:
        reason = trial(one, random.Random(seed))
    except (AssertionError, OSError, VideoVectorError) as error:
        reason = f"{type(error).__name__}: {error}"[:1500]
    if reason:
        log = one.server.log.read_text()[-1500:]
        close(kind)
        return f"{reason}\n{log}"
    return None


@atexit.register
def _close_all(*_: Any) -> None:
    for kind in list(_open):
        close(kind)
