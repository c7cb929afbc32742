"""Tools for webhooks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from videovector_http.mcp import words
from videovector_http.mcp.tool import READ, REPLACE, WRITE, Arguments, Tool
from videovector_http.wire.tools import gives, takes
from videovector_http.wire.webhooks import Webhook

WEBHOOKS: Final = "Webhooks"


def _made(answer: Mapping[str, Any], _: Arguments) -> dict[str, Any]:
    return {
        "message": "The webhook was created.",
        "webhook": answer,
        "secret": answer["secret"],
        "important": "Keep the secret now: it is shown this once, and signatures are verified with it.",
        "tip": f'Try it with test_webhook and webhook_id="{answer["webhook_id"]}".',
    }


def _changed(answer: Any, _: Arguments) -> dict[str, Any]:
    return {"message": "The webhook was changed.", "webhook": answer}


def _webhooks(answer: Sequence[Any], _: Arguments) -> dict[str, Any]:
    return {
        "total_webhooks": len(answer),
        "by_status": words.tally(answer, "status"),
        "webhooks": answer,
        "tip": "Try one with test_webhook." if answer else "Make one with create_webhook.",
    }


def _events(answer: Sequence[str], _: Arguments) -> dict[str, Any]:
    groups: dict[str, list[str]] = {}
    for event in answer:
        groups.setdefault(event.partition(".")[0], []).append(event)
    tip = "Give some of these as events to create_webhook."
    return {"total_events": len(answer), "by_category": groups, "events": answer, "tip": tip}


def _tried(answer: Mapping[str, Any], given: Arguments) -> dict[str, Any]:
    tip = "The receiver answers." if answer["success"] else "Look at the URL; it must answer POST with 2xx."
    return {**answer, "webhook_id": given["webhook_id"], "tip": tip}


def _deliveries(answer: Sequence[Any], given: Arguments) -> dict[str, Any]:
    return {
        "webhook_id": given["webhook_id"],
        "filter": given.get("status", "all"),
        "total_deliveries": len(answer),
        "by_status": words.tally(answer, "status"),
        "by_event_type": words.tally(answer, "event_type"),
        "deliveries": answer,
    }


TOOLS: Final = (
    Tool(
        "create_webhook",
        WEBHOOKS,
        WRITE,
        "POST /webhooks",
        "Have events posted to a URL. The answer has the signing secret, which is shown this once.",
        takes.CreateWebhook,
        gives.WebhookMade,
        _made,
    ),
    Tool(
        "list_webhooks",
        WEBHOOKS,
        READ,
        "GET /webhooks",
        "List webhooks with their events, their status and how often they failed.",
        takes.Nothing,
        gives.Webhooks,
        _webhooks,
    ),
    Tool(
        "get_webhook",
        WEBHOOKS,
        READ,
        "GET /webhooks/{webhook_id}",
        "Return one webhook.",
        takes.OneWebhook,
        Webhook,
    ),
    Tool(
        "update_webhook",
        WEBHOOKS,
        REPLACE,
        "PATCH /webhooks/{webhook_id}",
        "Change the given parts of a webhook: name, URL, events, indexes, metadata, or whether it is active or paused.",
        takes.UpdateWebhook,
        gives.WebhookChanged,
        _changed,
    ),
    Tool(
        "list_webhook_events",
        WEBHOOKS,
        READ,
        "GET /webhooks/events",
        "List the events that a webhook can hear.",
        takes.Nothing,
        gives.EventNames,
        _events,
    ),
    Tool(
        "test_webhook",
        WEBHOOKS,
        WRITE,
        "POST /webhooks/{webhook_id}/test",
        "Send a test event to a webhook now and return what its receiver answers.",
        takes.TestWebhook,
        gives.WebhookTried,
        _tried,
    ),
    Tool(
        "list_webhook_deliveries",
        WEBHOOKS,
        READ,
        "GET /webhooks/{webhook_id}/deliveries",
        "List what was sent to a webhook, newest first, with attempts, answers and errors.",
        takes.ListDeliveries,
        gives.Deliveries,
        _deliveries,
    ),
)
