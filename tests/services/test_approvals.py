"""Who may answer a question at the door, and what is done with the answer."""

import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from imagewright.adapters.sql.approvals import SqlApprovals
from imagewright.adapters.sql.audit import SqlAudit
from imagewright.core.caller import Caller, Credential
from imagewright.core.errors import ConfirmationRequired, Forbidden, NotFound
from imagewright.core.notice import Event
from imagewright.core.quote import Consent
from imagewright.core.session import How, Session
from imagewright.ports.approvals import gone
from imagewright.services.approvals import ApprovalService, Outside, Right, link_csrf
from imagewright.services.witness import Witness, WitnessRules
from tests.contracts.audit import KEY
from tests.fakes.notices import Kept
from tests.services.shop import OLGA, ORIGIN, POOR, READER, RELAY, Shop, entry, grants, opened, paid

PAGES = "https://images.example.com/ui/approvals"
ALICE = Caller(subject="user:alice", credential=Credential(id="tok-alice"))
NAMED = {ALICE.subject: entry("images:read", "images:write", "spend", "approve")}


@dataclass
class Office:
    """A shop with its approvals, and what they tell."""

    shop: Shop
    notices: Kept = field(default_factory=Kept)
    pages: str | None = PAGES

    def __post_init__(self) -> None:
        self.audit = SqlAudit(self.shop.database, KEY)
        self.witness = Witness(self.audit, self.shop.clock, self.shop.telemetry, WitnessRules())

    @property
    def service(self) -> ApprovalService:
        outside = Outside(
            clock=self.shop.clock,
            random=secrets.token_bytes,
            notices=self.notices,
            witness=self.witness,
            pages=self.pages,
        )
        return ApprovalService(SqlApprovals(self.shop.database), self.shop.gate, outside)

    async def asked(self, caller: Caller = OLGA, **ask: Any) -> ConfirmationRequired:
        with pytest.raises(ConfirmationRequired) as raised:
            await self.shop.images.order(caller, paid(**ask), None, ORIGIN)
        return raised.value

    async def quote(self, caller: Caller = OLGA, **ask: Any) -> str:
        return str((await self.asked(caller, **ask)).details["quote"])

    async def bought(self, caller: Caller = OLGA, **ask: Any) -> Consent:
        return (await self.shop.images.order(caller, paid(**ask), None, ORIGIN)).job.consent

    def secret(self) -> str:
        """What the newest notice's link holds."""
        link = self.notices.sent[-1].link
        assert link is not None
        return link.reveal().removeprefix(f"{PAGES}/link/")


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with opened(tmp_path) as shop:
        shop.acl.acl = grants(subjects=NAMED)
        shop.offer(*shop.catalogue.current().offers, pages=PAGES)
        yield Office(shop)


def session(caller: Caller, *, approves: bool = True) -> Session:
    return Session(
        id="s", caller=caller, how=How.PROVIDER, began_at=0, seen_at=0, ends_at=1, approves=approves
    )


async def test_a_person_who_is_granted_it_may_answer(office: Office) -> None:
    service = office.service
    assert service.right(session(ALICE)) is Right.ANSWER
    assert service.right(session(ALICE, approves=False)) is Right.NOT_HUMAN
    assert service.right(session(OLGA)) is Right.NOT_GRANTED
    assert service.right(session(OLGA, approves=False)) is Right.NOT_HUMAN


async def test_a_token_for_approve_alone_may_answer_and_see(office: Office) -> None:
    only = replace(ALICE, credential=Credential(id="tok-a", scopes=frozenset({"approve"})))
    assert office.service.right(session(only)) is Right.ANSWER
    narrow = replace(ALICE, credential=Credential(id="tok-n", scopes=frozenset({"images:read"})))
    assert office.service.right(session(narrow)) is Right.NOT_GRANTED


async def test_who_may_not_read_sees_nothing(office: Office) -> None:
    narrow = replace(ALICE, credential=Credential(id="tok-s", scopes=frozenset({"styles:write"})))
    unnamed = replace(ALICE, subject="user:nobody")
    quote = await office.quote(ALICE)
    for caller in (narrow, unnamed):
        for look in (
            office.service.open(session(caller)),
            office.service.get(session(caller), quote),
            office.service.answer(session(caller), quote, ORIGIN, yes=True),
        ):
            with pytest.raises(Forbidden):
                await look


