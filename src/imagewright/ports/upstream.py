"""The identity provider behind our own authorization server."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from imagewright.core.oauth import in_order


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """What one sign-in at the provider is bound to; only the verifier's hash leaves us at first."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the browser brought back; `issuer` is None where it named none (RFC 9207)."""

    code: str = field(repr=False)
    issuer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whom the provider vouched for, by its own `sub` and by ours.

    `scopes` None does not narrow. `refresh` is the provider's token that proves it again, empty
    where it gave none.
    """

    sub: str
    subject: str
    groups: tuple[str, ...]
    name: str
    scopes: tuple[str, ...] | None
    refresh: str = field(repr=False)

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> "Person":
        """What `asdict` made of one, after JSON."""
        scopes = row["scopes"]
        return cls(
            **{
                **row,
                "groups": tuple(row["groups"]),
                "scopes": None if scopes is None else tuple(scopes),
            }
        )

    def within(self, scopes: Iterable[str]) -> tuple[str, ...]:
        """Those of the scopes that the provider's own leave."""
        return in_order(set(scopes) if self.scopes is None else {*scopes} & {*self.scopes})


class Upstream(Protocol):
    """One provider, spoken to as its one fixed client.

    Every call raises Unavailable where the provider cannot be asked now.
    """

    async def address(self, leg: Leg) -> str:
        """Where a browser goes to sign in."""

    async def exchange(self, answer: Answer, leg: Leg) -> Person:
        """Whom the answer stands for. Raises Unauthenticated for one that proves nobody."""

    async def renew(self, person: Person) -> Person:
        """The same person as the provider has it now. Raises Unauthenticated once it is nobody."""

    async def revoke(self, refresh: str) -> None:
        """Make the provider's token worthless, where the provider offers that."""
