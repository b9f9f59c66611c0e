"""Pages: signing in with a token, being somebody, and when that ends."""

import asyncio
import re
import secrets
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from imagewright.app.parts import parts_of
from imagewright.core.errors import Unavailable
from imagewright.core.token import mint
from tests.end_to_end.browser import Browser, Page
from tests.end_to_end.pages import ACL, SESSION, House, csrf, signed_in
from tests.end_to_end.service import OWNER, STRANGER, configured, digest, running, settings_of


async def test_a_token_signs_in_and_the_page_says_who(house: House, browser: Browser) -> None:
    assert not await signed_in(browser)
    answer = await browser.sign_in(house.token())
    assert (answer.status_code, answer.headers["location"]) == (303, "/ui")
    page = (await browser.get("/ui")).text
    for word in (OWNER, "design", "images:write", "admin:read", "with a token", "Sign out"):
        assert word in page
    assert "may not approve spending" in page
    assert house.token() not in page
    assert house.token() not in str(browser.cookies)


async def test_the_cookie_is_the_hosts_own_and_random(house: House, browser: Browser) -> None:
    seen = set()
    for _ in range(3):
        browser.own.clear()
        browser.set_cookies.clear()
        await browser.sign_in(house.token())
        line = next(each for each in browser.set_cookies if each.startswith(f"{SESSION}="))
        value, *attributes = line.partition("=")[2].split("; ")
        assert re.fullmatch(r"[A-Za-z0-9_-]{43}", value)
        assert {each.lower() for each in attributes} == {
            "httponly",
            "secure",
            "path=/",
            "samesite=lax",
        }
        seen.add(value)
    assert len(seen) == 3
    kept = b"".join(each.read_bytes() for each in house.state.glob("imagewright.db*"))
    assert not [value for value in seen if value.encode() in kept]


async def test_every_page_carries_the_strict_headers(house: House, browser: Browser) -> None:
    await browser.get("/ui/sign-in")
    answers = [
        await browser.get("/ui/sign-in"),
        await browser.get("/ui/sign-in/callback"),
        await browser.post("/ui/sign-in", {}),
    ]
    await browser.sign_in(house.token())
    answers.append(await browser.get("/ui"))
    for answer in answers:
        policy = answer.headers["content-security-policy"].split("; ")
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "base-uri 'none'" in policy
        assert [each for each in policy if each.startswith("style-src")] == ["style-src 'self'"]
        assert not [each for each in policy if each.startswith("script-src")]
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "<script" not in answer.text
        assert "style=" not in answer.text


async def test_who_asked_for_a_page_gets_it(house: House, browser: Browser) -> None:
    answer = await browser.sign_in(house.token(), "/ui/approve/quo_a1?from=mail")
    assert answer.headers["location"] == "/ui/approve/quo_a1?from=mail"


async def test_it_ends_without_a_use(house: House, browser: Browser) -> None:
    await browser.sign_in(house.token())
    held = browser.own[SESSION]
    for _ in range(4):
        await house.later(1700)
        assert await signed_in(browser)
    await house.later(1801)
    assert not await signed_in(browser)
    await house.later(-1801)
    browser.own[SESSION] = held
    assert not await signed_in(browser)


async def test_it_ends_however_much_it_is_used(house: House, browser: Browser) -> None:
    await browser.sign_in(house.token())
    for _ in range(28):
        await house.later(1000)
        assert await signed_in(browser)
    await house.later(28_801 - house.clock.ahead)
    assert not await signed_in(browser)


async def test_it_ends_with_its_token(house: House, browser: Browser) -> None:
    await browser.sign_in(house.token())
    held = browser.own[SESSION]
    file = house.state / "tokens.toml"
    kept = file.read_text()
    file.write_text(kept.replace("[tokens.tok_0]", "[tokens.tok_gone]"))
    house.service.app.refresh(force=True)
    assert not await signed_in(browser)
    file.write_text(kept)
    house.service.app.refresh(force=True)
    browser.own[SESSION] = held
    assert not await signed_in(browser)


async def test_who_no_grant_names_is_told_that_they_may_do_nothing(
    house: House, browser: Browser
) -> None:
    await browser.sign_in(house.token(STRANGER))
    assert "images:read" in (await browser.get("/ui")).text
    file = house.state / "acl.toml"
    kept = file.read_text()
    file.write_text(kept.replace(f'"{STRANGER}"', '"user:else@example.com"'))
    house.service.app.refresh(force=True)
    page = (await browser.get("/ui")).text
    assert STRANGER in page
    assert "<dd>nothing: ask the operator for grants</dd>" in page
    assert "images:read" not in page
    file.write_text(kept)
    house.service.app.refresh(force=True)
    assert "images:read" in (await browser.get("/ui")).text