async def test_what_a_person_approved_is_bought_by_asking_again(office: Office) -> None:
    quote = await office.quote(ALICE)
    (open_,) = await office.service.open(session(ALICE))
    assert open_ == await office.service.get(session(ALICE), quote)
    assert open_.quote.told is not None
    assert open_.quote.told.prompt == "a fox"
    assert not await office.service.approved(ALICE, quote)
    await office.service.answer(session(ALICE), quote, ORIGIN, yes=True)
    assert await office.service.approved(ALICE, quote)
    assert await office.bought(ALICE) is Consent.HUMAN
    with pytest.raises(NotFound):
        await office.service.approved(ALICE, quote)


async def test_what_a_person_declined_is_asked_anew(office: Office) -> None:
    quote = await office.quote(ALICE)
    await office.service.answer(session(ALICE), quote, ORIGIN, yes=False)
    assert await office.quote(ALICE) != quote


@pytest.mark.parametrize("yes", [True, False])
async def test_no_other_session_answers_and_that_is_noted(office: Office, yes: bool) -> None:
    for caller, approves in ((ALICE, False), (OLGA, True)):
        quote = await office.quote(caller)
        with pytest.raises(Forbidden):
            await office.service.answer(session(caller, approves=approves), quote, ORIGIN, yes=yes)
        assert await office.quote(caller) == quote
    await office.witness.flush()
    found = [each for each in await office.audit.newest(9) if each.action == "answer"]
    assert [(each.subject, each.outcome, each.reason) for each in found] == [
        (ALICE.subject, "denied", "not_human"),
        (OLGA.subject, "denied", "not_granted"),
    ]


async def test_a_no_through_the_client_closes_its_quote(office: Office) -> None:
    quote = await office.quote()
    await office.service.declined(OLGA, quote, ORIGIN)
    assert await office.quote() != quote
    await office.service.declined(OLGA, quote, ORIGIN)


async def test_a_person_is_sent_for_once_with_a_link_that_approves(office: Office) -> None:
    for _ in range(2):
        await office.service.call_for(OLGA, await office.asked(prompt="a secret fox"), ORIGIN)
    (notice,) = office.notices.sent
    assert (notice.event, notice.subject) == (Event.CONFIRMATION_REQUIRED, OLGA.subject)
    assert dict(notice.amounts) == {"ceiling": "0.04"}
    assert dict(notice.ids) == {"quote": await office.quote(prompt="a secret fox")}
    assert notice.facts["provider"] == "painter"
    assert "secret" not in str(notice)
    secret = office.secret()
    assert (await office.service.behind(secret)).subject == OLGA.subject
    await office.service.answer_link(secret, ORIGIN, yes=True)
    assert await office.bought(prompt="a secret fox") is Consent.HUMAN
    with pytest.raises(NotFound):
        await office.service.behind(secret)


async def test_a_link_expires_with_its_quote(office: Office) -> None:
    await office.service.call_for(OLGA, await office.asked(), ORIGIN)
    office.shop.clock.advance(600)
    for wrong in (office.secret(), "", "x", "A" * 43, f"{office.secret()}\n"):
        with pytest.raises(NotFound) as raised:
            await office.service.answer_link(wrong, ORIGIN, yes=True)
        assert raised.value.public() == gone().public()


async def test_nobody_is_sent_for_who_need_not_be(office: Office) -> None:
    await office.service.call_for(ALICE, await office.asked(ALICE), ORIGIN)
    await office.service.call_for(RELAY, await office.asked(RELAY), ORIGIN)
    office.notices.wanted = frozenset({Event.BUDGET_ALARM})
    await office.service.call_for(OLGA, await office.asked(), ORIGIN)
    assert office.notices.sent == []


async def test_a_narrow_token_of_somebody_who_may_approve_sends_for_nobody(office: Office) -> None:
    scopes = frozenset({"images:write", "spend"})
    narrow = replace(ALICE, credential=Credential(id="tok-n", scopes=scopes))
    await office.service.call_for(narrow, await office.asked(narrow), ORIGIN)
    assert office.notices.sent == []


async def test_without_pages_a_notice_has_no_link(office: Office) -> None:
    office.pages = None
    await office.service.call_for(OLGA, await office.asked(), ORIGIN)
    assert office.notices.sent[0].link is None


async def test_a_forms_value_does_not_show_its_link() -> None:
    assert link_csrf("A" * 43) != link_csrf("B" * 43)
    assert "A" * 43 not in link_csrf("A" * 43)


async def test_the_cast_has_no_right_by_accident(office: Office) -> None:
    for caller in (POOR, READER, RELAY):
        assert office.service.right(session(caller)) is Right.NOT_GRANTED
