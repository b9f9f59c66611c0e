"""The code flow against a provider that is made by hand and does one thing wrong at a time."""

import base64
import hashlib
import json
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from imagewright.adapters.auth.issuer import IssuerConfig
from imagewright.adapters.auth.sign_in import ClientConfig, SignInClient
from imagewright.adapters.egress.ways import Place, Ways
from imagewright.core.errors import InvalidRequest, Unauthenticated, Unavailable
from imagewright.core.secret import Secret
from imagewright.ports.sign_in import Binding, Returned
from tests.adapters.auth.tokens_by_hand import claims, header, private, public, sign
from tests.fakes.clock import HandClock
from tests.fakes.egress import egress
from tests.fakes.loopback import Loopback

CLIENT, SECRET = "pages", "a-secret:of the&test"
BACK, FAREWELL = "https://images.example.com/ui/sign-in/callback", "https://images.example.com/ui"
BINDING = Binding(state="s" * 43, nonce="n" * 43, verifier="v" * 43)
Json = dict[str, Any]


class Idp:
    """A provider, and what it got; a test changes what it says."""

    def __init__(self) -> None:
        self.metadata: Json = {}
        self.head: Json = {"typ": "JWT"}
        self.id_token: Json = {}
        self.answer: Json | None = None
        self.status = 200
        self.userinfo: Any = {"sub": "alice", "name": "Alice", "groups": ["design"]}
        self.key = "k1"
        self.forms: list[dict[str, list[str]]] = []
        self.authorized: list[str] = []
        self.asked = 0
        self.clients: list[SignInClient] = []
        self.server = Loopback(
            Starlette(
                routes=[
                    Route("/.well-known/openid-configuration", self._discovery),
                    Route("/jwks", self._keys),
                    Route("/token", self._token, methods=["POST"]),
                    Route("/me", self._userinfo),
                ]
            )
        )

    @property
    def issuer(self) -> str:
        return f"http://{self.server.host}"

    def signed(self, **more: object) -> str:
        usual = {"iss": self.issuer, "aud": CLIENT, "nonce": BINDING.nonce}
        return sign(header(**self.head), claims(**{**usual, **more}), private(self.key))

    async def _discovery(self, _: Request) -> Response:
        self.asked += 1
        names = {
            "authorization_endpoint": "/authorize?tenant=1",
            "token_endpoint": "/token",
            "userinfo_endpoint": "/me",
            "end_session_endpoint": "/end",
            "jwks_uri": "/jwks",
        }
        found: Json = {name: f"{self.issuer}{path}" for name, path in names.items()}
        found |= {"issuer": self.issuer, **self.metadata}
        return JSONResponse({name: value for name, value in found.items() if value is not None})

    async def _keys(self, _: Request) -> Response:
        return JSONResponse({"keys": [public("k1")]})

    async def _token(self, request: Request) -> Response:
        self.forms.append(parse_qs((await request.body()).decode()))
        self.authorized.append(request.headers.get("authorization", ""))
        body = {"access_token": "at", "token_type": "Bearer", "id_token": self.signed()}
        body = {**body, "id_token": self.signed(**self.id_token)} if self.id_token else body
        return JSONResponse({**body, **(self.answer or {})}, self.status)

    async def _userinfo(self, request: Request) -> Response:
        self.authorized.append(request.headers.get("authorization", ""))
        if isinstance(self.userinfo, str):
            return PlainTextResponse(self.userinfo)
        return JSONResponse(self.userinfo)


@pytest.fixture
async def idp() -> AsyncIterator[Idp]:
    found = Idp()
    with found.server:
        yield found
        for each in found.clients:
            await each.close()


def client(idp: Idp, clock: HandClock | None = None, **more: Any) -> SignInClient:
    issuer: Json = {"groups_claim": ("groups",), **more.pop("issuer", {})}
    wanted: Json = {
        "issuer": IssuerConfig(name="corp", issuer=idp.issuer, audience=("mcp",), **issuer),
        "client_id": CLIENT,
        "client_secret": Secret(SECRET),
        "redirect_uri": BACK,
        "farewell_uri": FAREWELL,
        **more,
    }
    made = SignInClient(ClientConfig(**wanted), clock or HandClock())
    idp.clients.append(made)
    return made


def returned(idp: Idp) -> Returned:
    return Returned(code="the-code", issuer=idp.issuer)


async def refused(idp: Idp, answer: Returned | None = None, **more: Any) -> str:
    """The sentence of the refusal, which is always the same."""
    each = client(idp, **more)
    with pytest.raises(Unauthenticated) as caught:
        await each.caller(answer or returned(idp), BINDING)
    assert (caught.value.hint, dict(caught.value.details)) == ("", {})
    return caught.value.sentence


async def away(idp: Idp, **more: Any) -> None:
    each = client(idp, **more)
    with pytest.raises(Unavailable) as caught:
        await each.caller(returned(idp), BINDING)
    assert caught.value.details["retry_after"] == 5


