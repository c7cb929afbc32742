"""The broker of a URL, with the little that a doorbell needs of dramatiq."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from dramatiq import Broker, Message
from dramatiq.middleware import AgeLimit, AsyncIO, Middleware

QUEUE: Final = "videovector"
LOOK: Final = "look"
_OLDEST_MS: Final = 30_000
"""A ring that nobody heard for so long is dropped; everybody has looked by himself since."""


def connected(url: str) -> Broker:
    """Return a broker for an `amqp://` or `redis://` URL (`amqps://`, `rediss://`); it connects when it is first used.

    Raises:
        ValueError: the URL is of another kind.
    """
    middleware: list[Middleware] = [AgeLimit(max_age=_OLDEST_MS), AsyncIO()]
    kind = urlsplit(url).scheme
    if kind in {"amqp", "amqps"}:
        from dramatiq.brokers.rabbitmq import RabbitmqBroker  # noqa: PLC0415 - needs pika, which Redis users lack

        return RabbitmqBroker(url=url, middleware=middleware)
    if kind in {"redis", "rediss"}:
        from dramatiq.brokers.redis import RedisBroker  # noqa: PLC0415 - needs redis, which RabbitMQ users lack

        return RedisBroker(  # type: ignore[no-untyped-call]  # its constructor is not annotated
            url=url, middleware=middleware, namespace="videovector"
        )
    raise ValueError(f"a broker is named by amqp:// or redis://, not {kind or 'nothing'}://")


def look(topic: str) -> Message[None]:
    """Make the message that asks for a look."""
    return Message(queue_name=QUEUE, actor_name=LOOK, args=(topic,), kwargs={}, options={})
