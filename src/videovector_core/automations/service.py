"""The use cases of automations."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import asdict, evolve, frozen

from videovector_core.access.model import Caller, Scope
from videovector_core.automations.model import INTERVALS, Cycle, Order, OrderKind
from videovector_core.automations.ports import AutomationsTx
from videovector_core.automations.watching import tick
from videovector_core.connectors.keys import checked, checked_prefix
from videovector_core.connectors.model import Connector, Provider, Use
from videovector_core.connectors.patterns import Pattern
from videovector_core.connectors.service import find_connector
from videovector_core.errors import Invalid, NotFound
from videovector_core.exports.model import ExportType
from videovector_core.indexes.service import find_own_index
from videovector_core.models.table import ModelTable
from videovector_core.page import After, Page
from videovector_core.ports import Begin, Clock
from videovector_core.prompts.model import Prompt
from videovector_core.prompts.service import active, find_prompt
from videovector_core.segments.model import Segmentation

EXPORT_FOLDER: Final = f"{ExportType.PROMPT_RUN.value}-"
"""What the keys of run exports begin with where there is no base path."""

PRESET: Final = ("processing_model", "enable_transcription", "enable_image_embedding")


@frozen
class Automations:
    """Save, look at, pause and resume the standing orders of indexes."""

    begin: Begin[AutomationsTx]
    clock: Clock
    models: ModelTable

    async def get(self, caller: Caller, index_id: str, kind: OrderKind) -> Order:
        """Return an order; `settings["stale"]` of an import order says whether its prompt changed or went since saving.

        Raises:
            NotFound: there is no such index of the caller, or nothing is saved for it.
        """
        caller.require(Scope.READ)
        async with self.begin() as tx:
            return await _shown(tx, caller, await _find(tx, caller, index_id, kind))

    async def put_import(
        self,
        caller: Caller,
        index_id: str,
        *,
        connector_id: str,
        prompt_id: str,
        segmentation: Segmentation,
        preset: Mapping[str, Any],
        source_prefix: str = "",
        file_pattern: str = "*",
        recursive: bool = True,
        debounce_interval: str = "10m",
        enabled: bool = True,
        paused: bool = False,
    ) -> Order:
        """Watch a place: import what appears, and run the prompt, as it is now, on it.

        Raises:
            Invalid: the place is where an export order of the caller writes, or a value is wrong.
        """
        caller.require(Scope.WRITE)
        checked_prefix(source_prefix)
        Pattern(file_pattern, source_prefix)
        if debounce_interval not in INTERVALS:
            raise Invalid(f"debounce_interval is one of {', '.join(INTERVALS)}.", code="validation_debounce_interval")
        self.models.resolve(preset.get("processing_model"))
        async with self.begin() as tx:
            await tx.orders.hold(caller.user_id)
            await find_own_index(tx, caller, index_id)
            connector = await find_connector(tx, caller.user_id, connector_id)
            connector.require(Use.IMPORT)
            prompt = active(await find_prompt(tx, caller, prompt_id))
            for order in await _standing(tx, await tx.orders.all(caller.user_id, OrderKind.EXPORT)):
                target = await tx.connectors.get(caller.user_id, order.connector_id)
                if target is not None:
                    _check_loop(connector, source_prefix, target, order.settings)
            settings = {
                "source_prefix": source_prefix,
                "file_pattern": file_pattern,
                "recursive": recursive,
                "debounce_interval": debounce_interval,
                "prompt": frozen_prompt(prompt),
                "segmentation": asdict(segmentation),
                "preset": {name: preset.get(name) for name in PRESET},
            }
            order = await self._saved(tx, caller, index_id, OrderKind.IMPORT, connector_id, settings, enabled, paused)
            order = evolve(order, next_check_at=self.clock.now() if order.active else None)
            await tx.orders.put(order)
            if order.active:
                await tx.work.add([tick(order)])
            return await _shown(tx, caller, order)

    async def put_export(
        self,
        caller: Caller,
        index_id: str,
        *,
        connector_id: str,
        destination_subpath: str | None = None,
        enabled: bool = True,
        paused: bool = False,
    ) -> Order:
        """Export every run of the index that ends with results.

        Raises:
            Invalid: it would write where an import order of the caller watches.
        """
        caller.require(Scope.WRITE)
        subpath = checked((destination_subpath or "").removesuffix("/")) or None
        settings = {"destination_subpath": subpath}
        async with self.begin() as tx:
            await tx.orders.hold(caller.user_id)
            await find_own_index(tx, caller, index_id)
            connector = await find_connector(tx, caller.user_id, connector_id)
            connector.require(Use.EXPORT)
            for order in await _standing(tx, await tx.orders.all(caller.user_id, OrderKind.IMPORT)):
                watched = await tx.connectors.get(caller.user_id, order.connector_id)
                if watched is not None:
                    _check_loop(watched, order.prefix, connector, settings)
            order = await self._saved(tx, caller, index_id, OrderKind.EXPORT, connector_id, settings, enabled, paused)
            await tx.orders.put(order)
            return order

    async def pause(self, caller: Caller, index_id: str, kind: OrderKind) -> Order:
        """Let an order rest; a cycle that is under way ends. Pausing twice is the same."""
        caller.require(Scope.WRITE)
        async with self.begin() as tx:
            order = await _find(tx, caller, index_id, kind, lock=True)
            if not order.paused:
                order = order.stopped(self.clock.now())
                await tx.orders.put(order)
            return await _shown(tx, caller, order)

    async def resume(self, caller: Caller, index_id: str, kind: OrderKind) -> Order:
        """Set an order to work again; windows that passed are not made up for, the next look sees all that is new."""
        caller.require(Scope.WRITE)
        async with self.begin() as tx:
            order = await _find(tx, caller, index_id, kind, lock=True)
            if order.paused:
                order = order.resumed(self.clock.now())
                if kind is OrderKind.IMPORT and order.enabled:
                    order = evolve(order, next_check_at=order.updated_at)
                    await tx.work.add([tick(order)])
                await tx.orders.put(order)
            return await _shown(tx, caller, order)

    async def history(
        self, caller: Caller, index_id: str, kind: OrderKind, *, limit: int, after: After | None
    ) -> Page[Cycle]:
        """List the times that an order was carried out, newest first."""
        caller.require(Scope.READ)
        async with self.begin() as tx:
            await _find(tx, caller, index_id, kind)
            rows = await tx.orders.cycles(index_id, kind, limit=limit + 1, after=after)
        return Page.cut(rows, limit, lambda one: (one.started_at.isoformat(), one.cycle_id))

    async def _saved(
        self,
        tx: AutomationsTx,
        caller: Caller,
        index_id: str,
        kind: OrderKind,
        connector_id: str,
        settings: dict[str, Any],
        enabled: bool,
        paused: bool,
    ) -> Order:
        """Return the new order, or the one before with other settings; a cycle that is under way goes on."""
        now = self.clock.now()
        known = await tx.orders.get(index_id, kind, lock=True)
        if known is None:
            return Order(index_id, kind, caller.user_id, connector_id, settings, now, now, enabled, paused)
        changed = evolve(known.with_window(None), connector_id=connector_id, settings=settings, updated_at=now)
        return evolve(changed, enabled=enabled, paused=paused, consecutive_failures=0, last_error=None)


async def in_use(tx: AutomationsTx, user_id: str, connector_id: str) -> list[str]:
    """Name orders that need a connector."""
    orders = await _standing(tx, await tx.orders.using(user_id, connector_id))
    return [f"the {one.kind.value} automation of {one.index_id}" for one in orders]


async def check_base(tx: AutomationsTx, user_id: str, connector_id: str, base: str | None) -> None:
    """Refuse a base path that moves what an export order writes to where an import order watches.

    Raises:
        Invalid: each would set off the other.
    """
    await tx.orders.hold(user_id)
    connector = await tx.connectors.get(user_id, connector_id)
    if connector is None or connector.export_base_path == base:
        return
    target = evolve(connector, export_base_path=base)
    exports = [one for one in await tx.orders.all(user_id, OrderKind.EXPORT) if one.connector_id == connector_id]
    writing = await _standing(tx, exports)
    watching = await _standing(tx, await tx.orders.all(user_id, OrderKind.IMPORT)) if writing else []
    for order in watching:
        watched = await tx.connectors.get(user_id, order.connector_id)
        if watched is not None:
            for one in writing:
                _check_loop(watched, order.prefix, target, one.settings)


async def _standing(tx: AutomationsTx, orders: Sequence[Order]) -> list[Order]:
    """Leave out orders whose index was deleted: nobody can reach them any more, to change or to end them."""
    return [one for one in orders if await tx.indexes.get(one.user_id, one.index_id) is not None]


async def _find(tx: AutomationsTx, caller: Caller, index_id: str, kind: OrderKind, *, lock: bool = False) -> Order:
    await find_own_index(tx, caller, index_id)
    order = await tx.orders.get(index_id, kind, lock=lock)
    if order is None or order.user_id != caller.user_id:
        raise NotFound(
            f"Nothing is saved for the {kind.value} automation of this index; save it with PUT.",
            code="resource_automation_not_found",
        )
    return order


async def _shown(tx: AutomationsTx, caller: Caller, order: Order) -> Order:
    """Say whether the prompt has changed since the order was saved."""
    kept = order.settings.get("prompt")
    if kept is None:
        return order
    try:
        live = frozen_prompt(await find_prompt(tx, caller, kept["prompt_id"]))
    except NotFound:
        live = {}
    return evolve(order, settings={**order.settings, "stale": live != kept})


def frozen_prompt(prompt: Prompt) -> dict[str, Any]:
    """Return the definition of a prompt as plain JSON, without the moments at which it was made and changed."""
    moments = {"created_at", "updated_at"}
    plain = asdict(prompt, filter=lambda field, _: field.name not in moments)
    kept: dict[str, Any] = json.loads(json.dumps(plain))
    return kept


def thawed_prompt(order: Order) -> Prompt:
    """Return the prompt as it was when an order was saved."""
    return Prompt(**order.settings["prompt"], created_at=order.updated_at)


def _whole(connector: Connector, prefix: str) -> str:
    """Write out where a prefix lies, so that two connectors to one storage can be compared."""
    if connector.provider is Provider.LOCAL:
        return f"local|{(connector.root or '').rstrip('/')}/{prefix}"
    return f"{connector.origin}|{prefix}"


def overlap(one: str, other: str) -> bool:
    """Say whether either of two prefixes begins with the other."""
    return one.startswith(other) or other.startswith(one)


def _check_loop(watched: Connector, prefix: str, target: Connector, settings: Mapping[str, Any]) -> None:
    """Refuse an import that watches where an export writes: each would set off the other."""
    parts = (target.export_base_path, settings.get("destination_subpath"))
    written = "".join(f"{part}/" for part in parts if part)
    if overlap(_whole(target, written or EXPORT_FOLDER), _whole(watched, prefix)):
        raise Invalid(
            "The export writes where the import watches, so that each would set off the other; use another prefix.",
            code="validation_automation_loop",
            details={"written": written, "watched": prefix},
        )