async def test_a_browser_is_sent_with_everything_that_binds_it(idp: Idp) -> None:
    each = client(idp, scopes=("openid", "groups"), issuer={"required_scopes": ("staff",)})
    address = await each.address(BINDING)
    assert address.startswith(f"{idp.issuer}/authorize?tenant=1&")
    challenge = base64.urlsafe_b64encode(hashlib.sha256(b"v" * 43).digest()).rstrip(b"=").decode()
    assert parse_qs(urlsplit(address).query) == {
        "tenant": ["1"],
        "response_type": ["code"],
        "client_id": [CLIENT],
        "redirect_uri": [BACK],
        "scope": ["openid groups staff"],
        "state": ["s" * 43],
        "nonce": ["n" * 43],
        "code_challenge": [challenge],
        "code_challenge_method": ["S256"],
    }


async def test_a_code_becomes_a_person(idp: Idp) -> None:
    each = client(idp)
    who = await each.caller(returned(idp), BINDING)
    assert (who.subject, who.groups, who.name) == (
        "user:corp/alice",
        frozenset({"design"}),
        "Alice",
    )
    assert (who.credential.id, who.credential.scopes) == ("oidc:corp:j1", None)
    (form,) = idp.forms
    assert form == {
        "grant_type": ["authorization_code"],
        "code": ["the-code"],
        "code_verifier": ["v" * 43],
        "redirect_uri": [BACK],
    }
    basic = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
    assert idp.authorized == [f"Basic {basic}", "Bearer at"]


