"""The use cases of connectors."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from typing import Any, Final

from attrs import evolve, frozen

from videovector_core.access.model import Caller, Scope
from videovector_core.connectors.keys import checked, joined
from videovector_core.connectors.model import Connector, ConnectorStatus, Provider, StoredObject, Use
from videovector_core.connectors.patterns import MEDIA, Pattern
from videovector_core.connectors.ports import Bucket, ConnectorsTx, Storage
from videovector_core.errors import Conflict, Invalid, NotFound, ProcessingFailed, VideoVectorError
from videovector_core.ports import Begin, Clock, Ids, Sealer

MAX_CONNECTORS: Final = 1000
PROBE_SECONDS: Final = 10.0
BROWSE_SECONDS: Final = 15.0
MOST_FILES: Final = 1000

InUse = Callable[[Any, str, str], Awaitable[list[str]]]
"""Names what uses a connector, given a transaction, the tenant and the connector's id."""
CheckBase = Callable[[Any, str, str, str | None], Awaitable[None]]
"""Refuses a base path, given a transaction, the tenant, the connector's id and the path."""


@frozen
class Listing:
    """Files behind a connector, by path; `truncated` says that there are more."""

    files: tuple[StoredObject, ...]
    truncated: bool = False


@frozen
class Connectors:
    """Make, change, test and browse connectors, and open what they stand for."""

    begin: Begin[ConnectorsTx]
    clock: Clock
    ids: Ids
    storage: Storage
    sealer: Sealer
    users: InUse | None = None
    check_base: CheckBase | None = None

    async def prepare(
        self,
        caller: Caller,
        *,
        name: str,
        provider: Provider,
        credentials: Mapping[str, Any],
        scopes: Iterable[str] = (Use.IMPORT,),
        export_base_path: str | None = None,
        **about: Any,
    ) -> Connector:
        """Check a new connector and try it, which may take 10 s; it is not kept yet.

        A place that cannot be reached is no error: the connector says so, and nobody has to type the secret again.
        """
        caller.require(Scope.WRITE)
        now = self.clock.now()
        made = Connector(
            self.ids.new("connector"),
            caller.user_id,
            name,
            provider,
            now,
            now,
            _uses(scopes),
            export_base_path=_base(export_base_path),
            **about,
        )
        self.storage.check(_named(made), credentials)
        made = self._sealed(made, credentials)
        return made.tested(await self._probe(made), self.clock.now())

    async def keep(self, caller: Caller, made: Connector) -> Connector:
        """Keep what was prepared."""
        caller.require(Scope.WRITE)
        async with self.begin() as tx:
            if len(await tx.connectors.all(caller.user_id)) >= MAX_CONNECTORS:
                raise Conflict(
                    f"You have {MAX_CONNECTORS} connectors; delete one you do not need.",
                    code="conflict_connector_limit",
                )
            await tx.connectors.add(made)
        return made

    async def create(self, caller: Caller, **given: Any) -> Connector:
        """Prepare and keep; the arguments are those of `prepare`."""
        return await self.keep(caller, await self.prepare(caller, **given))

    async def all(self, caller: Caller) -> list[Connector]:
        """List the caller's connectors, newest first."""
        caller.require(Scope.READ)
        async with self.begin() as tx:
            return await tx.connectors.all(caller.user_id)

    async def get(self, caller: Caller, connector_id: str, *, use: Use | None = None) -> Connector:
        """Return a connector of the caller, and refuse one that is not for `use`."""
        caller.require(Scope.READ)
        async with self.begin() as tx:
            found = await find_connector(tx, caller.user_id, connector_id)
        if use is not None:
            found.require(use)
        return found

    async def update(
        self,
        caller: Caller,
        connector_id: str,
        changes: Mapping[str, Any],
        credentials: Mapping[str, Any] | None = None,
    ) -> Connector:
        """Change `name`, `scopes`, `import_mode`, `export_base_path`, `status` or the credentials; the rest stays.

        Raises:
            Invalid: the place cannot be changed, since imports and automations stand on it; a value is wrong; or exports
                would come to lie where an import order watches.
        """
        caller.require(Scope.WRITE)
        fixed = sorted(set(changes) - {"name", "scopes", "import_mode", "export_base_path", "status"})
        if fixed:
            raise Invalid(
                f"{', '.join(fixed)} cannot be changed; make another connector.", code="validation_connector_immutable"
            )
        if not changes and credentials is None:
            raise Invalid("Give at least one field to change.", code="validation_connector_empty")
        given = dict(changes)
        if "scopes" in given:
            given["scopes"] = _uses(given["scopes"])
        if "export_base_path" in given:
            given["export_base_path"] = _base(given["export_base_path"])
        async with self.begin() as tx:
            if self.check_base is not None and "export_base_path" in given:
                await self.check_base(tx, caller.user_id, connector_id, given["export_base_path"])
            known = await find_connector(tx, caller.user_id, connector_id, lock=True)
            changed = _named(evolve(known, **given, updated_at=self.clock.now()))
            if credentials is not None:
                self.storage.check(changed, credentials)
                changed = self._sealed(changed, credentials)
                if "status" not in given and changed.status is not ConnectorStatus.DISABLED:
                    changed = evolve(changed, status=ConnectorStatus.TESTING)
            await tx.connectors.save(changed)
        return changed

    async def delete(self, caller: Caller, connector_id: str) -> None:
        """Remove a connector that nothing uses."""
        caller.require(Scope.ADMIN)
        async with self.begin() as tx:
            await find_connector(tx, caller.user_id, connector_id, lock=True)
            users = await self.users(tx, caller.user_id, connector_id) if self.users is not None else []
            if users:
                raise Conflict(
                    f"The connector is in use by {', '.join(users[:5])}; end that first.",
                    code="conflict_connector_in_use",
                    details={"users": users[:100]},
                )
            await tx.connectors.remove(caller.user_id, connector_id)

    async def probe(self, caller: Caller, connector_id: str) -> str | None:
        """Try what the connector is for: list, and for exports write and delete; return why that fails, or nothing."""
        caller.require(Scope.WRITE)
        async with self.begin() as tx:
            known = await find_connector(tx, caller.user_id, connector_id)
        return await self._probe(known)

    async def note(self, caller: Caller, connector_id: str, error: str | None) -> Connector:
        """Keep how a test ended."""
        async with self.begin() as tx:
            known = await find_connector(tx, caller.user_id, connector_id, lock=True)
            tested = known.tested(error, self.clock.now())
            await tx.connectors.save(tested)
        return tested

    async def browse(
        self,
        caller: Caller,
        connector_id: str,
        *,
        prefix: str = "",
        pattern: str = "*",
        recursive: bool = True,
        limit: int = MOST_FILES,
    ) -> Listing:
        """List files behind a connector by path: media, or whatever extension the pattern names.

        Raises:
            Invalid: the connector is not for imports, or prefix or pattern climb.
            Conflict: the connector leads to a storage that fails, refuses, or takes longer than 15 s; with its code.
        """
        wanted = Pattern(pattern, prefix)
        connector = await self.get(caller, connector_id, use=Use.IMPORT)
        found: list[StoredObject] = []
        with _as_its_state(), _in_time(BROWSE_SECONDS):
            async with asyncio.timeout(BROWSE_SECONDS), self.open(connector) as bucket:
                async for page in bucket.pages(prefix, recursive=recursive):
                    found += [one for one in page if shown(one, wanted)]
                    if len(found) > limit:
                        break
        found.sort(key=lambda one: one.key)
        return Listing(tuple(found[:limit]), truncated=len(found) > limit)

    @contextlib.asynccontextmanager
    async def open(self, connector: Connector) -> AsyncIterator[Bucket]:
        """Open the place of a connector for one job; the credentials are decrypted for that alone."""
        async with self.storage.open(connector, self._opened(connector)) as bucket:
            yield bucket

    def _sealed(self, connector: Connector, credentials: Mapping[str, Any]) -> Connector:
        plain = json.dumps(dict(credentials)).encode()
        return evolve(connector, credentials=self.sealer.seal(plain, about=_about(connector)))

    def _opened(self, connector: Connector) -> dict[str, Any]:
        if connector.credentials is None:
            return {}
        opened: dict[str, Any] = json.loads(self.sealer.open(connector.credentials, about=_about(connector)))
        return opened

    async def _probe(self, connector: Connector) -> str | None:
        try:
            with _in_time(PROBE_SECONDS):
                async with asyncio.timeout(PROBE_SECONDS), self.open(connector) as bucket:
                    await _try(bucket, connector)
        except VideoVectorError as error:
            return error.message
        return None


