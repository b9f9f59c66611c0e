"""The approval page in a real browser: signed in to, approved on, and by a link."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.end_to_end.money import ask
from tests.end_to_end.office import ALICE, APPROVES, BOT, Office, office
from tests.engines.chromium.browser import Chromium
from tests.engines.chromium.looks import drive, looked_at, own_errors

pytestmark = [pytest.mark.engines, pytest.mark.timeout(600)]

YES, NO = "button[value=yes]", "button[value=no]"
FORGED = """<!doctype html><title>evil</title><form method="post" action="{url}">
<input name="csrf" value="{csrf}"><button name="answer" value="yes">go</button></form>"""


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Office]:
    async with office(tmp_path / "state") as found:
        yield found


def sign_in(browser: Chromium, place: Office, url: str, who: str = APPROVES) -> None:
    """Open a page, and sign in on the way to it."""
    browser.open(url)
    browser.until(f"{place.service.base}/ui/sign-in")
    browser.fill("#token", place.service.tokens[who])
    browser.click("form:last-of-type button")
    browser.until(url)
    browser.wait_for("dl")


async def test_a_person_approves_and_the_agent_goes_on(chromium: Chromium, place: Office) -> None:
    arguments = ask("a fox <i>in</i> fog")
    details = await place.asked(arguments)
    url = details["approval_url"]

    def act() -> None:
        chromium.without_scripts()
        sign_in(chromium, place, url)
        assert chromium.role(YES) == ("button", "Approve")
        assert chromium.role(NO) == ("button", "Decline")
        assert "“a fox <i>in</i> fog”" in chromium.text
        assert chromium.text.index("Costs at most") < chromium.text.index("a fox")
        chromium.click(YES)
        chromium.wait_for("p[role=status]")
        assert chromium.address == url
        assert not chromium.has(YES)
        assert chromium.role(NO) == ("button", "Take it back")
        assert not own_errors(chromium, place.service.base)

    await drive(act)
    assert (await place.bought(arguments))["state"] == "succeeded"


async def test_whoever_was_sent_a_link_approves_there(chromium: Chromium, place: Office) -> None:
    arguments = ask()
    link = await place.linked(arguments)

    def act() -> None:
        chromium.open(link)
        chromium.wait_for(YES)
        assert BOT in chromium.text
        chromium.click(YES)
        chromium.wait_for("p[role=status]")
        assert "This link is good no more." in chromium.text
        assert not own_errors(chromium, place.service.base)
        chromium.open(link)
        chromium.wait_for("h1")
        assert "There is no such question." in chromium.text

    await drive(act)
    assert (await place.bought(arguments, BOT))["state"] == "succeeded"


async def test_another_page_cannot_approve(
    chromium: Chromium, place: Office, tmp_path: Path
) -> None:
    arguments = ask()
    details = await place.asked(arguments)
    url, evil = details["approval_url"], tmp_path / "evil.html"

    def act() -> None:
        sign_in(chromium, place, url)
        csrf = chromium.run("return document.querySelector('[name=csrf]').value")
        evil.write_text(FORGED.format(url=url, csrf=csrf))
        chromium.open(f"file://{evil}")
        chromium.click("button")
        chromium.until(url)
        assert "approved" not in chromium.text.lower()
        evil.write_text(f'<!doctype html><iframe src="{url}"></iframe>')
        chromium.open(f"file://{evil}")
        chromium.wait_for("iframe")
        assert any("frame-ancestors" in each for each in chromium.errors())

    await drive(act)
    assert (await place.asked(arguments))["quote"] == details["quote"]
    assert place.vendor.calls() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 900])
async def test_the_pages_can_be_read(
    chromium: Chromium, place: Office, tmp_path: Path, scheme: str, width: int
) -> None:
    long = "a lighthouse in fog, with a keeper who waves at ships that nobody else can see, " * 4
    urls = [(await place.asked(ask(prompt)))["approval_url"] for prompt in (long, "a red fox")]
    link = await place.linked()

    def act() -> None:
        chromium.emulate(scheme, width)
        sign_in(chromium, place, urls[0])
        looked_at(chromium, tmp_path / "question.png")
        chromium.click(YES)
        chromium.wait_for("p[role=status]")
        looked_at(chromium, tmp_path / "approved.png")
        chromium.open(f"{place.service.base}/ui/approvals")
        chromium.wait_for("ul")
        looked_at(chromium, tmp_path / "list.png", controls=False)
        chromium.open(link)
        chromium.wait_for(YES)
        looked_at(chromium, tmp_path / "link.png")
        chromium.click(YES)
        chromium.wait_for("p[role=status]")
        looked_at(chromium, tmp_path / "answered.png", controls=False)

    await drive(act)


async def test_a_programs_sign_in_is_told_why_it_may_only_look(
    chromium: Chromium, place: Office, tmp_path: Path
) -> None:
    url = (await place.asked(ask()))["approval_url"]

    def act() -> None:
        sign_in(chromium, place, url, ALICE)
        assert "you may look and not answer" in chromium.text
        assert not chromium.has(YES)
        looked_at(chromium, tmp_path / "looking.png", controls=False)

    await drive(act)
