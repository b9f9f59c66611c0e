"""Requests and downloads are counted by subject, and refused with the limit's name."""

from dataclasses import replace
from typing import Any

import pytest

from imagewright.adapters.rates.memory import MemoryRates
from imagewright.core.caller import Caller, Credential
from imagewright.core.errors import Fault, QuotaExceeded, RateLimited, Unavailable
from imagewright.core.limit import Limits, Pace
from imagewright.core.policy import Acl, Entry
from imagewright.core.window import Window
from imagewright.services.limiter import STRANGERS, Limiter
from tests.fakes.clock import HandClock
from tests.fakes.outside import Counted, EditedAcl

OLGA = Caller(subject="user:olga", credential=Credential(id="tok-1"))
MAX = Caller(subject="user:max", groups=frozenset({"design"}))
MINUTELY = Pace(count=2, seconds=60)
MIB = 1024 * 1024


class Away:
    """A store that cannot be asked."""

    async def take(self, key: str, pace: Pace, cost: int = 1) -> int:
        raise Unavailable("Away.")

    async def look(self, key: str, seconds: int) -> Window:
        raise Unavailable("Away.")

    async def ping(self) -> None:
        raise Unavailable("Away.")


def limits(**values: Any) -> Entry:
    return Entry(limits=Limits(**values))


class Counter:
    def __init__(self, **acl: Any) -> None:
        self.acl = EditedAcl(Acl(**acl))
        self.clock = HandClock()
        self.told = Counted()
        self.limiter = Limiter(self.acl, MemoryRates(self.clock), self.told, MINUTELY)


async def refused(fault: type[Fault], awaited: Any) -> Fault:
    with pytest.raises(fault) as raised:
        await awaited
    return raised.value


async def test_the_next_request_is_refused_until_the_span_has_passed() -> None:
    counter = Counter(subjects={"user:olga": limits(rate=MINUTELY)})
    for caller in (OLGA, replace(OLGA, credential=Credential(id="tok-2"))):
        await counter.limiter.ask(caller)
    fault = await refused(RateLimited, counter.limiter.ask(OLGA))
    assert fault.details == {
        "limit": "rate",
        "owner": "subject",
        "allowed": "2/minute",
        "retry_after": 61,
    }
    assert "2/minute" in fault.sentence
    assert "for you" in fault.sentence
    assert counter.told.limits == ["rate"]
    counter.clock.advance(61)
    await counter.limiter.ask(OLGA)


async def test_each_member_of_a_group_has_its_own() -> None:
    counter = Counter(groups={"design": limits(rate=MINUTELY)})
    mate = replace(MAX, subject="user:mate")
    for caller in (MAX, mate, MAX, mate):
        await counter.limiter.ask(caller)
    fault = await refused(RateLimited, counter.limiter.ask(mate))
    assert (fault.details["owner"], fault.details["name"]) == ("group", "design")
    assert "each member of design" in fault.sentence


async def test_every_span_is_kept() -> None:
    counter = Counter(
        subjects={"user:olga": limits(rate=MINUTELY)},
        everyone=limits(rate=Pace(count=3, seconds=3600)),
    )
    for wait in (0, 0, 121):
        counter.clock.advance(wait)
        await counter.limiter.ask(OLGA)
    fault = await refused(RateLimited, counter.limiter.ask(OLGA))
    assert (fault.details["owner"], fault.details["allowed"]) == ("everyone", "3/hour")


async def test_a_changed_acl_counts_with_the_next_request() -> None:
    counter = Counter(subjects={"user:olga": limits(rate=MINUTELY)})
    for _ in range(2):
        await counter.limiter.ask(OLGA)
    counter.acl.acl = Acl(subjects={"user:olga": limits(rate=replace(MINUTELY, count=3))})
    await counter.limiter.ask(OLGA)
    await refused(RateLimited, counter.limiter.ask(OLGA))
    counter.acl.acl = Acl()
    await counter.limiter.ask(OLGA)


async def test_what_cannot_be_counted_is_refused_where_it_is_limited() -> None:
    acl = EditedAcl(Acl(subjects={"user:olga": limits(rate=MINUTELY, bandwidth=MINUTELY)}))
    limiter = Limiter(acl, Away(), Counted(), MINUTELY)
    for awaited in (limiter.ask(OLGA), limiter.download(OLGA, 1), limiter.spent(OLGA)):
        await refused(Unavailable, awaited)
    await limiter.ask(MAX)
    assert await limiter.spent(MAX) == ()


async def test_downloads_are_counted_in_bytes_and_never_passed() -> None:
    daily = Pace(count=10 * MIB, seconds=86_400)
    counter = Counter(subjects={"user:olga": limits(bandwidth=daily)})
    await counter.limiter.download(OLGA, 8 * MIB)
    fault = await refused(QuotaExceeded, counter.limiter.download(OLGA, 3 * MIB))
    assert (fault.details["used"], fault.details["left"]) == (8 * MIB, 2 * MIB)
    assert "2MiB are left" in fault.sentence
    assert counter.told.limits == ["bandwidth"]
    await counter.limiter.download(OLGA, 2 * MIB)
    (spent,) = await counter.limiter.spent(OLGA)
    assert (str(spent.bound), spent.used) == ("10MiB/day", 10 * MIB)
    assert spent.after > 86_000


async def test_too_many_bad_tokens_of_an_address_are_told_so() -> None:
    counter = Counter()
    for _ in range(2):
        await counter.limiter.stranger("192.0.2.7")
    fault = await refused(RateLimited, counter.limiter.stranger("192.0.2.7"))
    assert fault.details == {"limit": STRANGERS, "retry_after": 61}
    assert counter.told.limits == [STRANGERS]
    await counter.limiter.stranger("192.0.2.8")
    counter.clock.advance(61)
    await counter.limiter.stranger("192.0.2.7")


async def test_no_rate_for_strangers_and_no_store_for_it_change_no_refusal() -> None:
    for limiter in (
        Limiter(EditedAcl(Acl()), Away(), Counted(), MINUTELY),
        Limiter(EditedAcl(Acl()), Away(), Counted()),
    ):
        for _ in range(4):
            await limiter.stranger("192.0.2.7")


async def test_how_many_jobs_may_run_is_told_where_it_is_limited() -> None:
    counter = Counter(subjects={"user:olga": limits(jobs=1)})
    assert counter.limiter.jobs(OLGA) == 1
    assert counter.limiter.jobs(MAX) is None