async def test_everything_of_it_goes_by_the_egress_proxy(
    idp: Idp, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("e") / "s"
    place = Place("127.0.0.1", int(idp.issuer.rpartition(":")[2]))
    found = client(idp, issuer={"egress": str(path)})
    async with egress(path, Ways(places=frozenset({place}))) as proxy:
        assert (await found.caller(returned(idp), BINDING)).subject.startswith("user:")
        # The code is shown in a connection of its own, which Authlib's client opens.
        proxy.ways = Ways()
        with pytest.raises(Unavailable):
            await found.caller(returned(idp), BINDING)


async def test_the_id_tokens_word_counts_before_the_endpoints(idp: Idp) -> None:
    idp.id_token = {"name": "Of the token"}
    idp.userinfo = {
        **idp.userinfo,
        "name": "Of the endpoint",
        "jti": "forged",
        "scope": "images:read",
        "iss": "https://evil.example",
    }
    each = client(idp)
    who = await each.caller(returned(idp), BINDING)
    assert who.name == "Of the token"
    assert (who.credential.id, who.credential.scopes) == ("oidc:corp:j1", None)


async def test_a_provider_without_userinfo_is_enough(idp: Idp) -> None:
    idp.metadata = {"userinfo_endpoint": None}
    each = client(idp)
    assert (await each.caller(returned(idp), BINDING)).groups == frozenset()


async def test_the_secret_goes_into_the_body_where_the_header_is_not_read(idp: Idp) -> None:
    idp.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    each = client(idp)
    await each.caller(returned(idp), BINDING)
    assert idp.forms[0]["client_secret"] == [SECRET]
    assert idp.authorized[0] == ""


async def test_a_public_client_names_itself(idp: Idp) -> None:
    each = client(idp, client_secret=None)
    await each.caller(returned(idp), BINDING)
    assert idp.forms[0]["client_id"] == [CLIENT]
    assert "client_secret" not in idp.forms[0]


FAULTS: dict[str, Callable[[Idp], object]] = {
    "another nonce": lambda idp: idp.id_token.update(nonce="m" * 43),
    "no nonce": lambda idp: idp.id_token.update(nonce=None),
    "for another client": lambda idp: idp.id_token.update(aud="other"),
    "an access token of ours": lambda idp: idp.id_token.update(aud="mcp"),
    "several audiences and no party": lambda idp: idp.id_token.update(aud=[CLIENT, "other"]),
    "another party": lambda idp: idp.id_token.update(azp="other"),
    "of another issuer": lambda idp: idp.id_token.update(iss="https://evil.example"),
    "expired": lambda idp: idp.id_token.update(exp=claims()["iat"] - 60),
    "without an end": lambda idp: idp.id_token.update(exp=None),
    "of the future": lambda idp: idp.id_token.update(iat=claims()["exp"] + 60),
    "without a subject": lambda idp: idp.id_token.update(sub=None),
    "a logout token": lambda idp: idp.id_token.update(events={"x": {}}),
    "signed by another": lambda idp: setattr(idp, "key", "k2"),
    "an access token's type": lambda idp: setattr(idp, "head", {"typ": "at+jwt"}),
    "without a signature": lambda idp: setattr(idp, "head", {"alg": "none"}),
    "with a key of its own": lambda idp: setattr(idp, "head", {"jwk": {}}),
    "no id token": lambda idp: setattr(idp, "answer", {"id_token": None}),
    "no token at all": lambda idp: setattr(idp, "answer", {"id_token": "x"}),
    "invalid_grant": lambda idp: setattr(
        idp, "answer", {"error": "invalid_grant", "error_description": "the secret words"}
    ),
    "userinfo of another": lambda idp: idp.userinfo.update(sub="mallory"),
    "userinfo of nobody": lambda idp: idp.userinfo.pop("sub"),
    "userinfo that is no object": lambda idp: setattr(idp, "userinfo", ["x"]),
    "userinfo that is too large": lambda idp: idp.userinfo.update(x="x" * 300_000),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_one_fault_is_enough_to_be_nobody(
    idp: Idp, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    FAULTS[fault](idp)
    with caplog.at_level(logging.INFO):
        assert await refused(idp) == "The identity provider did not sign you in."
    (record,) = [each for each in caplog.records if each.getMessage() == "sign-in refused"]
    for word in ("secret words", SECRET, "the-code", "alice"):
        assert word not in str(record.__dict__)


async def test_an_answer_names_its_issuer_where_it_must(idp: Idp) -> None:
    await refused(idp, Returned(code="c", issuer="https://evil.example"))
    idp.metadata = {"authorization_response_iss_parameter_supported": True}
    await refused(idp, Returned(code="c"))
    assert not idp.forms
    idp.metadata = {}
    each = client(idp)
    await each.caller(Returned(code="c"), BINDING)


async def test_conditions_hold_for_both_sources(idp: Idp) -> None:
    await refused(idp, issuer={"conditions": {"groups": ("ops",)}})
    each = client(idp, issuer={"conditions": {"groups": ("design",)}})
    await each.caller(returned(idp), BINDING)


async def test_required_scopes_have_to_be_granted(idp: Idp) -> None:
    wanted: Json = {"issuer": {"required_scopes": ("staff",)}}
    idp.answer = {"scope": "openid"}
    await refused(idp, **wanted)
    for granted in ({"scope": "openid staff"}, {}):
        idp.answer = dict(granted)
        each = client(idp, **wanted)
        await each.caller(returned(idp), BINDING)


@pytest.mark.parametrize("name", ["token_endpoint", "userinfo_endpoint"])
@pytest.mark.parametrize(
    "address",
    [
        "https://evil.example/x",
        "http://127.0.0.1:1/x",
        "http://169.254.169.254/latest",
        "file:///etc/passwd",
        7,
        "https://user@idp.example.com/",
    ],
)
async def test_no_endpoint_elsewhere_is_opened(idp: Idp, name: str, address: object) -> None:
    idp.metadata = {name: address}
    await away(idp)
    assert bool(idp.forms) is (name != "token_endpoint")


async def test_a_host_that_the_operator_names_is(idp: Idp) -> None:
    idp.metadata = {"authorization_endpoint": "https://login.example.com/authorize"}
    each = client(idp)
    with pytest.raises(Unavailable):
        await each.address(BINDING)
    each = client(idp, hosts=("login.example.com",))
    assert (await each.address(BINDING)).startswith("https://login.example.com/authorize?")


async def test_a_document_of_another_issuer_is_none(idp: Idp) -> None:
    idp.metadata = {"issuer": "https://evil.example"}
    await away(idp)


@pytest.mark.parametrize("status", [500, 503])
async def test_a_broken_provider_is_an_outage(idp: Idp, status: int) -> None:
    idp.status = status
    await away(idp)


async def test_words_that_are_no_json_are_an_outage(idp: Idp) -> None:
    idp.userinfo = "<html>"
    await away(idp)


async def test_the_provider_is_asked_for_its_document_once_in_minutes(idp: Idp) -> None:
    clock = HandClock()
    each = client(idp, clock)
    for _ in range(20):
        await each.address(BINDING)
        clock.advance(14)
    assert idp.asked == 1
    clock.advance(300)
    await each.address(BINDING)
    assert idp.asked == 2
    idp.metadata = {"issuer": "https://evil.example"}
    clock.advance(301)
    for _ in range(20):
        with pytest.raises(Unavailable):
            await each.address(BINDING)
        clock.advance(0.2)
    assert idp.asked == 3
    idp.metadata = {}
    clock.advance(5)
    await each.address(BINDING)


async def test_a_farewell_is_said_where_it_is_offered(idp: Idp) -> None:
    each = client(idp)
    address = await each.farewell()
    assert address is not None
    assert address.startswith(f"{idp.issuer}/end?")
    assert parse_qs(urlsplit(address).query) == {
        "client_id": [CLIENT],
        "post_logout_redirect_uri": [FAREWELL],
    }
    idp.metadata = {"end_session_endpoint": None}
    each = client(idp)
    assert await each.farewell() is None


def test_nothing_shows_the_secret(idp: Idp) -> None:
    wanted = client(idp)._config  # noqa: SLF001 - what a traceback would show
    assert SECRET not in repr(wanted)
    assert SECRET not in json.dumps(repr(vars(wanted) if hasattr(wanted, "__dict__") else wanted))


def test_openid_is_asked_for(idp: Idp) -> None:
    with pytest.raises(InvalidRequest):
        client(idp, scopes=("profile",))
