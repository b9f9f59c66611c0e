"""The pages in a real browser, which holds them to their cookies, origins and policy."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from imagewright.app.parts import parts_of
from tests.end_to_end.pages import SESSION
from tests.end_to_end.program import free_port
from tests.end_to_end.service import OWNER, Service, configured, running
from tests.engines.chromium.browser import Chromium
from tests.engines.chromium.looks import drive, looked_at, own_errors
from tests.identity.visitors import CLIENT, SECRET, VisitedProvider

pytestmark = [pytest.mark.engines, pytest.mark.timeout(600)]

ALICE = "user:alice@example.com"
ACL = f"""
[subjects]
"{OWNER}" = ["*"]
"{ALICE}" = ["images:read", "images:write", "spend", "approve"]
"""
PEOPLE = {
    "alice": {
        "name": "Alice Example",
        "email": "alice@example.com",
        "email_verified": True,
        "groups": ["design"],
    }
}
PROVIDER, TOKEN, BUTTON = 'button[value="provider"]', "#token", "form:last-of-type button"
FORGED = """<!doctype html><title>evil</title>
<form method="post" action="{base}/ui/{path}"><input name="csrf" value="{csrf}">
<input name="token" value="{token}"><button>go</button></form>"""
_LIGHT, _DARK = "light", "dark"


@pytest.fixture(params=["127.0.0.1", "localhost"])
def host(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def service(tmp_path: Path, host: str) -> AsyncIterator[Service]:
    """One whose address is loopback's, by either name, and which people sign in to."""
    port = free_port()
    base = f"http://{host}:{port}"
    with VisitedProvider(base=base, people=PEOPLE) as identity:
        section = {
            "issuer": identity.issuer,
            "subject": "user:{email}",
            "groups_claim": "groups",
        }
        settings, tokens = configured(
            tmp_path / "state",
            ACL,
            public_url=base,
            auth__issuers={"corp": section},
            sign_in__issuer="corp",
            sign_in__title="Example Corp",
            sign_in__client_id=CLIENT,
            sign_in__client_secret=SECRET,
            sign_in__scopes=("openid", "profile", "email", "groups"),
        )
        async with running(settings, tokens, parts_of(settings), port) as found:
            yield Service(app=found.app, base=base, tokens=tokens)


def with_token(browser: Chromium, service: Service, token: str) -> None:
    browser.open(f"{service.base}/ui/sign-in")
    browser.fill(TOKEN, token)
    browser.click(BUTTON)


async def test_a_person_signs_in_through_the_provider_and_out(
    chromium: Chromium, service: Service
) -> None:
    def act() -> None:
        chromium.open(f"{service.base}/ui")
        chromium.until(f"{service.base}/ui/sign-in?next=/ui")
        chromium.click(PROVIDER)
        chromium.wait_for("input[name=login]")
        chromium.fill("input[name=login]", "alice")
        chromium.fill("input[name=password]", "any")
        chromium.click("button[type=submit]")
        chromium.wait_for("input[value=consent]")
        chromium.click("button[type=submit]")
        chromium.until(f"{service.base}/ui")
        for word in ("Alice Example", ALICE, "design", "may approve spending"):
            assert word in chromium.text
        cookie = chromium.cookies()[SESSION]
        kept = {name: cookie.get(name) for name in ("secure", "httpOnly", "sameSite", "path")}
        assert kept == {"secure": True, "httpOnly": True, "sameSite": "Lax", "path": "/"}
        assert "expiry" not in cookie
        assert not own_errors(chromium, service.base)
        chromium.click("form button")
        chromium.wait_for("button[value=yes]")
        assert "/session/end" in chromium.address
        chromium.click("button[value=yes]")
        chromium.until(f"{service.base}/ui/sign-in")
        chromium.add_cookie({name: cookie[name] for name in cookie if name != "domain"})
        chromium.open(f"{service.base}/ui")
        chromium.until(f"{service.base}/ui/sign-in")

    await drive(act)


async def test_a_token_signs_in_without_scripts_and_by_keys_alone(
    chromium: Chromium, service: Service
) -> None:
    def act() -> None:
        chromium.without_scripts()
        chromium.open(f"{service.base}/ui")
        assert chromium.role(TOKEN) == ("textbox", "Token")
        assert chromium.role(BUTTON) == ("button", "Sign in with the token")
        assert chromium.role(PROVIDER) == ("button", "Sign in with Example Corp")
        with_token(chromium, service, "wrong" * 8)
        chromium.wait_for('[role="alert"]')
        assert "This token does not sign you in." in chromium.text
        assert chromium.focused("id") == "token"
        chromium.type(f"{service.tokens[OWNER]}\ue007")
        chromium.wait_for("dl")
        assert chromium.address == f"{service.base}/ui"
        assert "may not approve spending" in chromium.text
        assert not own_errors(chromium, service.base)

    await drive(act)


async def test_another_page_cannot_act_for_whoever_is_signed_in(
    chromium: Chromium, service: Service, tmp_path: Path
) -> None:
    values = {"base": service.base, "token": service.tokens[OWNER], "csrf": "x"}
    evil = tmp_path / "evil.html"

    def act() -> None:
        with_token(chromium, service, service.tokens[OWNER])
        chromium.wait_for("dl")
        before = chromium.cookies()[SESSION]["value"]
        for path in ("sign-out", "sign-in"):
            evil.write_text(FORGED.format(path=path, **values))
            chromium.open(f"file://{evil}")
            chromium.click("button")
            chromium.until(f"{service.base}/ui/{path}")
            assert "Sign out" not in chromium.text
        chromium.open(f"{service.base}/ui")
        assert chromium.cookies()[SESSION]["value"] == before
        # A link from elsewhere finds the session that it leads to.
        evil.write_text(f'<!doctype html><a href="{service.base}/ui">go</a>')
        chromium.open(f"file://{evil}")
        chromium.click("a")
        chromium.until(f"{service.base}/ui")
        chromium.wait_for("dl")
        evil.write_text(f'<!doctype html><iframe src="{service.base}/ui"></iframe>')
        chromium.open(f"file://{evil}")
        chromium.wait_for("iframe")
        assert any("frame-ancestors" in each for each in chromium.errors())

    await drive(act)


@pytest.mark.parametrize("host", ["127.0.0.1"], indirect=True)
@pytest.mark.parametrize("scheme", [_LIGHT, _DARK])
@pytest.mark.parametrize("width", [320, 900])
async def test_the_pages_can_be_read(
    chromium: Chromium, service: Service, tmp_path: Path, scheme: str, width: int
) -> None:
    def act() -> None:
        chromium.emulate(scheme, width)
        with_token(chromium, service, "wrong" * 8)
        chromium.wait_for('[role="alert"]')
        looked_at(chromium, tmp_path / "sign-in.png")
        with_token(chromium, service, service.tokens[OWNER])
        chromium.wait_for("dl")
        looked_at(chromium, tmp_path / "home.png")

    await drive(act)
