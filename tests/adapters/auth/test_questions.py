"""What is sent to an introspection endpoint, and what it may answer on a real socket."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote_plus

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from imagewright.adapters.auth.client import ClientConfig
from imagewright.adapters.auth.discovery import NotPublished
from imagewright.adapters.auth.questions import Endpoint, Questions
from imagewright.core.errors import InvalidRequest
from tests.adapters.auth.tokens_by_hand import AUDIENCE, Json, config, private
from tests.fakes.loopback import Loopback

OPAQUE = "yVmkH1pO9sQ2nX4bT7cW0eR5uI8aLfDg"
SECRET = "a+b/c=%20:d e&f"
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


@dataclass
class Site:
    """Answers with what it is told to; keeps every request's line, headers and form."""

    base: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b'{"active": true, "sub": "alice"}'
    discovery: Json = field(default_factory=dict)
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    shown: list[dict[str, str]] = field(default_factory=list)
    forms: list[dict[str, list[str]]] = field(default_factory=list)

    async def __call__(self, scope: Any, receive: Any, send: Send) -> None:
        path = scope["path"]
        self.asked.append((scope["method"], path, scope["query_string"].decode()))
        status, headers, body = self.status, self.headers, self.body
        if path.startswith("/.well-known/"):
            status, headers, body = 200, {}, json.dumps(self.discovery).encode()
        else:
            self.shown.append({name.decode(): value.decode() for name, value in scope["headers"]})
            self.forms.append(parse_qs((await receive()).get("body", b"").decode()))
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
        found.discovery = {
            "issuer": found.base,
            "introspection_endpoint": f"{found.base}/introspect",
        }
        yield found


def client(**more: Any) -> ClientConfig:
    return ClientConfig(**{"id": "imagewright", "secret": SECRET, **more})


async def ask(site: Site, as_whom: ClientConfig | None = None, path: str | None = None) -> Any:
    endpoint = Endpoint(
        issuer=config(issuer=site.base, audience=(AUDIENCE,)),
        client=as_whom or client(),
        address=f"{site.base}{path}" if path else None,
    )
    questions = Questions(endpoint)
    try:
        return await questions.ask(OPAQUE)
    finally:
        await questions.close()


async def test_the_token_is_posted_and_stands_in_no_address(site: Site) -> None:
    assert (await ask(site))["sub"] == "alice"
    assert site.asked == [
        ("GET", "/.well-known/openid-configuration", ""),
        ("POST", "/introspect", ""),
    ]
    assert site.forms == [{"token": [OPAQUE], "token_type_hint": ["access_token"]}]
    assert site.shown[0]["content-type"] == "application/x-www-form-urlencoded"
    assert site.shown[0]["accept"] == "application/json"


async def test_a_set_address_is_asked_in_stead_of_discovery(site: Site) -> None:
    await ask(site, path="/elsewhere")
    assert [path for _, path, _ in site.asked] == ["/elsewhere"]


async def test_discovery_is_asked_once(site: Site) -> None:
    questions = Questions(Endpoint(issuer=config(issuer=site.base), client=client()))
    for _ in range(3):
        await questions.ask(OPAQUE)
    await questions.close()
    assert [path for _, path, _ in site.asked].count("/introspect") == 3
    assert len(site.asked) == 4


async def test_the_secret_is_encoded_before_it_is_put_in_the_header(site: Site) -> None:
    await ask(site, client(id="a:b c"))
    scheme, _, value = site.shown[0]["authorization"].partition(" ")
    assert scheme == "Basic"
    id, _, secret = base64.b64decode(value).decode().partition(":")
    assert (unquote_plus(id), unquote_plus(secret)) == ("a:b c", SECRET)


async def test_the_secret_may_be_posted(site: Site) -> None:
    await ask(site, client(method="client_secret_post"))
    assert "authorization" not in site.shown[0]
    assert site.forms[0]["client_id"] == ["imagewright"]
    assert site.forms[0]["client_secret"] == [SECRET]
    assert site.forms[0]["token"] == [OPAQUE]


