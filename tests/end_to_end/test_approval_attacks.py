"""Those who would approve what is not theirs to approve."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from tests.end_to_end.browser import Browser, Page
from tests.end_to_end.money import ask, code, generate
from tests.end_to_end.office import (
    ALICE,
    APPROVES,
    BOB,
    BOT,
    Office,
    answer_form,
    approve,
    office,
)
from tests.end_to_end.pages import later
from tests.end_to_end.test_page_attacks import FOREIGN

pytestmark = pytest.mark.asyncio(loop_scope="module")
NEVER = f"quo_{'a' * 26}"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    async with office(tmp_path_factory.mktemp("attacks") / "state") as found:
        yield found


@pytest.fixture
def place(shared: Office) -> Office:
    shared.vendor.forget()
    return shared


async def unapproved(place: Office, arguments: dict[str, object], who: str = ALICE) -> None:
    await place.asked(arguments, who)
    assert place.vendor.calls() == 0


async def test_a_programs_token_may_look_and_not_answer(place: Office) -> None:
    arguments = ask("a fox to look at")
    details = await place.asked(arguments)
    async with place.browser() as browser:
        await place.signed_in(browser, ALICE)
        page = (await browser.get(details["approval_url"])).text
        assert "a fox to look at" in page
        assert "a token that programs can use too" in page
        assert Page(page).forms == []
        home = Page((await browser.get("/ui")).text)
        for answer in ("yes", "no"):
            fields = {"csrf": home.forms[0].fields["csrf"], "answer": answer}
            refused = await browser.post(details["approval_url"], fields)
            assert refused.status_code == 403
    assert (await place.asked(arguments))["quote"] == details["quote"]
    (line,) = [each for each in await place.lines("answer") if each.outcome == "denied"]
    assert (line.subject, line.reason, line.count) == (ALICE, "not_human", 2)


async def test_who_is_not_granted_it_may_look_and_not_answer(place: Office) -> None:
    details = await place.asked(ask(), BOT)
    async with place.browser() as browser:
        await place.signed_in(browser, BOT)
        assert Page((await browser.get(details["approval_url"])).text).forms == []


async def test_a_token_that_approves_calls_nothing(place: Office) -> None:
    async with place.service.http(APPROVES) as http:
        for body in ({}, {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}):
            assert (await http.post("/mcp", json=body)).status_code == 403


async def test_nobody_sees_or_answers_anothers(place: Office) -> None:
    arguments = ask("a secret fox")
    details = await place.asked(arguments)
    async with place.browser() as browser:
        await place.signed_in(browser, BOB)
        assert "a secret fox" not in (await browser.get("/ui/approvals")).text
        await check_stranger(browser, details["quote"])
    async with place.browser() as browser:
        await place.signed_in(browser)
        await check_stranger(browser, (await place.asked(ask(), BOB))["quote"])
    await unapproved(place, arguments)


async def check_stranger(browser: Browser, quote: str) -> None:
    """Another's quote is as one that never was."""
    csrf = Page((await browser.get("/ui")).text).forms[0].fields["csrf"]
    seen = set()
    for each in (quote, NEVER, "x", f"{NEVER}x"):
        page = await browser.get(f"/ui/approvals/{each}")
        seen.add((page.status_code, page.text))
    assert len(seen) == 1
    assert seen.pop()[0] == 404
    for answer in ("yes", "no"):
        fields = {"csrf": csrf, "answer": answer}
        about, nothing = [
            await browser.post(f"/ui/approvals/{each}", fields) for each in (quote, NEVER)
        ]
        assert (about.status_code, about.text) == (nothing.status_code, nothing.text)
        assert about.status_code in {403, 404}


async def test_a_form_that_is_not_this_pages_changes_nothing(place: Office) -> None:
    arguments = ask()
    url = (await place.asked(arguments))["approval_url"]
    async with place.browser() as browser, place.browser() as other:
        await place.signed_in(browser)
        await place.signed_in(other)
        foreign = answer_form(await other.get(url))
        good = answer_form(await browser.get(url))
        wrong = ("", "x", "A" * 43, foreign["csrf"])
        for csrf in wrong:
            answer = await browser.post(url, {"csrf": csrf, "answer": "yes"})
            assert answer.status_code == 403
        assert (await browser.post(url, {"answer": "yes"})).status_code == 403
        for headers in FOREIGN:
            assert (await browser.post(url, good, **headers)).status_code == 403
        for answer_ in ("", "maybe", "YES"):
            assert (await browser.post(url, {**good, "answer": answer_})).status_code == 400
        assert (await browser.get(f"{url}?answer=yes&csrf={good['csrf']}")).status_code == 200
    async with httpx.AsyncClient(base_url=place.service.base) as http:
        answer = await http.post(url, data=good, headers={"Origin": place.service.base})
        assert answer.status_code == 303
        assert answer.headers["location"] == "/ui/sign-in?next=/ui"
    await unapproved(place, arguments)


