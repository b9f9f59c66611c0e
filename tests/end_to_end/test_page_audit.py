"""What the audit and the metrics are told of sign-ins to the pages."""

from prometheus_client import generate_latest

from imagewright.core.audit import Entry
from tests.end_to_end.browser import Browser
from tests.end_to_end.pages import SESSION, House, csrf
from tests.end_to_end.service import OWNER

AGENT = {"User-Agent": "Tests/1.0"}


async def lines(house: House) -> list[Entry]:
    """Of people; those of the operator are left out."""
    await house.service.app.services.witness.flush()
    found = await house.service.app.parts.audit.newest(100)
    return [each for each in found if each.subject != "operator"]


def failures(house: House) -> dict[str, float]:
    """How many sign-ins were not taken, by reason."""
    page = generate_latest(house.service.app.parts.metrics.registry).decode()
    found = {}
    for line in page.splitlines():
        name, _, count = line.rpartition(" ")
        if name.startswith("imagewright_auth_failures_total{"):
            found[name.partition('"')[2].partition('"')[0]] = float(count)
    return found


async def test_signing_in_and_out_is_a_line_each(house: House, browser: Browser) -> None:
    form = await browser.form()
    await browser.post("/ui/sign-in", {**form, "token": house.token()}, **AGENT)
    secret, value = browser.own[SESSION], await csrf(browser)
    for _ in range(2):
        await browser.post("/ui/sign-out", {"csrf": value}, **AGENT)
        browser.own[SESSION] = secret
    found = await lines(house)
    assert [(each.action, each.outcome) for each in found] == [
        ("sign_in", "allowed"),
        ("sign_out", "ended"),
    ]
    for each in found:
        assert (each.subject, each.credential, each.reason) == (OWNER, "tok_0", "token")
        assert (each.thing, each.address, each.client) == ("pages", "127.0.0.1", "Tests/1.0")
        assert each.request is not None
        assert each.request.startswith("req_")
    for told in (house.token(), secret, value):
        assert told not in str(found)
    assert failures(house) == {}


async def test_what_fails_is_counted_and_not_written(house: House, browser: Browser) -> None:
    far = house.add("tok_far", cidrs=("192.0.2.0/24",))
    for token in ("", "nothing", "nothing", far):
        await browser.sign_in(token)
    assert failures(house) == {"malformed": 1, "unknown": 2, "unauthenticated": 1}
    assert await lines(house) == []


async def test_the_limit_is_told_of_who_is_known_and_counted_for_all(
    house: House, browser: Browser
) -> None:
    await browser.sign_in(house.token())
    held = browser.own.pop(SESSION)
    for _ in range(10):
        await browser.sign_in("wrong")
    assert (await browser.sign_in(house.token())).status_code == 429
    assert [each.action for each in await lines(house)] == ["sign_in"]
    form = await browser.form()
    browser.own[SESSION] = held
    for _ in range(3):
        answer = await browser.post("/ui/sign-in", {**form, "token": house.token()})
        assert answer.status_code == 429
    assert failures(house) == {"unknown": 10, "busy": 4}
    line = (await lines(house))[-1]
    assert (line.action, line.outcome, line.reason) == ("sign_in", "limited", "failures")
    assert (line.subject, line.credential, line.address) == (OWNER, "tok_0", "127.0.0.1")
    assert sum(each.count or 0 for each in await lines(house)) == 3
