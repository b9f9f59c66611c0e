"""An identity provider without a network: what it gave, what it took back, and its outages."""

from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from imagewright.core.errors import Unauthenticated, Unavailable
from imagewright.ports.upstream import Answer, Leg, Person

PERSON = Person(
    sub="alice",
    subject="user:corp/alice",
    groups=("painters",),
    name="Alice",
    scopes=None,
    refresh="upstream-0",
)


@dataclass
class FakeUpstream:
    """Implements `ports.upstream.Upstream`; knows one code, `good`."""

    person: Person = PERSON
    away: bool = False
    gone: bool = False
    legs: list[Leg] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    renewals: int = 0

    async def address(self, leg: Leg) -> str:
        self._check()
        self.legs.append(leg)
        return f"https://idp.example.com/auth?{urlencode({'state': leg.state})}"

    async def exchange(self, answer: Answer, leg: Leg) -> Person:
        self._check()
        if answer.code != "good" or leg not in self.legs or self.gone:
            raise Unauthenticated("Nobody.")
        return self.person

    async def renew(self, person: Person) -> Person:
        self._check()
        if self.gone or person.refresh in self.revoked:
            raise Unauthenticated("Nobody.")
        self.renewals += 1
        return replace(self.person, refresh=f"upstream-{self.renewals}")

    async def revoke(self, refresh: str) -> None:
        self._check()
        self.revoked.append(refresh)

    def _check(self) -> None:
        if self.away:
            raise Unavailable("The provider is away.")
