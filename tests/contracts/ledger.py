"""What every reader of a ledger promises. A suite gives the fixtures `ledger` and `desk`."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from imagewright.core.job import State
from imagewright.core.money import Nano
from imagewright.core.spending import Settled
from imagewright.core.usage import By, Days, Sum, Wanted
from imagewright.ports.ledger import LedgerReader
from tests.contracts.samples import (
    NOON,
    OWNER,
    PRICE,
    SECOND,
    STRANGER,
    TEAM_MATE,
    WHENCE,
    Desk,
    verdict,
)

HOUR = 3600 * SECOND
DAY = 24 * HOUR


async def sums(ledger: LedgerReader, *by: By, **wanted: Any) -> list[Sum]:
    found: list[Sum] = []
    await ledger.sums(Wanted(by=by, **wanted), found.append)
    return found


async def by_keys(ledger: LedgerReader, *by: By, **wanted: Any) -> Mapping[tuple[str, ...], int]:
    """How many jobs each sum has."""
    found = await sums(ledger, *by, **wanted)
    assert len({each.keys for each in found}) == len(found)
    return {each.keys: each.jobs for each in found}


def days(first: str | None, last: str | None, zone: str = "UTC") -> Days:
    return Days(
        first=None if first is None else date.fromisoformat(first),
        last=None if last is None else date.fromisoformat(last),
        zone=ZoneInfo(zone),
    )


class Amounts:
    async def test_of_nothing_there_is_no_sum(self, ledger: LedgerReader) -> None:
        for by in ((), *((each,) for each in By), tuple(By)):
            assert await sums(ledger, *by) == []

    async def test_what_waits_is_held_and_what_ended_is_settled(
        self, ledger: LedgerReader, desk: Desk
    ) -> None:
        await desk.done()
        await desk.admit("another")
        (total,) = await sums(ledger)
        assert total == Sum(jobs=2, images=1, held=PRICE, settled=PRICE)
        assert total.spent == PRICE

    async def test_what_was_released_is_neither(self, ledger: LedgerReader, desk: Desk) -> None:
        await desk.admit()
        job = await desk.run()
        await desk.books.settle(verdict(job, amount=PRICE // 4))
        await desk.admit("another")
        failed = await desk.run()
        await desk.books.settle(verdict(failed, amount=0, state=State.FAILED))
        (total,) = await sums(ledger)
        assert total == Sum(jobs=2, settled=Nano(PRICE // 4))

    async def test_an_unknown_outcome_stays_held(self, ledger: LedgerReader, desk: Desk) -> None:
        await desk.admit()
        job = await desk.run()
        await desk.books.settle(verdict(job, amount=None, state=State.OUTCOME_UNKNOWN))
        assert await sums(ledger) == [Sum(jobs=1, held=PRICE)]

    async def test_what_is_disputed_is_what_was_entered_instead(
        self, ledger: LedgerReader, desk: Desk
    ) -> None:
        await desk.admit()
        job = await desk.run()
        absurd = Settled(amount=PRICE, disputed=Nano(2**63 - 1))
        await desk.books.settle(replace(verdict(job), settled=absurd))
        await desk.done("another")
        (total,) = await sums(ledger)
        assert (total.settled, total.disputed) == (2 * PRICE, PRICE)

    async def test_what_is_free_is_counted(self, ledger: LedgerReader, desk: Desk) -> None:
        await desk.admit(ceiling=0)
        job = await desk.run()
        await desk.books.settle(verdict(job, amount=0, images=(desk.image(job.id),)))
        assert await sums(ledger) == [Sum(jobs=1, images=1)]

    async def test_a_picture_that_is_deleted_was_made_and_paid(
        self, ledger: LedgerReader, desk: Desk
    ) -> None:
        _, image = await desk.done()
        before = await sums(ledger)
        await desk.library.delete(OWNER, image.id, WHENCE, NOON, derived=False)
        assert await sums(ledger) == before == [Sum(jobs=1, images=1, settled=PRICE)]


class Keys:
    async def test_each_key_has_its_own_sum_in_order(
        self, ledger: LedgerReader, desk: Desk
    ) -> None:
        for caller in (STRANGER, OWNER, TEAM_MATE, OWNER):
            await desk.admit(f"fox {desk.random(4).hex()}", caller)
        assert await by_keys(ledger, By.SUBJECT) == {
            (STRANGER.subject,): 1, (TEAM_MATE.subject,): 1, (OWNER.subject,): 2,
        }  # fmt: skip
        assert [each.keys for each in await sums(ledger, By.SUBJECT)] == [
            (STRANGER.subject,), (TEAM_MATE.subject,), (OWNER.subject,),
        ]  # fmt: skip
        assert await by_keys(ledger, By.TOKEN) == {("tok-1",): 2, ("tok-2",): 1, ("tok-3",): 1}
        assert await by_keys(ledger, By.MODEL, By.PROVIDER) == {("brush-1", "painter"): 4}

    async def test_a_job_counts_in_each_of_its_groups_and_in_none(
        self, ledger: LedgerReader, desk: Desk
    ) -> None:
        for caller in (STRANGER, OWNER, TEAM_MATE):
            await desk.admit(caller=caller)
        assert await by_keys(ledger, By.GROUP) == {("",): 1, ("apps",): 1, ("design",): 2}
        assert await by_keys(ledger, By.SUBJECT, By.GROUP) == {
            (STRANGER.subject, ""): 1,
            (OWNER.subject, "apps"): 1,
            (OWNER.subject, "design"): 1,
            (TEAM_MATE.subject, "design"): 1,
        }
        assert await by_keys(ledger) == {(): 3}

    async def test_only_what_is_asked_for_counts(self, ledger: LedgerReader, desk: Desk) -> None:
        for caller in (STRANGER, OWNER, TEAM_MATE):
            await desk.admit(caller=caller)
        for only, count in (
            ({By.SUBJECT: OWNER.subject}, 1),
            ({By.GROUP: "design"}, 2),
            ({By.GROUP: "desig"}, 0),
            ({By.GROUP: ""}, 1),
            ({By.TOKEN: "tok-3"}, 1),
            ({By.PROVIDER: "painter", By.MODEL: "brush-1"}, 3),
            ({By.PROVIDER: "other"}, 0),
            ({By.GROUP: "design", By.SUBJECT: TEAM_MATE.subject}, 1),
        ):
            assert sum((await by_keys(ledger, only=only)).values()) == count, only
        assert await by_keys(ledger, By.GROUP, only={By.GROUP: "apps"}) == {("apps",): 1}

    @pytest.mark.parametrize("name", ['"', "\\", 'a","design', "é", "[]", "design"])
    async def test_a_group_of_any_name_is_itself(
        self, ledger: LedgerReader, desk: Desk, name: str
    ) -> None:
        await desk.admit(caller=replace(STRANGER, groups=frozenset({name, "other"})))
        assert await by_keys(ledger, only={By.GROUP: name}) == {(): 1}
        assert await by_keys(ledger, By.GROUP, only={By.GROUP: name}) == {(name,): 1}

    async def test_what_was_passed_on_is_of_whoever_made_it(
        self, ledger: LedgerReader, desk: Desk
    ) -> None:
        await desk.admit()
        job = await desk.run()
        told = json.dumps({"usage": None, "provider": "sculptor", "model": "chisel-2"})
        await desk.books.settle(verdict(job, outcome=told))
        await desk.done("another")
        assert await by_keys(ledger, By.PROVIDER, By.MODEL) == {
            ("painter", "brush-1"): 1,
            ("sculptor", "chisel-2"): 1,
        }
        assert await by_keys(ledger, only={By.PROVIDER: "sculptor"}) == {(): 1}


class Moments:
    async def test_a_day_is_that_of_the_hold_in_its_zone(
        self, ledger: LedgerReader, desk: Desk
    ) -> None:
        await desk.admit("at noon", now=NOON)
        await desk.admit("at eleven", now=NOON + 11 * HOUR)
        await desk.admit("a day later", now=NOON + DAY)
        assert await by_keys(ledger, By.DAY) == {("2026-11-21",): 2, ("2026-11-22",): 1}
        berlin = days(None, None, "Europe/Berlin")
        assert await by_keys(ledger, By.DAY, days=berlin) == {
            ("2026-11-21",): 1,
            ("2026-11-22",): 2,
        }
        kathmandu = days(None, None, "Asia/Kathmandu")
        found = await sums(ledger, By.SUBJECT, By.DAY, days=kathmandu)
        assert [each.keys[1] for each in found] == ["2026-11-21", "2026-11-22"]

    async def test_the_first_and_the_last_day_are_among_them(
        self, ledger: LedgerReader, desk: Desk
    ) -> None:
        begin, end = NOON - 12 * HOUR, NOON + 12 * HOUR
        for now in (begin - 1, begin, end - 1, end):
            await desk.admit(f"fox {now}", now=now)
        assert await by_keys(ledger, days=days("2026-11-21", "2026-11-21")) == {(): 2}
        assert await by_keys(ledger, days=days("2026-11-21", None)) == {(): 3}
        assert await by_keys(ledger, days=days(None, "2026-11-21")) == {(): 3}
        assert await by_keys(ledger, days=days("2026-11-21", "9999-12-31")) == {(): 3}
        assert await by_keys(ledger, days=days("2026-11-23", None)) == {}

    async def test_days_of_every_length_add_up(self, ledger: LedgerReader, desk: Desk) -> None:
        # The clocks of Berlin go back on 2026-10-25 and forward on 2026-03-29.
        for day in ("2026-10-25", "2026-03-29"):
            only = days(day, day, "Europe/Berlin")
            assert only.begin is not None
            assert only.end is not None
            for now in (only.begin - 1, only.begin, only.end - 1, only.end):
                await desk.admit(f"fox {now}", now=now)
            assert await by_keys(ledger, By.DAY, days=only) == {(day,): 2}

    async def test_sent_is_the_day_on_which_the_provider_was_called(
        self, ledger: LedgerReader, desk: Desk
    ) -> None:
        await desk.admit(now=NOON)
        await desk.run(now=NOON + DAY)
        await desk.admit("never sent", now=NOON + 2)
        assert await by_keys(ledger, By.DAY) == {("2026-11-21",): 2}
        assert await by_keys(ledger, By.DAY, sent=True) == {("2026-11-22",): 1}
        only = days("2026-11-22", None)
        assert await by_keys(ledger, sent=True, days=only) == {(): 1}

    async def test_what_the_teller_raises_ends_the_reading(
        self, ledger: LedgerReader, desk: Desk
    ) -> None:
        for caller in (OWNER, STRANGER):
            await desk.admit(caller=caller)
        told: list[Sum] = []

        def tell(each: Sum) -> None:
            told.append(each)
            raise BrokenPipeError

        with pytest.raises(BrokenPipeError):
            await ledger.sums(Wanted(by=(By.SUBJECT,)), tell)
        assert len(told) == 1
        assert len(await sums(ledger, By.SUBJECT)) == 2


class LedgerContract(Amounts, Keys, Moments):
    """The whole suite."""
