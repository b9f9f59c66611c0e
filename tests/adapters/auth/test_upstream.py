"""What a provider may answer to its one client, on a real socket, and what proves nobody."""

import base64
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

import pytest

from imagewright.adapters.auth.upstream import OidcUpstream, UpstreamConfig
from imagewright.core.errors import InvalidRequest, Unauthenticated, Unavailable
from imagewright.core.oauth import challenge_of
from imagewright.ports.upstream import Answer, Leg, Person
from tests.adapters.auth.tokens_by_hand import Json, config, public, token
from tests.fakes.clock import HandClock
from tests.fakes.loopback import Loopback

LEG = Leg(state="s" * 43, nonce="n" * 43, verifier="v" * 43)
CLIENT, SECRET = "our:client", "a secret/with%signs:and+more"
BACK = "https://images.example.com/authorize/callback"


@dataclass
class Provider:
    """Answers what it is told; `asked` has each form with its Authorization header."""

    base: str = ""
    document: Json = field(default_factory=dict)
    status: int = 200
    answer: object = None
    asked: list[tuple[str, dict[str, str], str]] = field(default_factory=list)
    discovered: int = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        path, status = scope["path"], 200
        body: object = self.document
        if path == "/keys":
            body = {"keys": [public("k1")]}
        elif path in {"/token", "/revoke"}:
            message = await receive()
            headers = dict(scope["headers"])
            form = dict(parse_qsl(message["body"].decode(), keep_blank_values=True))
            self.asked.append((path, form, headers.get(b"authorization", b"").decode()))
            status, body = self.status, self.answer
        else:
            self.discovered += 1
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": data})

    def id_token(self, **more: object) -> str:
        claims = {"iss": self.base, "aud": CLIENT, "nonce": LEG.nonce, "groups": ["a"], **more}
        return token({"typ": None}, **claims)

    def tells(self, **more: object) -> None:
        told = {"access_token": "x", "id_token": self.id_token(), "refresh_token": "r1", **more}
        self.answer = {name: value for name, value in told.items() if value is not None}


@pytest.fixture
def provider() -> Iterator[Provider]:
    found = Provider()
    with Loopback(found) as server:
        found.base = f"http://{server.host}"
        found.document = {
            "issuer": found.base,
            "jwks_uri": f"{found.base}/keys",
            "authorization_endpoint": f"{found.base}/auth?tenant=1",
            "token_endpoint": f"{found.base}/token",
            "revocation_endpoint": f"{found.base}/revoke",
        }
        found.tells()
        yield found


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def wanted(provider: Provider, **more: Any) -> UpstreamConfig:
    issuer = config(issuer=provider.base, groups_claim=("groups",), required_scopes=("x",))
    usual: dict[str, Any] = {
        "issuer": issuer,
        "client_id": CLIENT,
        "secret": SECRET,
        "redirect": BACK,
    }
    return UpstreamConfig(**{**usual, **more})


@pytest.fixture
async def upstream(provider: Provider, clock: HandClock) -> AsyncIterator[OidcUpstream]:
    made = OidcUpstream(wanted(provider), clock)
    yield made
    await made.close()


async def exchanged(upstream: OidcUpstream, **answer: Any) -> Person:
    return await upstream.exchange(Answer(**{"code": "c", **answer}), LEG)


async def test_a_browser_is_sent_with_everything_that_binds_its_answer(
    upstream: OidcUpstream, provider: Provider
) -> None:
    parts = urlsplit(await upstream.address(LEG))
    assert f"{parts.scheme}://{parts.netloc}{parts.path}" == f"{provider.base}/auth"
    assert {name: value for name, (value,) in parse_qs(parts.query).items()} == {
        "tenant": "1",
        "response_type": "code",
        "client_id": CLIENT,
        "redirect_uri": BACK,
        "scope": "openid profile email offline_access",
        "state": LEG.state,
        "nonce": LEG.nonce,
        "code_challenge": challenge_of(LEG.verifier),
        "code_challenge_method": "S256",
        "prompt": "consent",
    }


async def test_the_operators_parameters_go_along(provider: Provider, clock: HandClock) -> None:
    more = wanted(provider, scopes=("openid",), parameters={"access_type": "offline"})
    made = OidcUpstream(more, clock)
    query = parse_qs(urlsplit(await made.address(LEG)).query)
    assert query["access_type"] == ["offline"]
    assert "prompt" not in query
    await made.close()


async def test_a_code_is_exchanged_for_whom_the_id_token_names(
    upstream: OidcUpstream, provider: Provider
) -> None:
    person = await exchanged(upstream)
    assert (person.sub, person.subject, person.groups) == ("alice", "user:corp/alice", ("a",))
    assert (person.scopes, person.refresh) == (None, "r1")
    ((path, form, header),) = provider.asked
    assert path == "/token"
    assert form == {
        "grant_type": "authorization_code",
        "code": "c",
        "redirect_uri": BACK,
        "code_verifier": LEG.verifier,
    }
    pair = base64.b64decode(header.removeprefix("Basic ")).decode()
    assert [unquote(each) for each in pair.split(":")] == [CLIENT, SECRET]


