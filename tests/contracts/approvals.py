"""What is promised of answers to open quotes. A suite gives the fixtures `desk` and `told`."""

import asyncio
import hashlib
from dataclasses import replace

import pytest

from imagewright.core.budget import Level
from imagewright.core.caller import Caller
from imagewright.core.errors import BudgetExceeded, ConfirmationInvalid, NotFound
from imagewright.core.quote import Consent, OpenQuote, Quote, Told
from imagewright.ports.approvals import Link, Reply, Way, gone
from tests.contracts.batches import bulk_of
from tests.contracts.samples import (
    NOON,
    OWNER,
    PRICE,
    SECOND,
    STRANGER,
    TEAM_MATE,
    WHENCE,
    Desk,
    day,
    plan_of,
)
from tests.contracts.sessions import Told as Heard

SOON = NOON + 10 * SECOND
LATE = NOON + 900 * SECOND
"""When the quotes of these tests expire."""
DIGEST = hashlib.sha256(b"a secret").hexdigest()


def reply(*, yes: bool = True, at: int = SOON, way: Way = Way.PAGE) -> Reply:
    return Reply(yes=yes, way=way, origin=WHENCE, at=at)


async def offered(desk: Desk, prompt: str = "a fox", now: int = NOON, **changes: int) -> Quote:
    return await desk.books.offer(OWNER, desk.quote(plan_of(prompt), **changes), WHENCE, now)


async def approved(desk: Desk, prompt: str = "a fox", **changes: int) -> Quote:
    quote = await offered(desk, prompt, **changes)
    await desk.approvals.answer(OWNER, quote.id, reply())
    return quote


async def linked(desk: Desk, quote: Quote, digest: str = DIGEST) -> OpenQuote | None:
    link = Link(quote=quote.id, digest=digest, origin=WHENCE, at=SOON)
    return await desk.approvals.link(OWNER, link)


async def refused(desk: Desk, caller: Caller, quote: str, at: int = SOON) -> None:
    """Nothing can be seen of a quote or answered to it, in the words for what never was."""
    for yes in (True, False):
        with pytest.raises(NotFound) as raised:
            await desk.approvals.answer(caller, quote, reply(yes=yes, at=at))
        assert raised.value.public() == gone().public()
    with pytest.raises(NotFound) as raised:
        await desk.approvals.get(caller.subject, quote, at)
    assert raised.value.public() == gone().public()


class Answers:
    async def test_open_quotes_are_listed_with_what_they_tell(self, desk: Desk) -> None:
        first = await offered(desk, "a fox")
        second = await offered(desk, "a dog", NOON + SECOND)
        found = await desk.approvals.of(OWNER.subject, SOON)
        assert found == (
            OpenQuote(subject=OWNER.subject, quote=second, since=NOON + SECOND),
            OpenQuote(subject=OWNER.subject, quote=first, since=NOON),
        )
        assert first.told == Told(prompt="a fox", fallbacks=("painter / brush-2",))
        assert await desk.approvals.get(OWNER.subject, first.id, SOON) == found[1]
        for other in (TEAM_MATE, STRANGER):
            assert await desk.approvals.of(other.subject, SOON) == ()

    async def test_what_is_approved_says_since_when(self, desk: Desk) -> None:
        quote = await offered(desk)
        found = await desk.approvals.answer(OWNER, quote.id, reply())
        assert found == OpenQuote(subject=OWNER.subject, quote=quote, since=NOON, approved_at=SOON)
        assert await desk.approvals.of(OWNER.subject, SOON) == (found,)

    async def test_a_second_yes_changes_nothing(self, desk: Desk, told: Heard) -> None:
        quote = await offered(desk)
        first = await desk.approvals.answer(OWNER, quote.id, reply())
        assert await desk.approvals.answer(OWNER, quote.id, reply(at=SOON + 1)) == first
        assert (await told()).count("answer approved") == 1

    async def test_twenty_at_once_approve_once(self, desk: Desk, told: Heard) -> None:
        quote = await offered(desk)
        answers = [desk.approvals.answer(OWNER, quote.id, reply()) for _ in range(20)]
        assert {each.approved_at for each in await asyncio.gather(*answers)} == {SOON}
        assert (await told()).count("answer approved") == 1

    @pytest.mark.parametrize("wrong", ["never was", "stranger's", "mate's", "expired"])
    async def test_nobody_answers_what_is_not_theirs_and_open(self, desk: Desk, wrong: str) -> None:
        quote = await offered(desk)
        caller = {"stranger's": STRANGER, "mate's": TEAM_MATE}.get(wrong, OWNER)
        id_ = "quo_never" if wrong == "never was" else quote.id
        await refused(desk, caller, id_, LATE if wrong == "expired" else SOON)
        with pytest.raises(ConfirmationInvalid):
            await desk.admit(consent=Consent.HUMAN)

    async def test_a_no_closes_it_and_what_it_told_is_gone(self, desk: Desk, told: Heard) -> None:
        for yes_before in (False, True):
            quote = await (approved(desk) if yes_before else offered(desk))
            no = reply(yes=False, way=Way.CLIENT)
            assert (await desk.approvals.answer(OWNER, quote.id, no)).quote.id == quote.id
            await refused(desk, OWNER, quote.id)
            assert await desk.approvals.of(OWNER.subject, SOON) == ()
            with pytest.raises(ConfirmationInvalid):
                await desk.admit(given=quote.id)
            with pytest.raises(ConfirmationInvalid):
                await desk.admit(consent=Consent.HUMAN)
            assert (await offered(desk)).id != quote.id
        assert (await told()).count("answer declined") == 2

    async def test_what_is_used_can_be_answered_no_more(self, desk: Desk) -> None:
        quote = await offered(desk)
        await desk.admit(given=quote.id)
        await refused(desk, OWNER, quote.id)