async def test_a_cookie_of_a_session_that_is_over_is_taken_away(
    house: House, browser: Browser
) -> None:
    for path in ("/ui", "/ui/sign-in"):
        browser.own[SESSION] = "A" * 43
        await browser.get(path)
        assert SESSION not in browser.own
    # Who fails to sign in again stays who they are.
    await browser.sign_in(house.token())
    held, form = browser.own.pop(SESSION), await browser.form()
    browser.own[SESSION] = held
    assert (await browser.post("/ui/sign-in", {**form, "token": "wrong"})).status_code == 403
    assert await signed_in(browser)


@pytest.mark.parametrize(
    "change",
    [
        ('sha256 = "', 'sha256 = "0'),
        (f'subject = "{OWNER}"', f'subject = "{STRANGER}"'),
        ('"design"', '"ops"'),
    ],
)
async def test_it_ends_when_its_token_becomes_anothers(
    house: House, browser: Browser, change: tuple[str, str]
) -> None:
    token = house.add("tok_mine", groups=("design",))
    await browser.sign_in(token)
    assert await signed_in(browser)
    file = house.state / "tokens.toml"
    before, name, after = file.read_text().partition("[tokens.tok_mine]")
    changed = after.replace(*change)
    if change[0].startswith("sha256"):
        changed = changed.replace(digest(token)[-1] + '"\nsubject', '"\nsubject')
    assert changed != after
    file.write_text(before + name + changed)
    house.service.app.refresh(force=True)
    assert not await signed_in(browser)


async def test_it_narrows_with_its_token(house: House, browser: Browser) -> None:
    token = house.add("tok_wide")
    await browser.sign_in(token)
    assert "admin:read" in (await browser.get("/ui")).text
    file = house.state / "tokens.toml"
    narrow = '[tokens.tok_wide]\nscopes = ["images:read"]\n'
    file.write_text(file.read_text().replace("[tokens.tok_wide]\n", narrow))
    house.service.app.refresh(force=True)
    page = (await browser.get("/ui")).text
    assert "images:read" in page
    assert "admin:read" not in page


async def test_a_cookie_of_another_deployment_is_nobodys(
    house: House, browser: Browser, tmp_path: Path
) -> None:
    settings, tokens = configured(tmp_path / "other", ACL)
    async with running(settings, tokens) as service, Browser(service.base) as other:
        form = await other.form()
        await other.sign_in(service.tokens[OWNER])
        browser.own.update(other.own)
    assert not await signed_in(browser)
    assert (await browser.post("/ui/sign-in", {**form, "token": house.token()})).status_code == 403


async def test_only_a_token_for_approving_alone_may_approve(house: House, browser: Browser) -> None:
    only = house.add("tok_only", scopes=("approve",))
    for scopes in (("approve", "images:read"), ("images:read",), None):
        other = house.add(f"tok_other{len(scopes or ())}", scopes=scopes)
        await browser.sign_in(other)
        assert "may not approve spending" in (await browser.get("/ui")).text
        browser.own.clear()
    await browser.sign_in(only)
    page = (await browser.get("/ui")).text
    assert "may approve spending" in page
    assert "<code>approve</code>" in page


async def test_a_token_for_approving_calls_nothing(house: House) -> None:
    only = house.add("tok_only", scopes=("approve",))
    headers = {"Authorization": f"Bearer {only}"}
    async with httpx.AsyncClient(base_url=house.base, headers=headers) as http:
        for method, path in (("POST", "/mcp"), ("GET", "/mcp"), ("DELETE", "/mcp")):
            answer = await http.request(method, path)
            assert answer.status_code == 403
            assert answer.json()["error"]["code"] == "forbidden"


async def test_every_failed_sign_in_reads_the_same(house: House, browser: Browser) -> None:
    gone = house.add("tok_gone")
    file = house.state / "tokens.toml"
    file.write_text(
        file.read_text().replace("[tokens.tok_gone]", "[tokens.tok_gone]\nexpires = 2001-01-01")
    )
    elsewhere = house.add("tok_far", cidrs=("192.0.2.0/24",))
    seen = set()
    for token in (gone, elsewhere, mint(secrets.token_bytes), "iw_x", "nothing", "", "é", "a.b.c"):
        browser.own.clear()
        answer = await browser.sign_in(token)
        seen.add((answer.status_code, re.sub(r'value="[^"]*"', "", answer.text)))
        assert SESSION not in browser.own
    assert len(seen) == 1
    assert next(iter(seen))[0] == 403


