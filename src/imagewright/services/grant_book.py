"""The grants that stand, and their ends."""

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from imagewright.core.caller import Caller, Credential
from imagewright.core.errors import Fault
from imagewright.ports.upstream import Person, Upstream
from imagewright.ports.vault import Vault

_log = logging.getLogger(__name__)

PREFIX = "proxy:"
"""Begins the id of every credential that came of a grant."""
GRANTS, TURNS = "oauth-grants", "oauth-turns"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What one person let one client do.

    `at` is when it was given, `renewed_at` when tokens were last issued: UTC microseconds.
    """

    id: str
    client: str
    person: Person
    scopes: tuple[str, ...]
    at: int
    renewed_at: int

    @property
    def credential(self) -> str:
        """The id of the credential that its tokens are."""
        return f"{PREFIX}{self.id}"

    @property
    def caller(self) -> Caller:
        """Who acts by it."""
        return Caller(
            subject=self.person.subject,
            groups=frozenset(self.person.groups),
            credential=Credential(id=self.credential, scopes=frozenset(self.scopes)),
            name=self.person.name,
        )


class GrantBook:
    """Every call raises Unavailable where the store cannot be asked."""

    def __init__(self, vault: Vault, upstream: Upstream) -> None:
        self._vault = vault
        self._upstream = upstream

    async def find(self, id: str) -> Grant | None:
        """The grant, or None once it has ended."""
        row = await self._vault.get(id, collection=GRANTS)
        return None if row is None else _grant(id, row)

    async def all(self) -> tuple[Grant, ...]:
        """Those that stand, the newest first."""
        found = [_grant(id, row) for id, row in await self._vault.items(GRANTS)]
        return tuple(sorted(found, key=lambda grant: (-grant.at, grant.id)))

    async def keep(self, grant: Grant, ttl: float, *, new: bool) -> bool:
        """Write a grant down; one that is not new only where it stands, and whether it does."""
        row = asdict(grant)
        del row["id"]
        if not new:
            return await self._vault.replace(grant.id, row, collection=GRANTS, ttl=ttl)
        await self._vault.put(grant.id, row, collection=GRANTS, ttl=ttl)
        return True

    async def end(self, id: str) -> Grant | None:
        """The grant that is ended by this, or None where somebody else did or there was none."""
        grant = await self.find(id)
        await self._vault.delete(id, collection=TURNS)
        if not await self._vault.delete(id, collection=GRANTS) or grant is None:
            return None
        _log.info("grant ended", extra={"credential": grant.credential})
        await self.forget(grant.person)
        return grant

    async def renewed(self, grant: Grant) -> Person:
        """The grant's person as the provider has it now. Raises Unauthenticated."""
        return await self._upstream.renew(grant.person)

    async def forget(self, person: Person) -> None:
        """Ours is ended already, so the provider's part may fail without harm to that."""
        if not person.refresh:
            return
        try:
            await self._upstream.revoke(person.refresh)
        except Fault as fault:
            _log.warning("not revoked at the provider", extra={"code": fault.code})


def _grant(id: str, row: Mapping[str, Any]) -> Grant:
    return Grant(
        id=id,
        client=row["client"],
        person=Person.read(row["person"]),
        scopes=tuple(row["scopes"]),
        at=row["at"],
        renewed_at=row["renewed_at"],
    )
