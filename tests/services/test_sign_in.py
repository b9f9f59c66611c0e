"""Signing in: one answer for every failure, a limit on them, and what is told of them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from imagewright.adapters.sql.audit import SqlAudit
from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.core.audit import Entry
from imagewright.core.caller import Caller, Credential
from imagewright.core.errors import Busy, Fault, Forbidden, Unauthenticated, Unavailable
from imagewright.core.session import How
from imagewright.core.tries import Tries
from imagewright.ports.sign_in import Binding, Returned
from imagewright.services.sessions import Browser, SessionRules, SessionService
from imagewright.services.sign_in import SignInService, Watch
from imagewright.services.witness import Witness, WitnessRules
from tests.contracts.audit import KEY
from tests.contracts.samples import WHENCE, Random
from tests.fakes.clock import HandClock
from tests.fakes.outside import Counted
from tests.fakes.sessions import FakeSessions

WHO = Caller(subject="user:olga", credential=Credential(id="tok_a"))


def at(address: str, secret: str = "") -> Browser:
    return Browser(origin=replace(WHENCE, address=address), secret=secret)


HERE = at("192.0.2.1")
BINDING = Binding(state="s", nonce="n", verifier="v")


class Door:
    """Knows one token, unless its subject is revoked; others meet the fault that it is given."""

    def __init__(self) -> None:
        self.fault: Fault | None = None
        self.asked = 0
        self.revoked = False
        self.away = False

    async def authenticate(self, token: str, address: str | None) -> Caller | None:
        self.asked += 1
        if token == "good":
            return WHO
        if self.fault is not None:
            raise self.fault
        return None

    async def credential(self, id: str) -> Credential | None:
        return Credential(id=id)

    async def standing(self, caller: Caller) -> Credential | None:
        if self.away:
            raise Unavailable("Away.")
        return None if self.revoked else Credential(id=caller.credential.id)


class Provider:
    """Vouches for one code."""

    async def address(self, binding: Binding) -> str:
        return "https://idp.example.com"

    async def caller(self, returned: Returned, binding: Binding) -> Caller:
        if returned.code == "good":
            return WHO
        raise Unauthenticated("No.")

    async def farewell(self) -> str | None:
        return None


class Entrance:
    def __init__(self, audit: SqlAudit) -> None:
        self.clock, self.door, self.rows = HandClock(), Door(), FakeSessions()
        self.counted, self.audit = Counted(), audit
        witness = Witness(self.audit, self.clock, self.counted, WitnessRules())
        sessions = SessionService(self.rows, self.door, self.clock, Random(), SessionRules())
        watch = Watch(tries=Tries(3, 60), telemetry=self.counted, witness=witness)
        self.service = SignInService(self.door, sessions, watch, self.clock)
        self.witness = witness

    async def lines(self) -> tuple[Entry, ...]:
        """What the witness has written of it."""
        await self.witness.flush()
        return await self.audit.newest(100)

    async def refused(self, token: str = "bad", browser: Browser = HERE) -> str:
        with pytest.raises(Unauthenticated) as caught:
            await self.service.by_token(token, browser)
        return f"{caught.value.sentence} {caught.value.hint} {caught.value.details}"


@pytest.fixture
async def entrance(tmp_path: Path) -> AsyncIterator[Entrance]:
    database = Database(SqlConfig(url=f"sqlite:///{tmp_path}/books.db"))
    await database.open()
    yield Entrance(SqlAudit(database, KEY))
    await database.close()


async def test_a_token_signs_its_subject_in(entrance: Entrance) -> None:
    begun = await entrance.service.by_token("good", HERE)
    assert (begun.session.caller, begun.session.how) == (WHO, How.TOKEN)
    again = await entrance.service.by_token("good", at("192.0.2.1", begun.secret))
    assert list(entrance.rows.rows) == [again.session.id]


async def test_the_provider_signs_its_person_in(entrance: Entrance) -> None:
    begun = await entrance.service.by_provider(Provider(), Returned(code="good"), BINDING, HERE)
    assert (begun.session.caller, begun.session.how) == (WHO, How.PROVIDER)


async def test_every_failure_is_in_the_same_words(entrance: Entrance) -> None:
    seen = set()
    faults = (None, Unauthenticated("a"), Forbidden("b", details={"scopes": ["x"]}))
    for place, fault in enumerate(faults):
        entrance.door.fault = fault
        seen.add(await entrance.refused(browser=at(f"192.0.2.{place}")))
    seen.add(await entrance.refused("", at("192.0.2.9")))
    seen.add(await entrance.refused("x" * 16_385, at("192.0.2.9")))
    with pytest.raises(Unauthenticated) as caught:
        await entrance.service.by_provider(Provider(), Returned(code="bad"), BINDING, HERE)
    seen.add(f"{caught.value.sentence} {caught.value.hint} {caught.value.details}")
    assert len(seen) == 1
    assert not entrance.rows.rows
    assert entrance.door.asked == 3


async def test_after_a_few_nobody_there_is_asked_for_a_while(entrance: Entrance) -> None:
    for _ in range(2):
        await entrance.refused()
    with pytest.raises(Unauthenticated):
        await entrance.service.by_provider(Provider(), Returned(code="bad"), BINDING, HERE)
    asked = entrance.door.asked
    with pytest.raises(Busy) as caught:
        await entrance.service.by_token("good", HERE)
    assert caught.value.details["retry_after"] == 61
    with pytest.raises(Busy):
        await entrance.service.by_provider(Provider(), Returned(code="good"), BINDING, HERE)
    assert entrance.door.asked == asked
    await entrance.service.by_token("good", at("192.0.2.2"))
    entrance.clock.advance(60)
    await entrance.service.by_token("good", HERE)


async def test_an_outage_counts_for_nothing(entrance: Entrance) -> None:
    entrance.door.fault = Unavailable("Away.")
    for _ in range(5):
        with pytest.raises(Unavailable):
            await entrance.service.by_token("bad", HERE)
    await entrance.service.by_token("good", HERE)


async def test_what_fails_is_counted_by_its_reason(entrance: Entrance) -> None:
    reasons = {
        "": "malformed",
        "x" * 16_385: "malformed",
        "nobodys": "unknown",
        "expired": Unauthenticated("a"),
        "narrow": Forbidden("b"),
    }
    for place, (token, expected) in enumerate(reasons.items()):
        entrance.door.fault = expected if isinstance(expected, Fault) else None
        await entrance.refused(token, at(f"192.0.2.{place}"))
    entrance.door.fault = Unavailable("Away.")
    with pytest.raises(Unavailable):
        await entrance.service.by_token("bad", HERE)
    with pytest.raises(Unauthenticated):
        await entrance.service.by_provider(Provider(), Returned(code="bad"), BINDING, HERE)
    await entrance.service.by_token("good", HERE)
    assert entrance.counted.refused == [
        "malformed",
        "malformed",
        "unknown",
        "unauthenticated",
        "forbidden",
        "unavailable",
        "unauthenticated",
    ]
    assert [each.action for each in entrance.rows.notes] == ["sign_in"]
    assert await entrance.lines() == ()


async def test_a_revoked_person_is_not_signed_in_by_the_provider(entrance: Entrance) -> None:
    entrance.door.revoked = True
    with pytest.raises(Unauthenticated, match="does not sign you in"):
        await entrance.service.by_provider(Provider(), Returned(code="good"), BINDING, HERE)
    assert (entrance.rows.rows, entrance.counted.refused) == ({}, ["unauthenticated"])
    entrance.door.away = True
    with pytest.raises(Unavailable):
        await entrance.service.by_provider(Provider(), Returned(code="good"), BINDING, HERE)
    assert not entrance.rows.rows


async def test_a_limited_sign_in_is_told_where_it_is_known_who_tries(entrance: Entrance) -> None:
    begun = await entrance.service.by_token("good", at("192.0.2.9"))
    for _ in range(3):
        await entrance.refused()
    for browser in (HERE, at("192.0.2.1", "A" * 43), at("192.0.2.1", begun.secret)):
        with pytest.raises(Busy):
            await entrance.service.by_token("bad", browser)
    entrance.door.away = True
    with pytest.raises(Busy):
        await entrance.service.by_token("bad", at("192.0.2.1", begun.secret))
    assert entrance.counted.refused == ["unknown"] * 3 + ["busy"] * 4
    (line,) = await entrance.lines()
    assert (line.subject, line.credential) == (WHO.subject, "tok_a")
    assert (line.action, line.thing) == ("sign_in", "pages")
    assert (line.outcome, line.reason, line.count) == ("limited", "failures", 1)
    assert (line.address, line.client) == ("192.0.2.1", WHENCE.client)
