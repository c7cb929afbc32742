"""Work items in PostgreSQL.

The queue is one partial index. A claim walks it tenant by tenant (a loose index scan), beginning behind the tenant that
this process served last, so its cost grows with the number of tenants that have work and not with the work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import define, evolve

from videovector_adapters.postgres.rows import BATCH, Session, Shape, encoded
from videovector_core.work import DOORBELL, NewWork, WorkItem, WorkState

WORK: Final = Shape("work", WorkItem, ("kind", "key"), ("payload",))

_ADD: Final = """
INSERT INTO work AS w (kind, key, user_id, payload, state, due_at, max_attempts)
SELECT g.kind, g.key, g.user_id, g.payload::json, 'queued', statement_timestamp() + g.delay * interval '1 second',
    g.max_attempts
FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], %s::float8[], %s::int[])
    AS g (kind, key, user_id, payload, delay, max_attempts)
ON CONFLICT (kind, key) DO UPDATE SET
    payload = excluded.payload,
    due_at = CASE WHEN w.state = 'queued' OR w.again THEN least(w.due_at, excluded.due_at) ELSE excluded.due_at END,
    again = w.state = 'leased',
    state = CASE WHEN w.state = 'leased' THEN 'leased' ELSE 'queued' END,
    user_id = CASE WHEN w.state = 'leased' THEN w.user_id ELSE excluded.user_id END,
    max_attempts = CASE WHEN w.state = 'leased' THEN w.max_attempts ELSE excluded.max_attempts END,
    attempt = CASE WHEN w.state = 'failed' THEN 0 ELSE w.attempt END,
    error = CASE WHEN w.state = 'failed' THEN NULL ELSE w.error END
"""

_CLAIM: Final = """
WITH RECURSIVE
wanted AS (
    SELECT * FROM unnest(%(kinds)s::text[], %(rooms)s::int[], %(turns)s::text[]) AS g (kind, room, turn)
),
-- The tenants with queued work of each kind and when their oldest item is due: those behind the turn, then those before
-- it (the second lap), until as many as there is room for have work that is due.
tenant AS (
    SELECT w.*, f.*, 1 AS place, (f.due_at <= statement_timestamp())::int AS found
    FROM wanted w, LATERAL (
        (SELECT user_id, due_at, 0 AS lap FROM work
            WHERE state = 'queued' AND kind = w.kind AND user_id > w.turn ORDER BY user_id, due_at LIMIT 1)
        UNION ALL
        (SELECT user_id, due_at, 1 FROM work
            WHERE state = 'queued' AND kind = w.kind AND user_id <= w.turn ORDER BY user_id, due_at LIMIT 1)
        ORDER BY lap LIMIT 1
    ) f
    UNION ALL
    SELECT t.kind, t.room, t.turn, f.*, t.place + 1, t.found + (f.due_at <= statement_timestamp())::int
    FROM tenant t, LATERAL (
        (SELECT user_id, due_at, t.lap AS lap FROM work
            WHERE state = 'queued' AND kind = t.kind AND user_id > t.user_id
                AND (t.lap = 0 OR user_id <= t.turn) ORDER BY user_id, due_at LIMIT 1)
        UNION ALL
        (SELECT user_id, due_at, 1 FROM work
            WHERE t.lap = 0 AND state = 'queued' AND kind = t.kind AND user_id <= t.turn
            ORDER BY user_id, due_at LIMIT 1)
        ORDER BY lap LIMIT 1
    ) f
    WHERE t.found < t.room
),
-- How many items each of them gets: one each, then a second one each, until there is no room.
share AS (
    SELECT kind, user_id, count(*) AS many FROM (
        SELECT t.kind, t.user_id, t.room, row_number() OVER (PARTITION BY t.kind ORDER BY c.round, t.place) AS rank
        FROM tenant t, LATERAL (
            SELECT row_number() OVER () AS round FROM (
                SELECT FROM work
                WHERE state = 'queued' AND kind = t.kind AND user_id = t.user_id AND due_at <= statement_timestamp()
                ORDER BY due_at, key LIMIT t.room
            ) d
        ) c
    ) ranked
    WHERE rank <= room GROUP BY kind, user_id
),
picked AS (
    SELECT p.* FROM share s, LATERAL (
        SELECT kind, key FROM work
        WHERE state = 'queued' AND kind = s.kind AND user_id = s.user_id AND due_at <= statement_timestamp()
        ORDER BY due_at, key LIMIT s.many FOR UPDATE SKIP LOCKED
    ) p
    LIMIT 1000  -- tells the planner that these are few; it cannot know what the limits above will be
)
UPDATE work t SET
    state = 'leased', fence = nextval('fences'), attempt = t.attempt + 1,
    lease_until = statement_timestamp() + %(seconds)s * interval '1 second'
