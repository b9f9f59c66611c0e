"""People who sign in at a certified identity provider, and those who try to be somebody else."""

import dataclasses
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from imagewright.app.parts import parts_of
from imagewright.core.revocation import Target, Warrant, What
from imagewright.settings import Settings
from tests.end_to_end.browser import Browser, Page
from tests.end_to_end.pages import ATTEMPT, SESSION, Moved, later, signed_in
from tests.end_to_end.program import free_port
from tests.end_to_end.service import Service, configured, running
from tests.identity.visitors import CLIENT, SECRET, VisitedProvider

ALICE, MALLORY = "user:alice@example.com", "user:mallory@example.com"
ACL = f"""
[subjects]
"{ALICE}" = ["images:read", "spend", "approve"]
"{MALLORY}" = ["images:read"]

[groups.design]
scopes = ["images:write"]
"""
PEOPLE = {
    "alice": {
        "name": "Alice <b>Example</b>",
        "email": "alice@example.com",
        "email_verified": True,
        "groups": ["design"],
    },
    "mallory": {"name": "M", "email": "mallory@example.com", "email_verified": True},
    "liar": {"name": "L", "email": "alice@example.com", "email_verified": False},
}


@dataclasses.dataclass(kw_only=True)
class Stage:
    identity: VisitedProvider
    service: Service
    clock: Moved

    async def later(self, seconds: float) -> None:
        """Let time pass."""
        await later(self.service, self.clock, seconds)

    def browser(self) -> Browser:
        return Browser(self.service.base)


@pytest.fixture
def identity() -> Iterator[VisitedProvider]:
    with VisitedProvider(base=f"http://127.0.0.1:{free_port()}", people=PEOPLE) as found:
        yield found


def trusting(state: Path, identity: VisitedProvider, **more: object) -> Settings:
    """Settings by which people sign in there."""
    section: dict[str, object] = {
        "issuer": identity.issuer,
        "subject": "user:{email}",
        "groups_claim": "groups",
        **{key: more.pop(key) for key in ("conditions", "required_scopes") if key in more},
    }
    secret = {"sign_in__client_secret": identity.secret} if identity.secret else {}
    wanted: dict[str, Any] = {
        "public_url": identity.base,
        "auth__issuers": {"corp": section},
        "sign_in__issuer": "corp",
        "sign_in__client_id": CLIENT,
        "sign_in__scopes": ("openid", "profile", "email", "groups"),
        **secret,
        **more,
    }
    settings, _ = configured(state, ACL, **wanted)
    return settings


@asynccontextmanager
async def staged(state: Path, identity: VisitedProvider, **more: object) -> AsyncIterator[Stage]:
    settings = trusting(state, identity, **more)
    parts = parts_of(settings)
    clock = Moved(parts.world)
    parts = dataclasses.replace(parts, world=dataclasses.replace(parts.world, clock=clock))
    port = urlsplit(identity.base).port or 0
    async with running(settings, {}, parts, port) as service:
        yield Stage(identity=identity, service=service, clock=clock)


@pytest.fixture
async def stage(tmp_path: Path, identity: VisitedProvider) -> AsyncIterator[Stage]:
    async with staged(tmp_path / "state", identity) as found:
        yield found


@pytest.fixture
async def browser(stage: Stage) -> AsyncIterator[Browser]:
    async with stage.browser() as found:
        yield found


async def through(browser: Browser, name: str = "alice", path: str = "/ui") -> str:
    """The address that the provider sends a browser back to."""
    return await browser.at_provider(await browser.begin(path), name)


