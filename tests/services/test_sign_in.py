"""Signing in: one answer for every failure, and a limit on them."""

import pytest

from imagewright.core.caller import Caller, Credential
from imagewright.core.errors import Busy, Fault, Forbidden, Unauthenticated, Unavailable
from imagewright.core.session import How
from imagewright.core.tries import Tries
from imagewright.ports.sign_in import Binding, Returned
from imagewright.services.sessions import SessionRules, SessionService
from imagewright.services.sign_in import Browser, SignInService
from tests.contracts.samples import Random
from tests.fakes.clock import HandClock
from tests.fakes.sessions import FakeSessions

WHO = Caller(subject="user:olga", credential=Credential(id="tok_a"))
HERE = Browser(address="192.0.2.1")
BINDING = Binding(state="s", nonce="n", verifier="v")


class Chain:
    """Knows one token; others meet the fault that it is given."""

    def __init__(self) -> None:
        self.fault: Fault | None = None
        self.asked = 0

    async def authenticate(self, token: str, address: str | None) -> Caller | None:
        self.asked += 1
        if token == "good":
            return WHO
        if self.fault is not None:
            raise self.fault
        return None

    async def credential(self, id: str) -> Credential | None:
        return Credential(id=id)


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
    def __init__(self) -> None:
        self.clock, self.chain, self.rows = HandClock(), Chain(), FakeSessions()
        sessions = SessionService(self.rows, self.chain, self.clock, Random(), SessionRules())
        self.service = SignInService(self.chain, sessions, Tries(3, 60), self.clock)

    async def refused(self, token: str = "bad", browser: Browser = HERE) -> str:
        with pytest.raises(Unauthenticated) as caught:
            await self.service.by_token(token, browser)
        return f"{caught.value.sentence} {caught.value.hint} {caught.value.details}"


@pytest.fixture
def entrance() -> Entrance:
    return Entrance()


async def test_a_token_signs_its_subject_in(entrance: Entrance) -> None:
    begun = await entrance.service.by_token("good", HERE)
    assert (begun.session.caller, begun.session.how) == (WHO, How.TOKEN)
    again = await entrance.service.by_token("good", Browser(secret=begun.secret))
    assert list(entrance.rows.rows) == [again.session.id]


async def test_the_provider_signs_its_person_in(entrance: Entrance) -> None:
    begun = await entrance.service.by_provider(Provider(), Returned(code="good"), BINDING, HERE)
    assert (begun.session.caller, begun.session.how) == (WHO, How.PROVIDER)


async def test_every_failure_is_in_the_same_words(entrance: Entrance) -> None:
    seen = set()
    faults = (None, Unauthenticated("a"), Forbidden("b", details={"scopes": ["x"]}))
    for place, fault in enumerate(faults):
        entrance.chain.fault = fault
        seen.add(await entrance.refused(browser=Browser(address=f"192.0.2.{place}")))
    seen.add(await entrance.refused("", Browser(address="192.0.2.9")))
    seen.add(await entrance.refused("x" * 16_385, Browser(address="192.0.2.9")))
    with pytest.raises(Unauthenticated) as caught:
        await entrance.service.by_provider(Provider(), Returned(code="bad"), BINDING, HERE)
    seen.add(f"{caught.value.sentence} {caught.value.hint} {caught.value.details}")
    assert len(seen) == 1
    assert not entrance.rows.rows
    assert entrance.chain.asked == 3


async def test_after_a_few_nobody_there_is_asked_for_a_while(entrance: Entrance) -> None:
    for _ in range(2):
        await entrance.refused()
    with pytest.raises(Unauthenticated):
        await entrance.service.by_provider(Provider(), Returned(code="bad"), BINDING, HERE)
    asked = entrance.chain.asked
    with pytest.raises(Busy) as caught:
        await entrance.service.by_token("good", HERE)
    assert caught.value.details["retry_after"] == 61
    with pytest.raises(Busy):
        await entrance.service.by_provider(Provider(), Returned(code="good"), BINDING, HERE)
    assert entrance.chain.asked == asked
    await entrance.service.by_token("good", Browser(address="192.0.2.2"))
    entrance.clock.advance(60)
    await entrance.service.by_token("good", HERE)


async def test_an_outage_counts_for_nothing(entrance: Entrance) -> None:
    entrance.chain.fault = Unavailable("Away.")
    for _ in range(5):
        with pytest.raises(Unavailable):
            await entrance.service.by_token("bad", HERE)
    await entrance.service.by_token("good", HERE)


def test_a_browsers_secret_is_not_shown() -> None:
    assert "abc" not in repr(Browser(secret="abc"))
