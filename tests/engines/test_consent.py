"""The question whether a program may act, in a real browser, from the program and back to it."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route

from tests.end_to_end.program import free_port
from tests.end_to_end.proxies import proxied
from tests.end_to_end.registrant import Registrant
from tests.end_to_end.service import running
from tests.engines.chromium.browser import Chromium
from tests.engines.chromium.looks import drive, looked_at, own_errors
from tests.fakes.loopback import Loopback
from tests.identity.people import People
from tests.identity.provider import signing_key

pytestmark = [pytest.mark.engines, pytest.mark.timeout(600)]

CONSENT = "__Host-imagewright-consent"
AGREE, REFUSE = "button[value=yes]", "button[value=no]"
FORGED = """<!doctype html><title>evil</title><form method="post" action="{base}/authorize/consent">
<input name="id" value="{id}"><input name="token" value="{token}">
<button name="answer" value="yes">go</button></form>"""


class Listener:
    """The program's own address on this machine, and what it was told there."""

    def __init__(self) -> None:
        self.told: list[dict[str, str]] = []
        self.evil = ""
        self.app = Starlette(
            routes=[Route("/callback", self._callback), Route("/evil", self._evil)]
        )

    async def _callback(self, request: Request) -> HTMLResponse:
        self.told.append(dict(request.query_params))
        return HTMLResponse("<!doctype html><p id=done>You can go back to the program.</p>")

    async def _evil(self, request: Request) -> HTMLResponse:
        return HTMLResponse(self.evil)


@pytest.fixture
def listener() -> Iterator[tuple[Listener, str]]:
    found = Listener()
    with Loopback(found.app) as server:
        yield found, f"http://127.0.0.1:{server.port}/callback"


@pytest.fixture(params=["127.0.0.1", "localhost"])
def host(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def program(
    tmp_path: Path, host: str, listener: tuple[Listener, str]
) -> AsyncIterator[Registrant]:
    """A program that has registered with a service at loopback's either name."""
    port = free_port()
    base = f"http://{host}:{port}"
    with People(keys=[signing_key("only")], redirect=f"{base}/authorize/callback") as people:
        settings = proxied(tmp_path / "state", people, port, public_url=base, name="Our pictures")
        async with running(settings, {}, port=port), httpx.AsyncClient(base_url=base) as http:
            found = Registrant(http=http, base=base)
            answer = await found.register(redirect_uris=[listener[1]])
            assert answer.status_code == 201
            yield found


def ask(browser: Chromium, program: Registrant, back: str) -> None:
    browser.open(program.address(redirect_uri=back))
    browser.wait_for(AGREE)


async def test_a_person_agrees_signs_in_and_the_program_is_told(
    chromium: Chromium, program: Registrant, listener: tuple[Listener, str]
) -> None:
    found, back = listener

    def act() -> None:
        chromium.without_scripts()
        ask(chromium, program, back)
        for word in ("Our pictures", "Painter", "Nobody has checked", back, "images:write"):
            assert word in chromium.text
        assert chromium.role(AGREE) == ("button", "Agree")
        assert chromium.role(REFUSE) == ("button", "Refuse")
        cookie = chromium.cookies()[CONSENT]
        kept = {name: cookie.get(name) for name in ("secure", "httpOnly", "sameSite", "path")}
        assert kept == {"secure": True, "httpOnly": True, "sameSite": "Lax", "path": "/"}
        assert not own_errors(chromium, program.base)
        chromium.click(AGREE)
        chromium.wait_for("input[name=login]")
        chromium.fill("input[name=login]", "alice")
        chromium.fill("input[name=password]", "any")
        chromium.click("button[type=submit]")
        chromium.wait_for("input[value=consent]")
        chromium.click("button[type=submit]")
        chromium.wait_for("#done")
        assert not own_errors(chromium, program.base)

    await drive(act)
    (told,) = found.told
    assert (told["state"], told["iss"]) == ("their-state", program.base)
    assert (await program.exchange(told["code"], redirect_uri=back)).status_code == 200
    assert (await program.asked()).status_code < 401


async def test_whoever_refuses_is_taken_back_and_not_to_the_provider(
    chromium: Chromium, program: Registrant, listener: tuple[Listener, str]
) -> None:
    found, back = listener

    def act() -> None:
        ask(chromium, program, back)
        chromium.click(REFUSE)
        chromium.wait_for("#done")
        assert not own_errors(chromium, program.base)

    await drive(act)
    (told,) = found.told
    assert (told["error"], told["state"]) == ("access_denied", "their-state")


async def test_another_page_cannot_agree_or_hold_the_question_in_a_frame(
    chromium: Chromium, program: Registrant, listener: tuple[Listener, str], tmp_path: Path
) -> None:
    found, back = listener
    evil = tmp_path / "evil.html"

    def act() -> None:
        ask(chromium, program, back)
        given = "return document.querySelector('input[name={}]').value"
        values = {name: chromium.run(given.format(name)) for name in ("id", "token")}
        found.evil = FORGED.format(base=program.base, **values)
        evil.write_text(found.evil)
        # The second is of the same site where the hosts are the same: the cookie goes along.
        for place in (f"file://{evil}", back.replace("/callback", "/evil")):
            chromium.open(place)
            chromium.click("button")
            chromium.until(f"{program.base}/authorize/consent")
            assert "Going to" not in chromium.title
            assert any("403" in each for each in chromium.errors())
        address = program.address(redirect_uri=back).replace("&", "&amp;")
        evil.write_text(f'<!doctype html><iframe src="{address}"></iframe>')
        chromium.open(f"file://{evil}")
        chromium.wait_for("iframe")
        assert any("frame-ancestors" in each for each in chromium.errors())

    await drive(act)
    assert found.told == []


@pytest.mark.parametrize("host", ["127.0.0.1"], indirect=True)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 900])
async def test_the_question_can_be_read(
    chromium: Chromium,
    program: Registrant,
    listener: tuple[Listener, str],
    tmp_path: Path,
    scheme: str,
    width: int,
) -> None:
    def act() -> None:
        chromium.emulate(scheme, width)
        ask(chromium, program, listener[1])
        looked_at(chromium, tmp_path / "consent.png")
        chromium.open(program.address(redirect_uri="http://localhost/other"))
        chromium.wait_for("h1")
        assert "This did not work" in chromium.text
        assert "begin again in the program" in chromium.text
        chromium.picture(tmp_path / "trouble.png")

    await drive(act)