@pytest.mark.parametrize("method", ["client_secret_post", "none"])
async def test_other_ways_to_show_the_client(
    provider: Provider, clock: HandClock, method: str
) -> None:
    secret = "" if method == "none" else SECRET
    made = OidcUpstream(wanted(provider, method=method, secret=secret), clock)
    await exchanged(made)
    ((_, form, header),) = provider.asked
    assert header == ""
    assert form["client_id"] == CLIENT
    assert form.get("client_secret", "") == secret
    await made.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"nonce": "m" * 43},
        {"nonce": None},
        {"aud": "another-client"},
        {"aud": [CLIENT, "another"]},
        {"aud": [CLIENT, "another"], "azp": "another"},
        {"azp": "another"},
        {"iss": "https://idp.example.com"},
        {"exp": 1},
        {"sub": None},
        {"sub": ""},
        {"events": {}},
    ],
)
async def test_an_id_token_with_a_fault_proves_nobody(
    upstream: OidcUpstream, provider: Provider, wrong: Mapping[str, object]
) -> None:
    provider.tells(id_token=provider.id_token(**wrong))
    with pytest.raises(Unauthenticated):
        await exchanged(upstream)


@pytest.mark.parametrize("missing", [None, "", "x", 7, "a.b.c", "x" * 20_000])
async def test_what_is_no_id_token_proves_nobody(
    upstream: OidcUpstream, provider: Provider, missing: object
) -> None:
    provider.tells(id_token=missing)
    with pytest.raises(Unauthenticated):
        await exchanged(upstream)


async def test_several_audiences_need_the_authorized_party(
    upstream: OidcUpstream, provider: Provider
) -> None:
    provider.tells(id_token=provider.id_token(aud=[CLIENT, "another"], azp=CLIENT))
    assert (await exchanged(upstream)).sub == "alice"


async def test_an_answer_of_another_provider_never_reaches_this_one(
    upstream: OidcUpstream, provider: Provider, clock: HandClock
) -> None:
    with pytest.raises(Unauthenticated):
        await exchanged(upstream, issuer="https://evil.example.com")
    provider.document["authorization_response_iss_parameter_supported"] = True
    clock.advance(300)
    for issuer in (None, "", f"{provider.base}/"):
        with pytest.raises(Unauthenticated):
            await exchanged(upstream, issuer=issuer)
    assert provider.asked == []
    assert (await exchanged(upstream, issuer=provider.base)).sub == "alice"


@pytest.mark.parametrize(
    ("status", "answer", "fault"),
    [
        (400, {"error": "invalid_grant"}, Unauthenticated),
        (400, {"error": "access_denied"}, Unauthenticated),
        (401, {"error": "invalid_client"}, Unavailable),
        (400, {"error": ["invalid_grant"]}, Unavailable),
        (400, b"", Unavailable),
        (429, {}, Unavailable),
        (302, {"access_token": "x"}, Unavailable),
        (500, {"error": "invalid_grant"}, Unavailable),
        (200, b"<html>", Unavailable),
        (200, {}, Unavailable),
        (200, [], Unavailable),
        (200, b"x" * 300_000, Unavailable),
    ],
)
async def test_only_a_clear_no_is_one(
    upstream: OidcUpstream,
    provider: Provider,
    status: int,
    answer: object,
    fault: type[Exception],
) -> None:
    person = await exchanged(upstream)
    provider.status, provider.answer = status, answer
    with pytest.raises(fault):
        await upstream.renew(person)
    with pytest.raises(fault):
        await exchanged(upstream)


async def test_a_person_is_renewed_as_the_provider_has_him_now(
    upstream: OidcUpstream, provider: Provider
) -> None:
    person = await exchanged(upstream)
    fresh = provider.id_token(groups=["b"], nonce=None)
    provider.tells(id_token=fresh, refresh_token="r2")
    renewed = await upstream.renew(person)
    assert (renewed.groups, renewed.refresh) == (("b",), "r2")
    assert provider.asked[-1][1] == {"grant_type": "refresh_token", "refresh_token": "r1"}
    provider.tells(id_token=None, refresh_token=None)
    assert await upstream.renew(renewed) == renewed
    provider.tells(id_token=provider.id_token(sub="mallory"))
    with pytest.raises(Unauthenticated):
        await upstream.renew(renewed)


async def test_a_token_is_revoked_where_that_is_offered(
    upstream: OidcUpstream, provider: Provider, clock: HandClock
) -> None:
    await upstream.revoke("r1")
    ((path, form, _),) = provider.asked
    assert (path, form) == ("/revoke", {"token": "r1", "token_type_hint": "refresh_token"})
    del provider.document["revocation_endpoint"]
    clock.advance(300)
    await upstream.revoke("r1")
    assert len(provider.asked) == 1


@pytest.mark.parametrize("endpoint", [None, 7, "ftp://x/y", "http://idp.example.com/token", "x"])
async def test_an_endpoint_that_is_no_address_is_not_opened(
    upstream: OidcUpstream, provider: Provider, endpoint: object
) -> None:
    provider.document["token_endpoint"] = endpoint
    with pytest.raises(Unavailable):
        await exchanged(upstream)


async def test_the_document_is_read_once_in_five_minutes(
    upstream: OidcUpstream, provider: Provider, clock: HandClock
) -> None:
    for _ in range(3):
        await upstream.address(LEG)
    assert provider.discovered == 1
    clock.advance(300)
    provider.document["issuer"] = "https://another.example.com"
    with pytest.raises(Unavailable):
        await upstream.address(LEG)


@pytest.mark.parametrize(
    "wrong",
    [
        {"scopes": ("profile",)},
        {"secret": ""},
        {"method": "none"},
        {"parameters": {"state": "x"}},
        {"parameters": {"redirect_uri": "x"}},
    ],
)
def test_what_an_operator_may_not_set(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        wanted(Provider(base="https://idp.example.com"), **wrong)


def test_the_secret_is_not_shown() -> None:
    made = wanted(Provider(base="https://idp.example.com"))
    assert SECRET not in repr(made)
    assert "r1" not in repr(
        replace(
            Person(sub="", subject="", groups=(), name="", scopes=None, refresh=""), refresh="r1"
        )
    )