async def test_who_is_not_signed_in_is_led_back_to_the_question(place: Office) -> None:
    url = (await place.asked(ask()))["approval_url"]
    path = url.removeprefix(place.service.base)
    async with place.browser() as browser:
        answer = await browser.get(url)
        assert answer.headers["location"] == f"/ui/sign-in?next={path}"
        back = await browser.sign_in(place.service.tokens[APPROVES], path)
        assert back.headers["location"] == path


async def test_looking_at_a_link_approves_nothing(place: Office) -> None:
    arguments = ask()
    link = await place.linked(arguments)
    async with place.browser() as browser:
        for _ in range(3):
            assert (await browser.get(link)).status_code == 200
        assert (await browser.get(f"{link}?answer=yes")).status_code == 200
    async with httpx.AsyncClient() as http:
        assert (await http.head(link)).status_code == 200
    await unapproved(place, arguments, BOT)


async def test_a_link_is_good_once_and_for_the_first_browser(place: Office) -> None:
    arguments = ask()
    link = await place.linked(arguments)
    async with place.browser() as first, place.browser() as second:
        forms = [answer_form(await each.get(link)) for each in (first, second)]
        answers = await asyncio.gather(first.post(link, forms[0]), second.post(link, forms[1]))
        assert sorted(each.status_code for each in answers) == [200, 404]
        assert (await second.post(link, forms[1])).status_code == 404
        assert (await second.get(link)).status_code == 404
    await place.bought(arguments, BOT)
    assert place.vendor.calls() == 1
    await place.asked({**arguments, "variation": "2"}, BOT)


async def test_a_form_behind_a_link_is_that_pages_alone(place: Office) -> None:
    arguments = ask()
    link, other = await place.linked(arguments), await place.linked()
    async with place.browser() as browser:
        good = answer_form(await browser.get(link))
        theirs = answer_form(await browser.get(other))
        for csrf in ("", "x", "A" * 43, theirs["csrf"]):
            assert (await browser.post(link, {**good, "csrf": csrf})).status_code == 403
        for headers in FOREIGN:
            assert (await browser.post(link, good, **headers)).status_code == 403
        assert (await browser.post(link, {**good, "answer": "maybe"})).status_code == 400
    await unapproved(place, arguments, BOT)


async def test_every_link_that_is_not_good_has_the_same_answer(place: Office) -> None:
    used = await place.linked()
    async with place.browser() as browser:
        await approve(browser, used)
        base, _, secret = used.rpartition("/")
        wrong = (secret, "x", "A" * 43, secret[:-1], f"{secret}A", NEVER)
        seen = set()
        for each in wrong:
            page = await browser.get(f"{base}/{each}")
            seen.add((page.status_code, page.text))
        assert len(seen) == 1
        assert seen.pop()[0] == 404


async def test_the_link_in_an_error_carries_no_right(place: Office) -> None:
    details = await place.asked(ask(), BOT)
    async with place.browser() as browser:
        answer = await browser.get(details["approval_url"])
        assert answer.status_code == 303
        asked = details["quote"]
        linked = await browser.get(f"{place.service.base}/ui/approvals/link/{asked}")
        assert linked.status_code == 404


async def test_the_secret_of_a_link_is_kept_nowhere(place: Office) -> None:
    link = await place.linked()
    secret = link.rpartition("/")[2].encode()
    state = place.service.app.settings.state
    kept = b"".join(each.read_bytes() for each in state.glob("imagewright.db*"))
    assert secret not in kept


async def test_what_expired_is_neither_approved_nor_bought(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    async with office(tmp_path_factory.mktemp("expiry") / "state") as place:
        approved, late = ask(), ask()
        first, second = await place.asked(approved), await place.asked(late)
        link = await place.linked()
        async with place.browser() as browser:
            await place.signed_in(browser)
            await approve(browser, first["approval_url"])
            good = answer_form(await browser.get(second["approval_url"]))
            behind = answer_form(await browser.get(link))
            await later(place.service, place.clock, 601)
            assert (await browser.get(second["approval_url"])).status_code == 404
            assert (await browser.post(second["approval_url"], good)).status_code == 404
            assert (await browser.get(link)).status_code == 404
            assert (await browser.post(link, behind)).status_code == 404
            assert "Nothing waits" in (await browser.get("/ui/approvals")).text
        for arguments, before in ((approved, first), (late, second)):
            assert (await place.asked(arguments))["quote"] != before["quote"]
        assert place.vendor.calls() == 0


async def test_an_approval_does_not_outlive_what_allowed_it(place: Office) -> None:
    arguments = ask()
    details = await place.asked(arguments)
    async with place.browser() as browser:
        await approve(await place.signed_in(browser), details["approval_url"])
    file = place.service.app.settings.state / "acl.toml"
    kept = file.read_text()
    file.write_text(kept.replace('"spend", "approve"]', '"approve"]'))
    place.service.app.refresh(force=True)
    try:
        async with place.client() as client:
            assert code(await generate(client, arguments)) == "forbidden"
    finally:
        file.write_text(kept)
        place.service.app.refresh(force=True)
    assert place.vendor.calls() == 0