class Approved:
    async def test_the_same_ask_finds_it_once(self, desk: Desk) -> None:
        quote = await approved(desk)
        job = await desk.admit(consent=Consent.HUMAN, now=SOON)
        assert (job.quote, job.consent) == (quote.id, Consent.HUMAN)
        await desk.books.cancel(OWNER, job.id, WHENCE, SOON)
        with pytest.raises(ConfirmationInvalid):
            await desk.admit(consent=Consent.HUMAN, now=SOON)

    async def test_twenty_racers_use_it_once(self, desk: Desk) -> None:
        await approved(desk)
        plan = plan_of("a fox")
        racers = [
            desk.books.admit(desk.demand(plan=plan, consent=Consent.HUMAN)) for _ in range(20)
        ]
        assert [each.fresh for each in await asyncio.gather(*racers)].count(True) == 1

    @pytest.mark.parametrize("wrong", ["unapproved", "stranger", "ask", "ceiling", "expired"])
    async def test_it_is_for_its_subject_ask_ceiling_and_time(self, desk: Desk, wrong: str) -> None:
        await (offered(desk) if wrong == "unapproved" else approved(desk))
        demand = desk.demand(consent=Consent.HUMAN)
        changed = {
            "unapproved": demand,
            "stranger": desk.demand(caller=STRANGER, consent=Consent.HUMAN),
            "ask": desk.demand("a dog", consent=Consent.HUMAN),
            "ceiling": desk.demand(ceiling=PRICE + 1, consent=Consent.HUMAN),
            "expired": replace(demand, now=LATE),
        }
        with pytest.raises(ConfirmationInvalid) as raised:
            await desk.books.admit(changed[wrong])
        assert raised.value.sentence == (
            "There is no open quote of yours with this id for exactly this ask."
        )

    async def test_a_lower_price_than_was_approved_is_admitted(self, desk: Desk) -> None:
        quote = await approved(desk)
        job = await desk.admit(consent=Consent.HUMAN, ceiling=PRICE - 1)
        assert (job.quote, job.ceiling) == (quote.id, PRICE - 1)

    async def test_a_refusal_gives_the_approval_back(self, desk: Desk) -> None:
        quote = await approved(desk)
        with pytest.raises(BudgetExceeded):
            await desk.admit(consent=Consent.HUMAN, charges=(day(Level.EVERYONE, "", 1),))
        assert (await desk.admit(consent=Consent.HUMAN)).quote == quote.id

    async def test_it_approves_a_batch_too(self, desk: Desk) -> None:
        bulk = bulk_of(desk, "a", "b", consent=Consent.HUMAN)
        with pytest.raises(ConfirmationInvalid):
            await desk.books.admit_all(bulk)
        quote = await desk.books.offer(OWNER, bulk.quote, WHENCE, NOON)
        await desk.approvals.answer(OWNER, quote.id, reply())
        dearer = replace(bulk, demands=bulk_of(desk, "a", "b", "c", consent=Consent.HUMAN).demands)
        with pytest.raises(ConfirmationInvalid):
            await desk.books.admit_all(dearer)
        admitted = await desk.books.admit_all(bulk)
        assert admitted.group.quote == quote.id
        assert [job.quote for job in admitted.jobs] == [quote.id] * 2
        again = bulk_of(desk, "c", "d", consent=Consent.HUMAN)
        with pytest.raises(ConfirmationInvalid):
            await desk.books.admit_all(replace(again, quote=bulk.quote))

    async def test_what_is_waived_counts_nothing_against_it(self, desk: Desk) -> None:
        bulk = bulk_of(desk, "a", "b", consent=Consent.HUMAN)
        first, second = bulk.demands
        bulk = replace(
            bulk,
            demands=(first, replace(second, consent=Consent.WAIVED)),
            quote=replace(bulk.quote, ceiling=first.quote.ceiling),
        )
        quote = await desk.books.offer(OWNER, bulk.quote, WHENCE, NOON)
        await desk.approvals.answer(OWNER, quote.id, reply())
        admitted = await desk.books.admit_all(bulk)
        assert [job.consent for job in admitted.jobs] == [Consent.HUMAN, Consent.WAIVED]


