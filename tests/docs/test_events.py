"""Every event is documented, with what it holds."""

from __future__ import annotations

import asyncio
import re

from tests.docs.pages import ROOT
from tests.http.api import Api, serving
from tests.http.world import populated
from videovector_core.events.model import STREAM_EVENTS, WEBHOOK_EVENTS, EventFilter

PAGE = ROOT / "docs" / "reference" / "events.md"
ROW = re.compile(r"^\| `([\w.]+)` \| (yes|-) \| [^|]+ \| ([^|]+) \|$", re.MULTILINE)


def rows() -> dict[str, tuple[bool, str]]:
    """Read the table: whether webhooks may have it, and its fields."""
    return {name: (webhooks == "yes", fields) for name, webhooks, fields in ROW.findall(PAGE.read_text())}


def test_every_event_is_documented() -> None:
    """The table has the events of the stream and no others, and says which of them webhooks may have."""
    assert set(rows()) == set(STREAM_EVENTS)
    assert {name for name, (webhooks, _) in rows().items() if webhooks} == set(WEBHOOK_EVENTS)


async def told(api: Api) -> dict[str, set[str]]:
    """Make everything happen that one account with one of everything meets, and return the fields of each event."""
    ids = await populated(api)
    while (await api.client.get(f"/exports/{ids.export}")).json()["status"] != "completed":
        await asyncio.sleep(0.005)
    async with api.vv.begin() as tx:
        kept = await tx.events.after(api.user_id, 0, wanted=EventFilter(), limit=200)
    return {event.event_type: set(event.payload) for event in kept}


async def test_events_hold_what_the_table_says() -> None:
    """The fields of an event that happened are those of its row, but for those that may be absent."""
    async with serving() as api:
        seen = await told(api)
    assert len(seen) >= 7
    for name, fields in seen.items():
        written = re.findall(r"`(\w+)`(\??)", rows()[name][1])
        assert {field for field, absent in written if not absent} <= fields <= {field for field, _ in written}, name
