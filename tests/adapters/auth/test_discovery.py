"""What an issuer may answer on a real socket, and what counts as none."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from imagewright.adapters.auth.discovery import NotPublished, Publications
from tests.adapters.auth.tokens_by_hand import AUDIENCE, Json, config, public
from tests.fakes.loopback import Loopback

OPENID = "/.well-known/openid-configuration"
OAUTH = "/.well-known/oauth-authorization-server"
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


@dataclass
class Site:
    """Answers by path: a status, headers and a body; `asked` has every path in order."""

    base: str = ""
    pages: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def put(self, path: str, body: object, status: int = 200, **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.pages[path] = (status, headers, data)

    def discovery(self, **more: object) -> Json:
        return {"issuer": self.base, "jwks_uri": f"{self.base}/keys", **more}

    async def __call__(self, scope: Any, receive: Any, send: Send) -> None:
        path = scope["path"]
        self.asked.append(path)
        status, headers, body = self.pages.get(path, (404, {}, b"{}"))
        if status == 0:
            await asyncio.sleep(30)
        named = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": status, "headers": named})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
def site() -> Iterator[Site]:
    found = Site()
    with Loopback(found) as server:
        found.base = f"http://{server.host}"
        found.put(OPENID, found.discovery())
        found.put("/keys", {"keys": [public("k1"), "no key"]})
        yield found


async def keys(site: Site, path: str = "", **more: Any) -> list[Json]:
    source = Publications(config(issuer=f"{site.base}{path}", audience=(AUDIENCE,), **more))
    try:
        return await source.keys()
    finally:
        await source.close()


async def fails(site: Site, sentence: str, **more: Any) -> None:
    with pytest.raises(NotPublished, match=sentence):
        await keys(site, **more)


async def test_the_keys_are_found_through_discovery(site: Site) -> None:
    assert await keys(site) == [public("k1")]
    assert site.asked == [OPENID, "/keys"]


@pytest.mark.parametrize("path", ["/realms/corp", "/realms/corp/"])
async def test_an_issuer_with_a_path_keeps_it_in_front(site: Site, path: str) -> None:
    document = {"issuer": f"{site.base}{path}", "jwks_uri": f"{site.base}/keys"}
    site.put(f"/realms/corp{OPENID}", document)
    assert await keys(site, path) == [public("k1")]


async def test_without_openid_the_metadata_of_oauth_is_read(site: Site) -> None:
    site.put(f"{OAUTH}/realms/corp", {**site.discovery(), "issuer": f"{site.base}/realms/corp"})
    assert await keys(site, "/realms/corp") == [public("k1")]


async def test_a_set_address_is_asked_in_stead_of_discovery(site: Site) -> None:
    assert await keys(site, jwks_uri=f"{site.base}/keys") == [public("k1")]
    assert site.asked == ["/keys"]


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"issuer": "https://other.example.com"}, "another issuer"),
        ({"issuer": None}, "another issuer"),
        ({"jwks_uri": None}, "names no jwks_uri"),
        ({"jwks_uri": "file:///etc/passwd"}, "jwks_uri: "),
        ({"jwks_uri": "http://169.254.169.254/latest"}, "jwks_uri: "),
        ({"jwks_uri": "https://keys.example.com/keys"}, "another host"),
        ({"jwks_uri": "http://localhost:1/keys"}, "another host"),
    ],
)
async def test_a_document_that_names_others_is_none(
    site: Site, document: Json, sentence: str
) -> None:
    site.put(OPENID, site.discovery(**document))
    await fails(site, sentence)
    assert "/keys" not in site.asked


async def test_an_issuer_is_compared_to_the_byte(site: Site) -> None:
    site.put(OPENID, site.discovery(issuer=f"{site.base}/"))
    await fails(site, "another issuer")


@pytest.mark.parametrize("path", [OPENID, "/keys"])
@pytest.mark.parametrize(
    ("status", "body", "sentence"),
    [
        (500, {}, "was 500"),
        (404, {}, "no such document"),
        (200, b"<html>", "no JSON"),
        (200, b"[" * 100_000, "no JSON"),
        (200, [], "no object"),
        (200, b" " * 300_000, "too large"),
    ],
)
async def test_what_is_no_good_document_is_an_outage(
    site: Site, path: str, status: int, body: object, sentence: str
) -> None:
    site.put(path, body, status)
    await fails(site, sentence)


async def test_no_redirect_is_followed(site: Site) -> None:
    site.put("/keys", {}, 302, location=f"{site.base}/elsewhere")
    await fails(site, "was 302")
    assert "/elsewhere" not in site.asked


@pytest.mark.parametrize("document", [{}, {"keys": None}, {"keys": {"k1": {}}}])
async def test_a_set_without_keys_is_none(site: Site, document: Json) -> None:
    site.put("/keys", document)
    await fails(site, "no JWK set")


async def test_an_issuer_that_cannot_be_reached_is_an_outage() -> None:
    await fails(Site(base="http://127.0.0.1:9"), "Connect")


@pytest.mark.slow
async def test_an_issuer_that_does_not_answer_is_waited_for_five_seconds(site: Site) -> None:
    site.put("/keys", {}, 0)
    began = asyncio.get_running_loop().time()
    await fails(site, "Time")
    assert asyncio.get_running_loop().time() - began < 7