async def test_a_person_signs_in_and_out_again(stage: Stage, browser: Browser) -> None:
    answer = await browser.get(await through(browser, path="/ui?from=mail"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/ui?from=mail")
    assert ATTEMPT not in browser.own
    page = (await browser.get("/ui")).text
    for word in (ALICE, "design", "images:write", "the identity provider", "may approve spending"):
        assert word in page
    assert "Alice &lt;b&gt;Example&lt;/b&gt;" in page
    stolen = browser.own[SESSION]
    fields = Page(page).forms[0].fields
    left = await browser.post("/ui/sign-out", fields)
    assert Page(left.text).refresh.startswith(f"{stage.identity.issuer}/session/end?")
    assert SESSION not in browser.own
    there = await browser.get(Page(left.text).refresh)
    (form, *_) = Page(there.text).forms
    ended = await browser.post(form.action, {**form.fields, "logout": "yes"})
    assert (await browser.follow(ended)).url.path == "/ui/sign-in"
    browser.own[SESSION] = stolen
    assert not await signed_in(browser)


async def test_signing_in_and_out_is_in_the_audit(stage: Stage, browser: Browser) -> None:
    await browser.get(await through(browser), **{"User-Agent": "Firefox/140"})
    fields = Page((await browser.get("/ui")).text).forms[0].fields
    await browser.post("/ui/sign-out", fields)
    lines = await stage.service.app.parts.audit.newest(10)
    found = [each for each in lines if each.subject == ALICE]
    assert [(each.action, each.outcome) for each in found] == [
        ("sign_in", "allowed"),
        ("sign_out", "ended"),
    ]
    assert {(each.reason, each.address) for each in found} == {("provider", "127.0.0.1")}
    assert found[0].client == "Firefox/140"
    assert all(each.credential.startswith("oidc:corp:") for each in found)


async def test_a_person_who_was_revoked_is_not_signed_in(stage: Stage, browser: Browser) -> None:
    back = await through(browser)
    warrant = Warrant(by="root", reason="left", at=stage.clock.now())
    target = Target(what=What.SUBJECT, key=ALICE)
    await stage.service.app.parts.revocations.revoke(target, warrant)
    await stage.service.app.services.standing.refresh()
    assert (await browser.get(back)).status_code == 403
    assert SESSION not in browser.own
    assert not await signed_in(browser)


async def test_a_public_client_does_without_a_secret(tmp_path: Path) -> None:
    base = f"http://127.0.0.1:{free_port()}"
    with VisitedProvider(base=base, people=PEOPLE, secret=None) as identity:
        async with staged(tmp_path / "state", identity) as stage, stage.browser() as browser:
            await browser.get(await through(browser))
            assert await signed_in(browser)


async def test_the_request_is_bound_in_every_way(stage: Stage, browser: Browser) -> None:
    first, second = await browser.begin(), await browser.begin()
    asked, again = (parse_qs(urlsplit(each).query) for each in (first, second))
    assert asked["response_type"] == ["code"]
    assert asked["code_challenge_method"] == ["S256"]
    assert asked["redirect_uri"] == [f"{stage.service.base}/ui/sign-in/callback"]
    for name in ("state", "nonce", "code_challenge"):
        assert len(asked[name][0]) == 43
        assert asked[name] != again[name]
    for secret in (SECRET, browser.own[ATTEMPT]):
        assert secret not in first + second


async def test_an_answer_is_taken_once(stage: Stage, browser: Browser) -> None:
    address = await browser.begin()
    held = browser.own[ATTEMPT]
    back = await browser.at_provider(address, "alice")
    assert (await browser.get(back)).status_code == 303
    browser.own.clear()
    assert (await browser.get(back)).status_code == 403
    # Whoever kept the cookie too has a code that the provider has had.
    browser.own[ATTEMPT] = held
    assert (await browser.get(back)).status_code == 403
    assert not await signed_in(browser)


async def test_the_answer_of_another_browser_signs_nobody_in(
    stage: Stage, browser: Browser
) -> None:
    async with stage.browser() as thief:
        back = await through(thief, "mallory")
    assert (await browser.get(back)).status_code == 403
    await browser.begin()
    assert (await browser.get(back)).status_code == 403
    assert not await signed_in(browser)


async def test_a_code_of_another_browser_is_no_good_with_ones_own_state(
    stage: Stage, browser: Browser
) -> None:
    async with stage.browser() as victim:
        stolen = parse_qs(urlsplit(await through(victim)).query)["code"][0]
    state = parse_qs(urlsplit(await browser.begin()).query)["state"][0]
    answer = await browser.get(
        f"/ui/sign-in/callback?code={stolen}&state={state}&iss={stage.identity.issuer}"
    )
    assert answer.status_code == 403
    assert not await signed_in(browser)


CHANGES = (
    ("iss=", "iss=https://evil.example/"),
    ("iss=", "other="),
    ("state=", "state=x"),
    ("state=", "state=a&state="),
    ("code=", "code=x"),
    ("code=", "error=access_denied&nothing="),
    ("code=", "code=a&code="),
)


async def test_a_changed_answer_signs_nobody_in(stage: Stage, browser: Browser) -> None:
    for change in CHANGES:
        back = await through(browser)
        answer = await browser.get(back.replace(*change))
        assert answer.status_code == 403
        assert ATTEMPT not in browser.own
        assert "evil" not in answer.text
        assert not await signed_in(browser)


async def test_a_sign_in_takes_minutes_and_no_longer(stage: Stage, browser: Browser) -> None:
    back = await through(browser)
    await stage.later(901)
    assert (await browser.get(back)).status_code == 403


async def test_an_attempt_is_no_session_and_a_session_no_attempt(
    stage: Stage, browser: Browser
) -> None:
    await browser.begin()
    browser.own[SESSION] = browser.own[ATTEMPT]
    assert not await signed_in(browser)


async def test_an_address_that_is_not_verified_is_nobodys(stage: Stage, browser: Browser) -> None:
    assert (await browser.get(await through(browser, "liar"))).status_code == 403
    assert not await signed_in(browser)


async def test_the_issuers_conditions_hold_here_too(
    tmp_path: Path, identity: VisitedProvider
) -> None:
    wanted = {"conditions": {"groups": "design"}}
    async with staged(tmp_path / "state", identity, **wanted) as stage:
        async with stage.browser() as browser:
            assert (await browser.get(await through(browser, "mallory"))).status_code == 403
        async with stage.browser() as browser:
            assert (await browser.get(await through(browser))).status_code == 303


async def test_a_scope_that_every_token_needs_is_asked_for_and_needed(
    tmp_path: Path, identity: VisitedProvider
) -> None:
    async with (
        staged(tmp_path / "state", identity, required_scopes="groups") as stage,
        stage.browser() as browser,
    ):
        assert (await browser.get(await through(browser))).status_code == 303
    # The provider grants what it knows and passes over the rest.
    async with (
        staged(tmp_path / "other", identity, required_scopes="staff") as stage,
        stage.browser() as browser,
    ):
        assert (await browser.get(await through(browser))).status_code == 403


async def test_it_ends_by_our_clock_and_not_by_the_id_tokens(
    stage: Stage, browser: Browser
) -> None:
    await browser.get(await through(browser))
    for _ in range(16):
        await stage.later(1790)
        assert await signed_in(browser)
    await stage.later(28_801 - stage.clock.ahead)
    assert not await signed_in(browser)


async def test_an_outage_signs_nobody_in_and_nobody_out(stage: Stage, browser: Browser) -> None:
    await browser.get(await through(browser))
    async with stage.browser() as other:
        back = await through(other)
        stage.identity.stop()
        answer = await other.get(back)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert not await signed_in(other)
    assert await signed_in(browser)
    fields = Page((await browser.get("/ui")).text).forms[0].fields
    await browser.post("/ui/sign-out", fields)
    assert not await signed_in(browser)


async def test_a_provider_that_was_away_at_the_start_is_asked_again(
    tmp_path: Path, identity: VisitedProvider
) -> None:
    identity.stop()
    async with staged(tmp_path / "state", identity) as stage, stage.browser() as browser:
        fields = {**await browser.form(), "with": "provider"}
        assert (await browser.post("/ui/sign-in", fields)).status_code == 503
        assert (await browser.sign_in("x")).status_code == 403


async def test_tokens_may_be_left_out(tmp_path: Path, identity: VisitedProvider) -> None:
    async with (
        staged(tmp_path / "state", identity, sign_in__tokens=False) as stage,
        stage.browser() as browser,
    ):
        page = (await browser.get("/ui/sign-in")).text
        assert "token" not in page.lower()
        fields = {**Page(page).forms[0].fields, "token": "t" * 40}
        assert (await browser.post("/ui/sign-in", fields)).status_code == 403


async def test_at_another_address_one_is_told_where_to_go(stage: Stage, browser: Browser) -> None:
    there = stage.service.base.replace("127.0.0.1", "localhost")
    page = (await browser.get(f"{there}/ui/sign-in")).text
    assert f'href="{stage.service.base}/ui/sign-in"' in page
    assert 'value="provider"' not in page
