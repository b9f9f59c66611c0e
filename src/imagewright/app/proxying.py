"""The proxy's grants and clients as an operator works on them, beside a running service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from imagewright.adapters.clock import SystemClock
from imagewright.adapters.keys.file import KeyFile
from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.app.auditing import AdminAct, enter_acts
from imagewright.app.authorization import Authorizing, authorizing_of
from imagewright.app.ownership import as_owner
from imagewright.app.parts import KEY, acl_of, database_url
from imagewright.app.proxy import proxy_of
from imagewright.core.errors import InvalidRequest, NotFound
from imagewright.core.oauth import Client
from imagewright.core.revocation import Warrant
from imagewright.services.grant_book import PREFIX, Grant
from imagewright.settings import Settings

_MICRO = 1_000_000


@asynccontextmanager
async def proxy_office(settings: Settings) -> AsyncIterator["ProxyOffice"]:
    """The office of a service's proxy; nothing is made.

    Raises InvalidRequest for a service without a proxy, and Unavailable where there is no key or
    no database yet.
    """
    if settings.proxy.issuer is None:
        raise InvalidRequest("The settings name no proxy.", hint="It is set by proxy.issuer.")
    with as_owner(settings.state):
        keys = KeyFile(settings.state / KEY, make=False)
        database = Database(SqlConfig(url=database_url(settings)))
        await database.open_beside(write=True)
        try:
            proxy = proxy_of(settings, database, keys, SystemClock())
            if proxy is None:
                raise InvalidRequest("The issuer of the proxy is not configured.")
            try:
                acl = acl_of(settings, lambda _flaw: None)
                # Whoever works on it here says themselves what the audit is told.
                yield ProxyOffice(
                    settings, authorizing_of(settings, proxy, acl, lambda _note: None)
                )
            finally:
                await proxy.close()
        finally:
            await database.close()


class ProxyOffice:
    """What `imagewright grant` and `imagewright client` do."""

    def __init__(self, settings: Settings, services: Authorizing) -> None:
        self._settings = settings
        self._book = services.book
        self._registrations = services.registrations

    async def grants(self) -> tuple[dict[str, object], ...]:
        """Every grant that stands as plain values, the newest first; no token is among them."""
        return tuple(_grant_row(each) for each in await self._book.all())

    async def end_grant(self, id: str, *, by: str, reason: str) -> None:
        """End a grant by the id that its tokens are known by. Raises NotFound, InvalidRequest."""
        warrant = Warrant(by=by, reason=reason, at=SystemClock().now())
        ended = await self._book.end(id.removeprefix(PREFIX))
        if ended is None:
            raise NotFound("There is no such grant.", hint="See: imagewright grant list")
        await enter_acts(self._settings, (_ended(ended, warrant),))

    async def clients(self) -> tuple[dict[str, object], ...]:
        """Every client that registered as plain values, the newest first."""
        grants = [each.client for each in await self._book.all()]
        found = await self._registrations.all()
        return tuple(_client_row(each, grants.count(each.id)) for each in found)

    async def remove_client(self, id: str, *, by: str, reason: str) -> int:
        """Forget a client; how many grants ended with it. Raises NotFound, InvalidRequest."""
        warrant = Warrant(by=by, reason=reason, at=SystemClock().now())
        found = await self._registrations.remove(id)
        mine = [each for each in await self._book.all() if each.client == id]
        if not found and not mine:
            raise NotFound("There is no such client.", hint="See: imagewright client list")
        for grant in mine:
            if await self._book.end(grant.id) is not None:
                await enter_acts(self._settings, (_ended(grant, warrant),))
        removed = AdminAct(
            by=warrant.by,
            action="client_remove",
            thing=id,
            outcome="removed",
            reason=warrant.reason,
        )
        await enter_acts(self._settings, (removed,))
        return len(mine)


def _ended(grant: Grant, warrant: Warrant) -> AdminAct:
    return AdminAct(
        action="revoke",
        thing=grant.credential,
        outcome="ended",
        reason=warrant.reason,
        by=warrant.by,
    )


def _grant_row(grant: Grant) -> dict[str, object]:
    return {
        "id": grant.credential,
        "subject": grant.person.subject,
        "client": grant.client,
        "scopes": list(grant.scopes),
        "given": _written(grant.at),
        "renewed": _written(grant.renewed_at),
    }


def _client_row(client: Client, grants: int) -> dict[str, object]:
    return {
        "id": client.id,
        "name": client.name,
        "redirects": list(client.redirects),
        "grants": grants,
        "registered": _written(client.at),
        "last_used": _written(client.used_at) if client.used_at else None,
    }


def _written(micro: int) -> str:
    """A time in UTC, to the second."""
    return datetime.fromtimestamp(micro // _MICRO, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
