"""What runs in each worker process that dramatiq starts: one work engine, and an actor that wakes it.

`python -m videovector_adapters.dramatiq.worker PROCESSES` is the manager of such processes. They are spawned, since a
fork of a process with threads and connections is not safe. When one dies the manager ends the others and itself, and
whoever supervises it (`videovector worker`) starts it again; leases see to it that nothing is lost or done twice.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import Any, Final

import dramatiq
from attrs import define, field
from dramatiq.asyncio import get_event_loop_thread
from dramatiq.middleware import Middleware

from videovector_adapters import wiring
from videovector_adapters.children import die_with_parent
from videovector_adapters.dramatiq.broker import LOOK, QUEUE, connected
from videovector_adapters.dramatiq.doorbell import BrokerDoorbell
from videovector_adapters.settings import Settings

log = logging.getLogger(__name__)

_STOP_SECONDS: Final = 20.0


@define(eq=False)
class EngineRoom(Middleware):
    """Runs the work engine on dramatiq's event loop, from the start of the worker to its end."""

    settings: Settings
    doorbell: BrokerDoorbell | None = None
    _stop: asyncio.Event = field(factory=asyncio.Event, init=False)
    _done: Any = field(default=None, init=False)

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:  # noqa: ARG002 - dramatiq's
        thread = get_event_loop_thread()
        if thread is None:
            raise RuntimeError("the AsyncIO middleware comes before the engine room")
        self._done = asyncio.run_coroutine_threadsafe(self._run(), thread.loop)

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:  # noqa: ARG002 - dramatiq's
        thread = get_event_loop_thread()
        if thread is None or self._done is None:
            return
        thread.loop.call_soon_threadsafe(self._stop.set)
        try:
            self._done.result(_STOP_SECONDS)
        except Exception:
            log.exception("the engine did not end well; its leases will run out")

    async def look(self, topic: str) -> None:  # noqa: ARG002 - there is one topic so far
        """Wake the engine; what there is to do, the database says."""
        if self.doorbell is not None:
            self.doorbell.hear()

    async def _run(self) -> None:
        while not self._stop.is_set():
            try:
                async with wiring.build(self.settings, owns_engine=False) as vv:
                    found = vv.ports.doorbell
                    self.doorbell = found if isinstance(found, BrokerDoorbell) else None
                    wiring.settle_down()
                    await vv.engine(wiring.pace(self.settings)).run(self._stop)
            except Exception:
                log.exception("the engine ended; starting it again")
                await asyncio.sleep(2)


def boot() -> None:
    """Set up a worker process; dramatiq calls this in each."""
    die_with_parent()
    settings = Settings.load()
    if settings.broker_url is None:
        raise RuntimeError("VIDEOVECTOR_BROKER_URL is not set")
    broker = connected(settings.broker_url.get_secret_value())
    dramatiq.set_broker(broker)
    room = EngineRoom(settings)
    broker.add_middleware(room)
    dramatiq.actor(actor_name=LOOK, queue_name=QUEUE, broker=broker)(room.look)


def main() -> None:
    """Manage worker processes until a signal arrives."""
    from dramatiq import cli  # noqa: PLC0415 - the worker processes need none of it

    die_with_parent()
    given = ["--use-spawn", "--processes", sys.argv[1], "--threads", "2", f"{__spec__.name}:boot"]
    parser = cli.make_argument_parser()  # type: ignore[no-untyped-call]  # dramatiq.cli is not annotated
    sys.exit(cli.main(parser.parse_args(given)))  # type: ignore[no-untyped-call]  # as above


if __name__ == "__main__":
    main()