class Links:
    async def test_a_link_leads_to_its_quote_and_approves_it_once(
        self, desk: Desk, told: Heard
    ) -> None:
        quote = await offered(desk)
        wanted = OpenQuote(subject=OWNER.subject, quote=quote, since=NOON)
        assert await linked(desk, quote) == wanted
        for _ in range(3):
            assert await desk.approvals.behind(DIGEST, SOON) == wanted
        found = await desk.approvals.answer_link(DIGEST, reply(way=Way.LINK))
        assert (found.quote.id, found.subject) == (quote.id, OWNER.subject)
        await self.nothing_behind(desk)
        assert (await desk.admit(consent=Consent.HUMAN)).quote == quote.id
        assert (await told()).count("answer approved") == 1
        assert (await told()).count("link made") == 1

    async def nothing_behind(self, desk: Desk, digest: str = DIGEST, at: int = SOON) -> None:
        with pytest.raises(NotFound) as raised:
            await desk.approvals.behind(digest, at)
        assert raised.value.public() == gone().public()
        for yes in (True, False):
            with pytest.raises(NotFound) as raised:
                await desk.approvals.answer_link(digest, reply(yes=yes, at=at, way=Way.LINK))
            assert raised.value.public() == gone().public()

    async def test_of_twenty_at_once_one_wins(self, desk: Desk, told: Heard) -> None:
        await linked(desk, await offered(desk))
        answers = [desk.approvals.answer_link(DIGEST, reply(way=Way.LINK)) for _ in range(20)]
        found = await asyncio.gather(*answers, return_exceptions=True)
        assert sum(isinstance(each, OpenQuote) for each in found) == 1
        assert sum(isinstance(each, NotFound) for each in found) == 19
        assert (await told()).count("answer approved") == 1

    async def test_a_no_ends_link_and_quote(self, desk: Desk) -> None:
        quote = await offered(desk)
        await linked(desk, quote)
        await desk.approvals.answer_link(DIGEST, reply(yes=False, way=Way.LINK))
        await self.nothing_behind(desk)
        await refused(desk, OWNER, quote.id)

    async def test_it_ends_with_its_quote_and_with_an_approval(self, desk: Desk) -> None:
        used, other, mine = [await offered(desk, prompt) for prompt in ("a", "b", "c")]
        for place, quote in enumerate((used, other, mine)):
            assert await linked(desk, quote, f"{place}") is not None
        await self.nothing_behind(desk, "0", LATE)
        await desk.admit("a", given=used.id)
        await desk.approvals.answer(OWNER, other.id, reply())
        for digest in ("0", "1", "never"):
            await self.nothing_behind(desk, digest)
        assert (await desk.approvals.behind("2", SOON)).quote == mine

    async def test_a_quote_has_one_link_while_it_is_open_and_unanswered(self, desk: Desk) -> None:
        quote, done = await offered(desk), await approved(desk, "a dog")
        assert await linked(desk, quote) is not None
        assert await linked(desk, quote, "another") is None
        assert await linked(desk, done, "another") is None
        assert await linked(desk, replace(quote, id="quo_never"), "another") is None
        link = Link(quote=done.id, digest="another", origin=WHENCE, at=SOON)
        assert await desk.approvals.link(STRANGER, link) is None
        await self.nothing_behind(desk, "another")


class ApprovalsContract(Answers, Approved, Links):
    pass
