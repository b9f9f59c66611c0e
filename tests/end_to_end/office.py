"""A service whose spending people approve: its vendor, its webhook's receiver, and browsers."""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
from fastmcp import Client

from imagewright.adapters.auth.token_writer import NewToken, add
from imagewright.app.parts import parts_of
from imagewright.core.audit import Entry
from imagewright.core.token import mint
from tests.adapters.notices.receiver import SECRET, Receiver
from tests.end_to_end.browser import Browser, Page
from tests.end_to_end.money import Answer, ask, code, generate, with_vendor
from tests.end_to_end.pages import Moved
from tests.end_to_end.program import free_port
from tests.end_to_end.service import Mode, Service, configured, digest, running
from tests.fakes.openai_images import FakeOpenAI

ALICE, BOB, BOT = "user:alice@example.com", "user:bob@example.com", "service:ci-bot"
CAST = (ALICE, BOB, BOT)
APPROVES = "alice's token that approves alone"
ACL = f"""
[subjects]
"{ALICE}" = ["images:read", "images:write", "spend", "approve"]
"{BOB}" = ["images:read", "images:write", "spend", "approve"]
"{BOT}" = ["images:read", "images:write", "spend"]
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """The service and all around it; the clock of the service can be moved."""

    service: Service
    vendor: FakeOpenAI
    receiver: Receiver
    clock: Moved

    def client(self, who: str = ALICE, mode: Mode = "auto", **more: Any) -> Client[Any]:
        return self.service.client(who, mode, **more)

    def browser(self) -> Browser:
        return Browser(self.service.base)

    async def signed_in(self, browser: Browser, who: str = APPROVES) -> Browser:
        answer = await browser.sign_in(self.service.tokens[who])
        assert answer.status_code == 303
        return browser

    async def asked(self, arguments: Answer, who: str = ALICE) -> Answer:
        """The details of the question that an ask is answered with."""
        async with self.client(who) as client:
            refused = await generate(client, arguments)
        assert code(refused) == "confirmation_required", refused
        found: Answer = refused["error"]["details"]
        return found

    async def bought(self, arguments: Answer, who: str = ALICE) -> Answer:
        async with self.client(who) as client:
            made = await generate(client, arguments)
        assert code(made) is None, made
        return made

    async def linked(self, arguments: Answer | None = None) -> str:
        """The link of the notice about an ask of the bot's, which can ask nobody."""
        before = len(self.receiver.got)
        await self.asked(arguments or ask(), BOT)
        body = (await self.receiver.until(before + 1))[-1].body
        return str(httpx.Response(200, content=body).json()["data"]["link"])

    async def lines(self, *actions: str) -> list[Entry]:
        """The audit's lines of these actions."""
        await self.service.app.services.witness.flush()
        found = await self.service.app.parts.audit.newest(200)
        return [each for each in found if each.action in actions]


def answer_form(page: httpx.Response) -> dict[str, str]:
    """The hidden fields of a page's form, and a yes."""
    (form,) = Page(page.text).forms
    return {**form.fields, "answer": "yes"}


async def approve(browser: Browser, path: str, answer: str = "yes") -> httpx.Response:
    """What a person does: look at the page, and press a button."""
    page = await browser.get(path)
    assert page.status_code == 200, page.text
    return await browser.post(path, {**answer_form(page), "answer": answer})


@asynccontextmanager
async def office(state: Path, port: int | None = None, **explicit: object) -> AsyncIterator[Office]:
    """Serve, with a person's consent alone taken unless it is said otherwise."""
    port = port or free_port()
    with FakeOpenAI() as vendor, Receiver() as receiver:
        wanted: dict[str, object] = {
            "public_url": f"http://127.0.0.1:{port}",
            "consent": "human",
            "webhook__url": receiver.url,
            "webhook__secret": SECRET,
            "limits__wait": 5,
            "limits__waiting": 50,
        }
        settings, tokens = configured(state, ACL, CAST, **with_vendor(vendor, **wanted | explicit))
        tokens[APPROVES] = mint(secrets.token_bytes)
        only = NewToken(
            id="tok_only", sha256=digest(tokens[APPROVES]), subject=ALICE, scopes=("approve",)
        )
        add(state / "tokens.toml", only)
        parts = parts_of(settings)
        clock = Moved(parts.world)
        moved = replace(parts, world=replace(parts.world, clock=clock))
        async with running(settings, tokens, moved, port) as service:
            yield Office(service=service, vendor=vendor, receiver=receiver, clock=clock)