@pytest.mark.parametrize(
    ("kind", "algorithm"),
    [("RSA", "RS256"), ("P-256", "ES256"), ("P-384", "ES384"), ("P-521", "ES512")],
)
async def test_a_private_key_signs_for_the_issuer_alone(
    site: Site, kind: str, algorithm: str
) -> None:
    await ask(site, client(secret=pem(kind), method="private_key_jwt"))
    form = site.forms[0]
    assert form["client_assertion_type"] == [
        "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    ]
    (assertion,) = form["client_assertion"]
    said = jwt.decode(
        assertion, private("asker", kind).public_key(), [algorithm], audience=site.base
    )
    assert said["iss"] == said["sub"] == "imagewright"
    assert said["jti"]
    assert "client_secret" not in form


def pem(kind: str = "RSA", **more: Any) -> str:
    form = {
        "encoding": serialization.Encoding.PEM,
        "format": serialization.PrivateFormat.PKCS8,
        "encryption_algorithm": serialization.NoEncryption(),
        **more,
    }
    return private("asker", kind).private_bytes(**form).decode()


@pytest.mark.parametrize("body", [b'{"active": false}', b'{"active": false, "sub": "alice"}'])
async def test_a_token_that_is_not_active_is_nobody(site: Site, body: bytes) -> None:
    site.body = body
    assert await ask(site) is None


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"<html>"),
        (200, b"[]"),
        (200, b"true"),
        (200, b'{"active": true'),
        (200, b"{}"),
        (200, b'{"active": "true"}'),
        (200, b'{"active": 1}'),
        (200, b'{"active": null}'),
        (200, b'{"active": [true]}'),
        (200, b'{"Active": true}'),
        (200, b'{"active": false, "active": true}'),
        (200, b'{"active": true, "sub": "a", "sub": "b"}'),
        (200, b'{"active": true, "exp": NaN}'),
        (200, b'{"active": true, "sub": "\xff"}'),
        (200, b'{"active": true, "x": ' + b"[" * 100_000),
        (200, b'{"active": true, "x": "' + b"x" * 300_000 + b'"}'),
        (201, b'{"active": true}'),
        (204, b""),
        (400, b'{"active": true}'),
        (401, b'{"active": true}'),
        (403, b'{"active": true}'),
        (404, b'{"active": true}'),
        (429, b'{"active": true}'),
        (500, b'{"active": true}'),
        (503, b'{"active": true}'),
    ],
)
async def test_any_other_answer_is_none(site: Site, status: int, body: bytes) -> None:
    site.status, site.body = status, body
    with pytest.raises(NotPublished) as caught:
        await ask(site)
    assert not caught.value.away
    assert OPAQUE not in str(caught.value)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_is_followed(site: Site, status: int) -> None:
    site.status, site.headers = status, {"location": f"{site.base}/thief"}
    with pytest.raises(NotPublished):
        await ask(site)
    assert [path for _, path, _ in site.asked][1:] == ["/introspect"]


async def test_a_compressed_answer_is_not_unfolded(site: Site) -> None:
    site.headers = {"content-encoding": "gzip"}
    site.body = b"\x1f\x8b" + b"0" * 100
    with pytest.raises(NotPublished):
        await ask(site)


@pytest.mark.parametrize(
    "address",
    [
        None,
        7,
        "file:///etc/passwd",
        "http://169.254.169.254/latest",
        "https://thief.example.com/introspect",
    ],
)
async def test_discovery_sends_the_secret_to_no_other_host(site: Site, address: object) -> None:
    site.discovery["introspection_endpoint"] = address
    with pytest.raises(NotPublished, match="introspection_endpoint"):
        await ask(site)
    assert site.forms == []


async def test_a_server_that_is_away_is_told_from_one_that_errs(site: Site) -> None:
    gone = Site(base="http://127.0.0.1:9")
    with pytest.raises(NotPublished) as caught:
        await ask(gone)
    assert caught.value.away


@pytest.mark.slow
async def test_a_server_that_does_not_answer_is_waited_for_five_seconds(site: Site) -> None:
    site.status = 0
    began = asyncio.get_running_loop().time()
    with pytest.raises(NotPublished) as caught:
        await ask(site)
    assert caught.value.away
    assert asyncio.get_running_loop().time() - began < 7


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": ""},
        {"id": "é"},
        {"secret": ""},
        {"secret": "a\nb"},
        {"secret": "é"},
        {"method": "client_secret_jwt"},
        {"method": "none"},
        {"method": "private_key_jwt"},
        {"method": "private_key_jwt", "secret": ""},
        {"method": "private_key_jwt", "secret": "-----BEGIN PRIVATE KEY-----\nx\n"},
        {
            "method": "private_key_jwt",
            "secret": private("asker")
            .public_key()
            .public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            .decode(),
        },
        {
            "method": "private_key_jwt",
            "secret": pem(encryption_algorithm=serialization.BestAvailableEncryption(b"x")),
        },
    ],
)
def test_what_is_no_registration_is_refused_and_not_shown(wrong: Json) -> None:
    with pytest.raises(InvalidRequest):
        client(**wrong)
    assert SECRET not in repr(client())
