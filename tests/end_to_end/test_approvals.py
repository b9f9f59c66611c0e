"""People approve what programs ask for: on the pages, by a link, led there by their client."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from fastmcp.client.elicitation import ElicitResult

from tests.end_to_end.browser import Page
from tests.end_to_end.money import ask, code, day, generate
from tests.end_to_end.office import ALICE, APPROVES, BOT, Office, approve, office
from tests.end_to_end.program import free_port
from tests.end_to_end.service import Mode
from tests.end_to_end.wire import Peer
from tests.identity.visitors import CLIENT, SECRET, VisitedProvider

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    async with office(tmp_path_factory.mktemp("approvals") / "state") as found:
        yield found


@pytest.fixture
def place(shared: Office) -> Office:
    shared.vendor.forget()
    return shared


async def test_what_a_person_approved_is_bought_once_by_asking_again(place: Office) -> None:
    arguments = ask("a fox <b>in</b> fog")
    details = await place.asked(arguments)
    assert details["approval_url"] == f"{place.service.base}/ui/approvals/{details['quote']}"
    async with place.browser() as browser:
        await place.signed_in(browser)
        listed = (await browser.get("/ui/approvals")).text
        page = (await browser.get(details["approval_url"])).text
        assert f'href="/ui/approvals/{details["quote"]}"' in listed
        for word in ("paint", details["model"], "1024x640", f"${details['ceiling_usd']}", ALICE):
            assert word in page
        assert page.index("Good until") < page.index("a fox &lt;b&gt;in&lt;/b&gt; fog")
        assert (await place.asked(arguments))["quote"] == details["quote"]
        answer = await approve(browser, details["approval_url"])
        assert answer.headers["location"] == f"/ui/approvals/{details['quote']}"
        after = (await browser.get(details["approval_url"])).text
        assert "A person approved this" in after
        assert "Take it back" in after
        made = await place.bought(arguments)
        assert (await browser.get(details["approval_url"])).status_code == 404
    assert made["state"] == "succeeded"
    assert (await place.bought(arguments))["job"] == made["job"]
    assert place.vendor.calls() == 1
    told = await place.lines("answer", "admit")
    approved = next(each for each in told if each.thing == details["quote"])
    assert (approved.outcome, approved.reason, approved.credential) == (
        "approved",
        "page",
        "tok_only",
    )
    assert approved.request is not None
    admitted = next(each for each in told if each.job == made["job"])
    assert admitted.reason == "human"


async def test_an_approval_is_for_exactly_one_ask_of_its_subject(place: Office) -> None:
    arguments = ask()
    details = await place.asked(arguments)
    async with place.browser() as browser:
        await approve(await place.signed_in(browser), details["approval_url"])
    for dearer in ({"n": 2}, {"quality": "high"}, {"prompt": "a dearer fox"}):
        other = await place.asked({**arguments, **dearer})
        assert other["quote"] != details["quote"]
    await place.asked(arguments, BOT)
    assert place.vendor.calls() == 0
    await place.bought(arguments)
    again = await place.asked({**arguments, "variation": "2"})
    assert again["quote"] != details["quote"]


async def test_a_quote_given_back_is_no_persons_consent(place: Office, mode: Mode) -> None:
    arguments = ask()
    details = await place.asked(arguments)
    async with place.client(ALICE, mode) as client:
        echoed = await generate(client, {**arguments, "confirm": details["quote"]})
        assert code(echoed) == "confirmation_required"
        assert echoed["error"]["hint"].startswith("Have a person approve it at approval_url")
    assert place.vendor.calls() == 0


async def test_an_approved_ask_may_name_its_quote_too(place: Office) -> None:
    arguments = ask()
    details = await place.asked(arguments)
    async with place.browser() as browser:
        await approve(await place.signed_in(browser), details["approval_url"])
    await place.bought({**arguments, "confirm": details["quote"]})


async def test_what_was_declined_or_taken_back_is_asked_anew(place: Office) -> None:
    for before in (None, "yes"):
        arguments = ask()
        details = await place.asked(arguments)
        async with place.browser() as browser:
            await place.signed_in(browser)
            if before:
                await approve(browser, details["approval_url"], before)
            answer = await approve(browser, details["approval_url"], "no")
            assert answer.headers["location"] == "/ui/approvals"
            assert details["quote"] not in (await browser.get("/ui/approvals")).text
        assert (await place.asked(arguments))["quote"] != details["quote"]
    assert place.vendor.calls() == 0


async def test_who_signed_in_through_the_provider_approves(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    port = free_port()
    people = {"alice": {"email": "alice@example.com", "email_verified": True}}
    with VisitedProvider(base=f"http://127.0.0.1:{port}", people=people) as identity:
        wanted: dict[str, object] = {
            "auth__issuers": {"corp": {"issuer": identity.issuer, "subject": "user:{email}"}},
            "sign_in__issuer": "corp",
            "sign_in__client_id": CLIENT,
            "sign_in__client_secret": SECRET,
        }
        async with office(tmp_path_factory.mktemp("oidc") / "state", port, **wanted) as place:
            arguments = ask()
            details = await place.asked(arguments)
            async with place.browser() as browser:
                address = await browser.begin("/ui/approvals")
                answer = await browser.get(await browser.at_provider(address, "alice"))
                assert answer.headers["location"] == "/ui/approvals"
                await approve(browser, details["approval_url"])
            assert (await place.bought(arguments))["state"] == "succeeded"


async def test_agents_are_told_where_people_approve(place: Office, mode: Mode) -> None:
    async with place.service.http(ALICE) as http:
        peer = Peer(http, mode)
        answer = await (peer.open() if mode == "legacy" else peer.ask("server/discover"))
    assert "lead your user to the approval_url" in answer.result["instructions"]


class Led:
    """A client's handler that is led to a page, where somebody presses a button."""

    def __init__(self, place: Office, answer: str | None, action: Any = "accept") -> None:
        self.asked: list[Any] = []
        self._place = place
        self._answer = answer
        self._action = action

    async def __call__(self, message: str, kind: Any, params: Any, _ctx: Any) -> Any:
        self.asked.append((message, kind, params.mode, params.url))
        if self._answer is not None:
            async with self._place.browser() as browser:
                await approve(await self._place.signed_in(browser), params.url, self._answer)
        return ElicitResult(action=self._action)


