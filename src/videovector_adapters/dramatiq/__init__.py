"""Workers on several machines: dramatiq as doorbell and process manager, over RabbitMQ or Redis.

The broker carries no facts. A message means "look for work"; what the work is, who has it and how it went stands in the
database, so a broker that is wiped or away costs the seconds until the next regular look.
"""

from __future__ import annotations

from videovector_adapters.extras import requires

requires("worker", "dramatiq")

from videovector_adapters.dramatiq.broker import connected  # noqa: E402 - says first what is missing
from videovector_adapters.dramatiq.doorbell import BrokerDoorbell  # noqa: E402 - says first what is missing

__all__ = ["BrokerDoorbell", "connected"]