async def test_failures_are_limited_and_time_heals(house: House, browser: Browser) -> None:
    for _ in range(10):
        assert (await browser.sign_in("wrong" * 8)).status_code == 403
    limited = await browser.sign_in(house.token())
    assert limited.status_code == 429
    assert 0 < int(limited.headers["retry-after"]) <= 60
    assert SESSION not in browser.own
    await house.later(61)
    assert (await browser.sign_in(house.token())).status_code == 303


@pytest.mark.parametrize("host", ["images.internal", "images.internal:80"])
async def test_pages_are_for_loopback_where_there_is_no_public_address(
    tmp_path: Path, host: str
) -> None:
    settings, tokens = configured(tmp_path / "state", server__allowed_hosts=("images.internal",))
    async with running(settings, tokens) as service, Browser(service.base) as browser:
        for path in ("/ui", "/ui/sign-in", "/ui/sign-in/callback"):
            answer = await browser.get(path, Host=host)
            assert answer.status_code == 403
            assert "set-cookie" not in answer.headers
            assert "<form" not in answer.text


@pytest.mark.parametrize(
    "written", ["https://images.example.com", "https://Images.Example.com:443"]
)
async def test_the_public_address_is_one_with_tls(tmp_path: Path, written: str) -> None:
    base = "https://images.example.com"
    settings, tokens = configured(tmp_path / "state", public_url=written)
    async with running(settings, tokens) as service, Browser(service.base) as browser:
        there = {"Host": "images.example.com"}
        shown = await browser.get("/ui/sign-in", **there)
        assert f"form-action {base}" in shown.headers["content-security-policy"]
        fields = Page(shown.text).forms[0].fields | {"token": service.tokens[OWNER]}
        plain = {"Origin": "http://images.example.com", **there}
        assert (await browser.post("/ui/sign-in", fields, **plain)).status_code == 403
        good = await browser.post("/ui/sign-in", fields, Origin=base, **there)
        assert good.status_code == 303


_FORM = "application/x-www-form-urlencoded"
NO_FORMS = (
    (b"csrf=a&csrf=b", _FORM),
    (b"a=1&" * 100, _FORM),
    (b"csrf=\xff", _FORM),
    (b"token=%ff", _FORM),
    (b"token=" + b"a" * 70_000, _FORM),
    (b'{"csrf": "x"}', "application/json"),
    (b"csrf=x", "text/plain"),
)


async def test_what_is_no_form_is_refused(house: House) -> None:
    for body, kind in NO_FORMS:
        headers = {"Origin": house.base, "Content-Type": kind}
        async with httpx.AsyncClient(base_url=house.base, headers=headers) as http:
            answer = await http.post("/ui/sign-in", content=body)
        assert answer.status_code == 400


async def test_there_are_no_pages_where_everybody_is_local(tmp_path: Path) -> None:
    state = {"state": str(tmp_path / "state"), "providers.placeholder.kind": "placeholder"}
    bare = settings_of(state)
    async with running(bare, {}) as service, Browser(service.base) as browser:
        for path in ("/ui", "/ui/sign-in", "/ui/style.css"):
            assert (await browser.get(path)).status_code == 404


class Broken:
    """Sessions that fail as they are told to; nobody can be found in them."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def find(self, id: str) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (Unavailable("The database is away.", details={"retry_after": 7}), 503, "is away"),
        (RuntimeError("heliotrope"), 500, "Internal error (inc_"),
    ],
)
async def test_what_breaks_is_a_page_and_lets_nobody_in(
    tmp_path: Path, error: Exception, status: int, words: str
) -> None:
    settings, tokens = configured(tmp_path / "state", ACL)
    parts = replace(parts_of(settings), sessions=Broken(error))  # type: ignore[arg-type]  # broken
    async with running(settings, tokens, parts) as service, Browser(service.base) as browser:
        browser.own[SESSION] = "A" * 43
        for path in ("/ui", "/ui/sign-in"):
            answer = await browser.get(path)
            assert answer.status_code == status
            assert words in answer.text
            assert "heliotrope" not in answer.text
            assert answer.headers["content-type"].startswith("text/html")
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers.get("retry-after") == ("7" if status == 503 else None)


async def test_the_log_knows_no_token_no_secret_and_no_code(
    house: House, browser: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG", logger="imagewright"):
        await browser.sign_in(house.token())
        await browser.get("/ui")
        await browser.get("/ui/sign-in/callback?code=heliotrope&state=zeppelin")
        secret = browser.own[SESSION]
        await browser.post("/ui/sign-out", {"csrf": await csrf(browser)})
        await asyncio.sleep(0.2)
    told = str(
        [record.__dict__ for record in caplog.records if record.name.startswith("imagewright")]
    )
    assert "/ui" in told
    for word in (house.token(), secret, "heliotrope", "zeppelin"):
        assert word not in told