async def _try(bucket: Bucket, connector: Connector) -> None:
    if Use.IMPORT in connector.scopes:
        async for _ in bucket.pages():
            break
    if Use.EXPORT in connector.scopes:
        key = joined(connector.export_base_path, f".videovector-test-{connector.connector_id}")

        async def content() -> AsyncIterator[bytes]:
            yield b"test\n"

        await bucket.put(key, content())
        await bucket.delete(key)


@contextlib.contextmanager
def _in_time(seconds: float) -> Iterator[None]:
    """Tell a storage that is too slow as one that failed and may not fail again."""
    try:
        yield
    except TimeoutError as error:
        raise ProcessingFailed(
            f"The storage did not answer within {seconds:.0f} s; try again, or narrow the prefix.",
            code="timeout",
            transient=True,
        ) from error


@contextlib.contextmanager
def _as_its_state() -> Iterator[None]:
    """Tell how a storage fails as the state of the connector that leads there: the server itself is well."""
    try:
        yield
    except ProcessingFailed as error:
        raise Conflict(error.message, code=error.code, details={"transient": error.transient}) from error


def shown(found: StoredObject, wanted: Pattern) -> bool:
    """Say whether an object belongs to a listing."""
    if found.key.endswith("/") or not wanted.matches(found.key):
        return False
    return found.extension in MEDIA or wanted.names_type(found.key)


async def find_connector(tx: ConnectorsTx, user_id: str, connector_id: str, *, lock: bool = False) -> Connector:
    """Return a connector of a tenant, or raise `NotFound`."""
    found = await tx.connectors.get(user_id, connector_id, lock=lock)
    if found is None:
        raise NotFound.of("connector", connector_id)
    return found


def _about(connector: Connector) -> bytes:
    return f"connector/{connector.connector_id}/credentials".encode()


def _uses(scopes: Iterable[str]) -> tuple[Use, ...]:
    try:
        found = tuple(dict.fromkeys(Use(scope) for scope in scopes))
    except ValueError:
        found = ()
    if not found:
        raise Invalid("scopes is a list of import, export or both.", code="validation_connector_scope")
    return found


def _base(path: str | None) -> str | None:
    """Return a base path without its last slash; an empty one is the root of the bucket."""
    return checked((path or "").removesuffix("/")) or None


def _named(connector: Connector) -> Connector:
    if not 1 <= len(connector.name.strip()) <= 100:
        raise Invalid("A connector name has 1 to 100 characters; give another name.", code="validation_connector_name")
    return connector
