"""A service that opens no connection itself: all it asks of others goes by the egress proxy."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client
from fastmcp.client.auth import BearerAuth

from imagewright.core.notice import Event, Notice
from imagewright.settings import Settings
from tests.adapters.notices.receiver import SECRET, Receiver
from tests.contracts.samples import NOON
from tests.end_to_end.money import code
from tests.end_to_end.program import Program, as_toml, free_port, program
from tests.end_to_end.service import Service, running, settings_of, wanted
from tests.fakes.openai_images import KEY, FakeOpenAI
from tests.identity.provider import CLIENT, IdentityProvider, signing_key

SUBJECT = f"user:idp/{CLIENT}"
ACL = f"""
[subjects."{SUBJECT}"]
scopes = ["images:read", "images:write"]
"""
ASK = {"prompt": "a very private bicycle", "provider": "paint", "size": "1024x1024", "wait": 30}
_seen: list[tuple[str, object]] = []
_watching = False


def _note(event: str, arguments: tuple[object, ...]) -> None:
    if _watching and event in {"socket.connect", "socket.getaddrinfo"}:
        _seen.append((event, arguments[1] if event == "socket.connect" else arguments[0]))


sys.addaudithook(_note)


@contextmanager
def watched() -> Iterator[list[tuple[str, object]]]:
    """What this process connects to and asks the addresses of, the service's client included."""
    global _watching  # noqa: PLW0603 - a hook can only be added, never taken away
    _seen.clear()
    _watching = True
    try:
        yield _seen
    finally:
        _watching = False


@dataclass(kw_only=True)
class Site:
    """Everything that the service speaks to, each in a place of its own."""

    directory: Path
    file: Path
    settings: Settings
    vendor: FakeOpenAI
    identity: IdentityProvider
    receiver: Receiver

    @asynccontextmanager
    async def proxied(self, name: str) -> AsyncIterator[Program]:
        """The proxy, as a process of its own that answers."""
        log = self.directory / name
        async with program(log, "egress", "--config", str(self.file)) as started:
            await until(lambda: "serving" in started.log)
            yield started

    @property
    def ports(self) -> set[int]:
        """Those of others than the service."""
        bases = (self.vendor.origin, self.identity.issuer, self.receiver.url)
        return {int(each.split(":")[2].partition("/")[0]) for each in bases}

    def client(self, service: Service) -> Client[Any]:
        token = self.identity.token(service.url, "images:read images:write")
        return Client(service.url, auth=BearerAuth(token))


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    directory = tmp_path_factory.mktemp("e")
    keys = [signing_key("first")]
    with FakeOpenAI() as vendor, Receiver() as receiver, IdentityProvider(keys=keys) as identity:
        port = free_port()
        explicit: dict[str, object] = {
            "providers__paint": {
                "kind": "openai_compatible",
                "base_url": vendor.base_url,
                "api_key": KEY,
                "charges": False,
                "retries": 0,
                "models": ["gpt-image-1"],
                "prices": {"gpt-image-1": {"per": "image", "prices": {"*": "0"}}},
            },
            "public_url": f"http://127.0.0.1:{port}",
            "server__port": port,
            "auth__issuers": {"idp": {"issuer": identity.issuer}},
            "egress__socket": str(directory / "proxy"),
            "webhook__url": receiver.url,
            "webhook__secret": SECRET,
        }
        state = directory / "state"
        state.mkdir(mode=0o700)
        (state / "acl.toml").write_text(ACL)
        found = wanted(state, **explicit)
        del found["auth.tokens_path"]
        file = directory / "imagewright.toml"
        file.write_text(as_toml(found))
        file.chmod(0o600)
        yield Site(
            directory=directory,
            file=file,
            settings=settings_of(found),
            vendor=vendor,
            identity=identity,
            receiver=receiver,
        )


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110 - it is a process of its own
            await asyncio.sleep(0.02)


def said(started: Program, word: str) -> bool:
    return word in started.log


def tunnels(log: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == "tunnel"]


async def test_a_call_with_an_issuers_token_makes_an_image_by_the_proxy_alone(site: Site) -> None:
    async with site.proxied("log") as proxy:
        port = site.settings.server.port
        async with running(site.settings, {}, port=port) as service:
            client = site.client(service)
            with watched() as seen:
                async with client:
                    made = await client.call_tool("generate_image", ASK)
                service.app.parts.notices.send(Notice(event=Event.OUTCOME_UNKNOWN, at=NOON))
                await site.receiver.until(1)
        assert made.structured_content is not None
        assert made.structured_content["state"] == "succeeded"
        assert len(site.vendor.orders) == 1
        await until(lambda: {each["port"] for each in tunnels(proxy.log)} == site.ports)
    outward = {address for event, address in seen if event == "socket.connect"}
    assert outward == {str(site.settings.egress.socket), ("127.0.0.1", port)}
    assert {each["outcome"] for each in tunnels(proxy.log)} == {"closed"}


async def test_without_the_proxy_a_provider_is_refused_in_plain_words(site: Site) -> None:
    async with running(site.settings, {}, port=site.settings.server.port) as service:
        async with site.proxied("first") as proxy, site.client(service) as client:
            proxy.tell(signal.SIGTERM)
            assert await proxy.ended() == 0
            refused = await client.call_tool("generate_image", ASK, raise_on_error=False)
        assert refused.structured_content is not None
        assert code(refused.structured_content) == "provider_unavailable"
        assert site.vendor.orders == []
        async with site.proxied("second"), site.client(service) as client:
            made = await client.call_tool("generate_image", ASK)
            assert made.structured_content is not None
            assert made.structured_content["state"] == "succeeded"


async def test_a_host_is_let_through_when_the_settings_are_read_again(site: Site) -> None:
    text = site.file.read_text()
    site.file.write_text(text.replace(site.vendor.base_url, "http://127.0.0.1:1/v1"))
    async with (
        site.proxied("log") as proxy,
        running(site.settings, {}, port=site.settings.server.port) as service,
        site.client(service) as client,
    ):
        refused = await client.call_tool("generate_image", ASK, raise_on_error=False)
        assert refused.structured_content is not None
        assert code(refused.structured_content) == "provider_unavailable"
        for broken, word in ((f"{text}\nnonsense = 1\n", "configuration"), (text, "taken up")):
            site.file.write_text(broken)
            proxy.tell(signal.SIGHUP)
            await until(partial(said, proxy, word))
        made = await client.call_tool("generate_image", ASK)
        assert made.structured_content is not None
        assert made.structured_content["state"] == "succeeded"


async def test_the_proxys_log_holds_no_prompt_key_or_token(site: Site) -> None:
    async with site.proxied("log") as proxy:
        async with (
            running(site.settings, {}, port=site.settings.server.port) as service,
            site.client(service) as client,
        ):
            await client.call_tool("generate_image", ASK)
        await until(lambda: len(tunnels(proxy.log)) > 1)
    for secret in ("bicycle", KEY, "eyJ", "Bearer", SECRET):
        assert secret not in proxy.log