FROM picked p WHERE t.kind = p.kind AND t.key = p.key
RETURNING
"""

_HELD: Final = "WHERE kind = %(kind)s AND key = %(key)s AND fence = %(fence)s AND state = 'leased'"


@define
class PgWork:
    """`WorkStore` in PostgreSQL. `turns` remembers, for each kind, the tenant that this process served last."""

    db: Session
    turns: dict[str, str]

    async def add(self, items: Sequence[NewWork]) -> None:
        merged = _merged(items)
        for start in range(0, len(merged), BATCH):
            batch = merged[start : start + BATCH]
            columns = [
                [item.kind for item in batch],
                [item.key for item in batch],
                [item.user_id for item in batch],
                [encoded(item.payload) for item in batch],
                [float(item.delay) for item in batch],
                [item.max_attempts for item in batch],
            ]
            await self.db.run(_ADD, columns)
        if merged:
            self.db.rings.add(DOORBELL)

    async def claim(self, wanted: Mapping[str, int], *, seconds: float) -> list[WorkItem]:
        given = {
            "kinds": list(wanted),
            "rooms": list(wanted.values()),
            "turns": [self.turns.get(kind, "") for kind in wanted],
            "seconds": seconds,
        }
        # a plan that was made for a short queue must not meet a long one
        claimed = await self.db.fetch(WORK, _CLAIM + WORK.of("t"), given, prepare=False)
        return self._in_turn(claimed)

    def _in_turn(self, claimed: list[WorkItem]) -> list[WorkItem]:
        """Put what was claimed in the order of tenants from the last turn on, and remember where it ended."""
        rounds: dict[tuple[str, str], int] = {}
        ranked = []
        for item in sorted(claimed, key=lambda item: (item.due_at, item.key)):
            turn = rounds[item.kind, item.user_id] = rounds.get((item.kind, item.user_id), 0) + 1
            ranked.append((turn, item.user_id <= self.turns.get(item.kind, ""), item.user_id, item))
        ordered = [item for *_, item in sorted(ranked, key=lambda entry: entry[:3])]
        self.turns.update({item.kind: item.user_id for item in ordered})
        return ordered

    async def renew(self, item: WorkItem, *, seconds: float) -> bool:
        longer = "UPDATE work SET lease_until = statement_timestamp() + %(seconds)s * interval '1 second'"
        return await self._held(longer, item, seconds=seconds)

    async def finish(self, item: WorkItem) -> bool:
        if await self._held("DELETE FROM work", item, and_not_again=True):
            return True
        return await self._requeue(item, "attempt = 0, again = false")

    async def retry(self, item: WorkItem, *, seconds: float, error: str) -> bool:
        due = "due_at = statement_timestamp() + %(seconds)s * interval '1 second', error = %(error)s, again = false"
        return await self._requeue(item, due, seconds=seconds, error=error)

    async def postpone(self, item: WorkItem, *, seconds: float) -> bool:
        later = "statement_timestamp() + %(seconds)s * interval '1 second'"
        due = f"due_at = CASE WHEN again THEN least(due_at, {later}) ELSE {later} END"
        return await self._requeue(item, f"{due}, attempt = attempt - 1, again = false", seconds=seconds)

    async def fail(self, item: WorkItem, *, error: str) -> bool:
        failed = "UPDATE work SET state = 'failed', lease_until = NULL, error = %(error)s"
        if await self._held(failed, item, and_not_again=True, error=error):
            return True
        return await self._requeue(item, "attempt = 0, again = false, error = %(error)s", error=error)

    async def expired(self, limit: int) -> list[WorkItem]:
        late = "WHERE state = 'leased' AND lease_until < statement_timestamp()"
        return await self.db.many(WORK, f"{late} ORDER BY lease_until, key LIMIT %s FOR UPDATE SKIP LOCKED", [limit])

    async def drop(self, kind: str, *, prefix: str) -> int:
        return await self.db.run(
            "DELETE FROM work WHERE kind = %s AND key >= %s AND key < %s AND state = 'queued'", [kind, *_range(prefix)]
        )

    async def pending(self, kind: str, *, prefix: str) -> int:
        counted = "SELECT count(*) FROM work WHERE kind = %s AND key >= %s AND key < %s AND state <> 'failed'"
        return int(await self.db.value(counted, [kind, *_range(prefix)]))

    async def counts(self) -> dict[tuple[str, WorkState], int]:
        found = await self.db.rows("SELECT kind, state, count(*) FROM work GROUP BY kind, state")
        return {(kind, WorkState(state)): count for kind, state, count in found}

    async def _requeue(self, item: WorkItem, changes: str, **values: Any) -> bool:
        self.db.rings.add(DOORBELL)
        queued = "UPDATE work SET state = 'queued', lease_until = NULL, "
        return await self._held(queued + changes, item, **values)

    async def _held(self, change: str, item: WorkItem, *, and_not_again: bool = False, **values: Any) -> bool:
        """Change the item if its lease is held; say whether it was."""
        given = {"kind": item.kind, "key": item.key, "fence": item.fence, **values}
        return await self.db.run(f"{change} {_HELD} {'AND NOT again' if and_not_again else ''}", given) == 1


def _merged(items: Sequence[NewWork]) -> list[NewWork]:
    """Join what is asked for twice, in an order that is the same for everybody, so that no two adders lock crosswise."""
    wanted: dict[tuple[str, str], NewWork] = {}
    for item in items:
        known = wanted.get((item.kind, item.key))
        wanted[item.kind, item.key] = evolve(item, delay=min(item.delay, known.delay)) if known else item
    return [wanted[key] for key in sorted(wanted)]


def _range(prefix: str) -> tuple[str, str]:
    return prefix, prefix + "\U0010ffff"
