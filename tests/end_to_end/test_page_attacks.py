"""Those who would act through another's sign-in, or lead somebody elsewhere."""

import httpx

from tests.end_to_end.browser import Browser, Page
from tests.end_to_end.pages import SESSION, House, csrf, signed_in
from tests.end_to_end.service import STRANGER


async def test_no_browser_keeps_a_session_that_it_brought(house: House, browser: Browser) -> None:
    fixed = "A" * 43
    browser.own[SESSION] = fixed
    await browser.sign_in(house.token())
    first = browser.own[SESSION]
    assert first != fixed
    form = await browser_form(house, browser)
    await browser.post("/ui/sign-in", {**form, "token": house.token()})
    second = browser.own[SESSION]
    assert second not in {first, fixed}
    browser.own[SESSION] = first
    assert not await signed_in(browser)
    browser.own[SESSION] = second
    assert await signed_in(browser)


async def browser_form(house: House, browser: Browser) -> dict[str, str]:
    """A sign-in form for a browser that is signed in already."""
    held = browser.own.pop(SESSION)
    form = await browser.form()
    browser.own[SESSION] = held
    return form


async def test_signing_out_ends_it_for_a_stolen_cookie_too(house: House, browser: Browser) -> None:
    await browser.sign_in(house.token())
    stolen = browser.own[SESSION]
    answer = await browser.post("/ui/sign-out", {"csrf": await csrf(browser)})
    assert (answer.status_code, answer.headers["location"]) == (303, "/ui/sign-in")
    assert SESSION not in browser.own
    browser.own[SESSION] = stolen
    assert not await signed_in(browser)


async def test_signing_out_is_no_get(house: House, browser: Browser) -> None:
    await browser.sign_in(house.token())
    assert (await browser.get("/ui/sign-out")).status_code == 405
    assert await signed_in(browser)


async def test_a_form_without_its_own_value_changes_nothing(house: House, browser: Browser) -> None:
    await browser.sign_in(house.token())
    for given in ({"x": "y"}, {"csrf": ""}, {"csrf": "x"}, {"csrf": "A" * 43}, {"csrf": "é"}):
        assert (await browser.post("/ui/sign-out", given)).status_code == 403
        assert await signed_in(browser)


async def test_the_value_of_another_session_changes_nothing(house: House, browser: Browser) -> None:
    await browser.sign_in(house.token())
    async with house.browser() as other:
        await other.sign_in(house.token(STRANGER))
        foreign = await csrf(other)
    assert (await browser.post("/ui/sign-out", {"csrf": foreign})).status_code == 403
    assert await signed_in(browser)


FOREIGN = (
    {"Origin": "null"},
    {"Origin": "https://evil.example"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "http://localhost"},
    {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
)


async def test_a_form_of_another_origin_changes_nothing(house: House, browser: Browser) -> None:
    await browser.sign_in(house.token())
    fields = {"csrf": await csrf(browser)}
    for headers in FOREIGN:
        assert (await browser.post("/ui/sign-out", fields, **headers)).status_code == 403
        assert await signed_in(browser)
    del browser.own[SESSION]
    for headers in FOREIGN:
        form = {**await browser.form(), "token": house.token()}
        assert (await browser.post("/ui/sign-in", form, **headers)).status_code == 403
        assert SESSION not in browser.own


async def test_a_form_without_an_origin_changes_nothing(house: House, browser: Browser) -> None:
    form = {**await browser.form(), "token": house.token()}
    cookies = "; ".join(f"{name}={value}" for name, value in browser.own.items())
    async with httpx.AsyncClient(base_url=house.base) as http:
        answer = await http.post("/ui/sign-in", data=form, headers={"Cookie": cookies})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


async def test_nobody_is_signed_in_by_a_form_that_is_not_theirs(
    house: House, browser: Browser
) -> None:
    async with house.browser() as thief:
        form = {**await thief.form(), "token": house.token(STRANGER)}
    assert (await browser.post("/ui/sign-in", form)).status_code == 403
    await browser.form()
    assert (await browser.post("/ui/sign-in", form)).status_code == 403
    assert SESSION not in browser.own


async def test_a_form_that_was_left_open_is_good_for_minutes(
    house: House, browser: Browser
) -> None:
    form = {**await browser.form(), "token": house.token()}
    await house.later(901 - house.clock.ahead)
    assert (await browser.post("/ui/sign-in", form)).status_code == 403
    assert (await browser.sign_in(house.token())).status_code == 303


async def test_two_tabs_are_both_good(house: House, browser: Browser) -> None:
    first, second = await browser.form("/ui?a=1"), await browser.form("/ui?a=2")
    one = await browser.post("/ui/sign-in", {**first, "token": "wrong" * 8})
    assert one.status_code == 403
    assert (await browser.post("/ui/sign-in", {**second, "token": house.token()})).headers[
        "location"
    ] == "/ui?a=2"


ELSEWHERE = (
    "//evil.example",
    "https://evil.example",
    "/\\evil.example",
    "/ui//evil.example",
    "/ui/../mcp",
    "/ui%2f..",
    "/ui\r\nSet-Cookie: x=y",
    "/ui\nLocation: https://evil.example",
    "javascript:alert(1)",
    "/mcp",
    "/uix",
    "/ui/sign-out",
    "/ui/" + "a" * 600,
    "",
)


async def test_nobody_is_led_elsewhere(house: House, browser: Browser) -> None:
    for path in ELSEWHERE:
        async with httpx.AsyncClient(base_url=house.base) as http:
            shown = Page((await http.get("/ui/sign-in", params={"next": path})).text)
        assert shown.forms[0].fields["next"] == "/ui"
        form = {**await browser.form(), "token": house.token(), "next": path}
        answer = await browser.post("/ui/sign-in", form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/ui")
        assert "x=y" not in answer.headers.get("set-cookie", "")
        again = await browser.get("/ui/sign-in?next=//evil.example")
        assert again.headers["location"] == "/ui"
        browser.own.clear()
