"""Webhooks, keys and usage: what belongs to an account."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.clients.conformance.journey import Journey


async def webhooks(j: Journey) -> None:
    """Made, changed, tried, refused and sent again."""
    c, address = j.c, j.w["receiver"]
    assert len(await c.webhooks.list_events()) == 17
    made = await c.webhooks.create(
        name="Hook",
        url=f"{address}/take",
        events=["export.ready"],
        index_ids=[j.index.index_id],
        metadata={"owner": "me"},
    )
    assert made.secret.startswith("whsec_")
    where = made.webhook_id
    changed = await c.webhooks.update(where, url=f"{address}/refuse", events=["import_job.completed"], index_ids=[])
    assert changed.events == ["import_job.completed"]
    assert [one.webhook_id for one in await c.webhooks.list()] == [where]
    assert (await c.webhooks.retrieve(where)).metadata == {"owner": "me"}
    assert (await c.webhooks.rotate_secret(where)).new_secret != made.secret
    tried = await c.webhooks.test(where)
    assert (tried.success, tried.status_code) == (False, 404)
    await c.workflow.upload(j.w["sound"], index_id=j.index.index_id)
    (failed,) = await j.until(lambda: c.webhooks.list_deliveries(where, status="failed", limit=5), bool)
    assert await c.webhooks.get_delivery(failed.delivery_id) == failed
    again = await c.webhooks.retry_delivery(failed.delivery_id)
    assert again.delivery_id == failed.delivery_id
    assert (await c.webhooks.delete(where)).message


async def keys(j: Journey) -> None:
    """Keys are made and ended with a token, never with a key."""
    jwt, c = j.jwt, j.c
    made = await jwt.api_keys.create(name="Made", scopes=["read", "search"], expires_in_days=90)
    c.rows.update({name: row for name, row in jwt.rows.items() if name.startswith("api_keys.")})
    assert made.key.startswith("sk_live_")
    assert (await jwt.api_keys.retrieve(made.key_id)).name == "Made"
    assert made.key_id in {one.key_id for one in await jwt.api_keys.list()}
    other = await jwt.api_keys.rotate(made.key_id)
    assert other.key != made.key
    assert not (await jwt.api_keys.revoke(other.key_id)).is_active
    assert (await jwt.api_keys.delete(other.key_id)).message


async def usage(j: Journey) -> None:
    """What has been used is told in four ways, and limits in one."""
    c, day = j.c, timedelta(days=1)
    now = datetime.now(UTC)
    assert (await c.usage.get_current()).totals.total_searches > 0
    assert (await c.usage.get_history(limit=2)).periods is not None
    assert await c.usage.get_details(start_date=now - day, end_date=now + day, limit=3)
    assert (await c.usage.get_breakdown(start_date=(now - day).date(), end_date=now + day)).breakdown
    assert await c.usage.get_metric_types()
    assert "search" in (await c.rate_limits.get_status()).categories
    assert "search" in (await c.rate_limits.refresh()).categories