async def test_a_client_leads_its_user_to_the_page(place: Office, mode: Mode) -> None:
    handler = Led(place, "yes")
    async with place.client(ALICE, mode, elicitation_handler=handler) as client:
        made = await generate(client, ask(f"a fox led, {mode}"))
    assert made["state"] == "succeeded", made
    ((message, kind, how, url),) = handler.asked
    assert message.startswith("paint / gpt-image-2.5-flare: 1 image")
    assert (kind, how) == (None, "url")
    assert url.startswith(f"{place.service.base}/ui/approvals/quo_")
    assert place.vendor.calls() == 1


async def test_a_no_on_the_page_is_a_no(place: Office, mode: Mode) -> None:
    async with place.client(ALICE, mode, elicitation_handler=Led(place, "no")) as client:
        before = await day(client)
        assert code(await generate(client, ask())) == "confirmation_declined"
        assert await day(client) == before
    assert place.vendor.calls() == 0


async def test_who_only_says_that_the_page_was_opened_has_approved_nothing(
    place: Office, mode: Mode
) -> None:
    async with place.client(ALICE, mode, elicitation_handler=Led(place, None)) as client:
        refused = await generate(client, ask())
    assert code(refused) == "confirmation_required"
    assert place.vendor.calls() == 0


@pytest.mark.parametrize("action", ["decline", "cancel"])
async def test_a_no_to_being_led_closes_the_quote_and_a_wave_does_not(
    place: Office, mode: Mode, action: str
) -> None:
    arguments = ask()
    first = (await place.asked(arguments))["quote"]
    handler = Led(place, None, action)
    async with place.client(ALICE, mode, elicitation_handler=handler) as client:
        assert code(await generate(client, arguments)) == "confirmation_declined"
    again = (await place.asked(arguments))["quote"]
    assert (again == first) == (action == "cancel")


async def test_whoever_is_sent_the_link_approves_without_signing_in(place: Office) -> None:
    arguments = ask("a fox of the bot's")
    link = await place.linked(arguments)
    notice = json.loads(place.receiver.got[-1].body)
    assert notice["data"]["subject"] == BOT
    assert "fox" not in str(notice)
    assert place.service.tokens[BOT] not in str(notice)
    async with place.browser() as browser:
        page = await browser.get(link)
        for word in (BOT, "a fox of the bot&#39;s", notice["data"]["amounts_usd"]["ceiling"]):
            assert word in page.text
        answer = await approve(browser, link)
        assert answer.status_code == 200
        assert "Approved" in answer.text
    made = await place.bought(arguments, BOT)
    assert made["state"] == "succeeded"
    lines = await place.lines("link", "answer", "admit")
    quote = notice["data"]["ids"]["quote"]
    ours = [each for each in lines if each.thing == quote or each.job == made["job"]]
    assert {each.subject for each in ours} == {BOT}
    assert [(each.action, each.outcome, each.reason) for each in ours] == [
        ("link", "made", None),
        ("answer", "approved", "link"),
        ("admit", "entered", "human"),
    ]
    assert link.rpartition("/")[2] not in str(lines)


async def test_one_notice_is_sent_for_a_question(place: Office) -> None:
    arguments = ask()
    await place.linked(arguments)
    before = len(place.receiver.got)
    await place.asked(arguments, BOT)
    await place.linked()
    assert len(place.receiver.got) == before + 1


async def test_nobody_is_sent_for_where_somebody_can_approve(place: Office) -> None:
    before = len(place.receiver.got)
    await place.asked(ask())
    await place.linked()
    assert len(place.receiver.got) == before + 1


async def test_a_declined_link_buys_nothing(place: Office) -> None:
    arguments = ask()
    link = await place.linked(arguments)
    async with place.browser() as browser:
        answer = await approve(browser, link, "no")
        assert "Declined" in answer.text
        assert (await browser.get(link)).status_code == 404
    await place.asked(arguments, BOT)
    assert place.vendor.calls() == 0


async def test_the_first_page_leads_there(place: Office) -> None:
    async with place.browser() as browser:
        await place.signed_in(browser, APPROVES)
        home = (await browser.get("/ui")).text
        assert 'href="/ui/approvals"' in home
        assert Page(home).forms
