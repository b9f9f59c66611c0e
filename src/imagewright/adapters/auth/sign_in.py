"""People sign in with an issuer: OpenID Connect's code flow, with PKCE, as its one client."""

import asyncio
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2
from authlib.integrations.base_client import OAuthError
from authlib.integrations.httpx_client import AsyncOAuth2Client

from imagewright.adapters.auth.claims import caller_of, check_claims, check_header
from imagewright.adapters.auth.compact import BadToken, Parsed, is_compact, parse
from imagewright.adapters.auth.discovery import NotPublished, Publications, trust
from imagewright.adapters.auth.issuer import IssuerConfig, check_address
from imagewright.adapters.auth.jwks import KeyCache
from imagewright.adapters.auth.oidc import verify
from imagewright.adapters.web.tunnel import tunnelled
from imagewright.core.caller import Caller
from imagewright.core.errors import Forbidden, InvalidRequest, Unauthenticated, Unavailable
from imagewright.core.secret import Secret
from imagewright.ports.clock import Clock
from imagewright.ports.sign_in import Binding, Returned

_log = logging.getLogger(__name__)
_MICRO = 1_000_000
_DEADLINE = 10.0
_FRESH = 300.0
_PAUSE = 5.0
_LARGEST = 262_144
_HEADERS = {"Accept": "application/json", "User-Agent": "imagewright"}
_OF_TOKENS = frozenset({"iss", "aud", "exp", "iat", "nbf", "jti", "scope", "scp", "typ", "nonce"})
"""Claims that say something of a token and not of a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientConfig:
    """How this service is known to the issuer; without a secret it is a public client.

    `redirect_uri` and `farewell_uri` are registered with the issuer. Endpoints stand on the
    issuer's own host, or on one of `hosts`. Raises InvalidRequest.
    """

    issuer: IssuerConfig
    client_id: str
    client_secret: Secret | None = field(default=None, repr=False)
    redirect_uri: str
    farewell_uri: str
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    hosts: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if "openid" not in self.scopes:
            raise InvalidRequest("Without the scope openid nobody is signed in.")

    @property
    def asked(self) -> tuple[str, ...]:
        """Every scope that is asked for; those that each token of the issuer needs among them."""
        return tuple(dict.fromkeys((*self.scopes, *self.issuer.required_scopes)))

    @property
    def accepted(self) -> IssuerConfig:
        """The issuer's section for the ID tokens of this client: the same people, no others."""
        return replace(
            self.issuer, audience=(self.client_id,), id_tokens=True, typ=(), required_scopes=()
        )


class SignInClient:
    """Implements `ports.sign_in.SignInProvider`.

    A person is whom the issuer's section makes of the ID token, with what the UserInfo endpoint
    adds. Every refusal is in the same words; why is in the log.
    """

    def __init__(self, config: ClientConfig, clock: Clock) -> None:
        """Opens no connection yet. Raises Misconfigured where `ca_path` holds no certificates."""
        self._config = config
        self._clock = clock
        self._trust = trust(config.issuer)
        self._published = Publications(config.issuer)
        self._keys = KeyCache(config.issuer.name, Publications(config.issuer), clock)
        self._metadata: Mapping[str, Any] | None = None
        self._asked = float("-inf")
        self._alone = asyncio.Lock()

    async def address(self, binding: Binding) -> str:
        endpoint = await self._endpoint("authorization_endpoint")
        async with self._client() as client:
            address, _ = client.create_authorization_url(
                endpoint,
                state=binding.state,
                code_verifier=binding.verifier,
                nonce=binding.nonce,
            )
        return str(address)

    async def caller(self, returned: Returned, binding: Binding) -> Caller:
        try:
            async with asyncio.timeout(_DEADLINE):
                return await self._caller(returned, binding)
        except BadToken as bad:
            raise _refused(bad.reason) from None
        except Forbidden:
            raise _refused("conditions") from None
        except OAuthError as error:
            raise _refused(f"token endpoint: {_word(error.error)}") from None
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, OSError, ValueError) as error:
            raise _away(type(error).__name__) from None

    async def farewell(self) -> str | None:
        metadata = await self._discovered()
        if "end_session_endpoint" not in metadata:
            return None
        endpoint = await self._endpoint("end_session_endpoint")
        asked = {
            "client_id": self._config.client_id,
            "post_logout_redirect_uri": self._config.farewell_uri,
        }
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(asked)}"

    async def close(self) -> None:
        """Close the connections."""
        await self._keys.close()
        await self._published.close()

    async def _caller(self, returned: Returned, binding: Binding) -> Caller:
        metadata, issuer = await self._discovered(), self._config.issuer.issuer
        named = metadata.get("authorization_response_iss_parameter_supported") is True
        if returned.issuer != issuer and (named or returned.issuer is not None):
            raise BadToken("iss of the answer")
        endpoint = await self._endpoint("token_endpoint")
        async with self._client() as client:
            answer = await client.fetch_token(
                endpoint,
                grant_type="authorization_code",
                code=returned.code,
                code_verifier=binding.verifier,
                redirect_uri=self._config.redirect_uri,
            )
        self._check_granted(answer)
        parsed = await self._verified(answer.get("id_token"), binding.nonce)
        more = await self._more(parsed.claims["sub"], answer.get("access_token"))
        whole = replace(parsed, claims={**more, **parsed.claims})
        return caller_of(whole, self._config.accepted)

    def _check_granted(self, answer: Mapping[str, Any]) -> None:
        """RFC 6749 5.1: a scope that is not named is the one that was asked for."""
        granted = answer.get("scope", " ".join(self._config.asked))
        names = granted.split() if isinstance(granted, str) else []
        if not set(self._config.issuer.required_scopes) <= set(names):
            raise BadToken("required scopes")

    async def _verified(self, token: object, nonce: str) -> Parsed:
        """OpenID Connect Core 3.1.3.7."""
        if not isinstance(token, str) or not is_compact(token):
            raise BadToken("no id token")
        parsed, accepted = parse(token), self._config.accepted
        algorithm, kid = check_header(parsed.header, accepted)
        check_claims(parsed.claims, accepted, self._clock.now() / _MICRO)
        keys = await self._keys.find(kid, algorithm)
        verify(parsed, keys, algorithm)
        if parsed.claims.get("nonce") != nonce:
            raise BadToken("nonce")
        audience, party = parsed.claims["aud"], parsed.claims.get("azp")
        several = isinstance(audience, list) and len(audience) > 1
        if (several or party is not None) and party != self._config.client_id:
            raise BadToken("azp")
        return parsed

    async def _more(self, sub: str, token: object) -> dict[str, Any]:
        """What the UserInfo endpoint says of the same person (OpenID Connect Core 5.3)."""
        if "userinfo_endpoint" not in await self._discovered() or not isinstance(token, str):
            return {}
        endpoint = await self._endpoint("userinfo_endpoint")
        client = self._client()
        async with client:
            client.token = {"access_token": token, "token_type": "Bearer"}
            answer = await client.get(endpoint, headers=_HEADERS)
        if answer.status_code != httpx2.codes.OK or len(answer.content) > _LARGEST:
            raise BadToken("userinfo")
        found = json.loads(answer.content)
        if not isinstance(found, dict) or found.get("sub") != sub:
            raise BadToken("userinfo")
        return {name: value for name, value in found.items() if name not in _OF_TOKENS}

    async def _endpoint(self, name: str) -> str:
        """Only the host that the operator named is opened, or one that stands in `hosts`."""
        address = (await self._discovered()).get(name)
        if not isinstance(address, str):
            raise _away(f"no {name}")
        try:
            check_address(address)
        except InvalidRequest as error:
            raise _away(f"{name}: {error.sentence}") from None
        own, there = urlsplit(self._config.issuer.issuer), urlsplit(address)
        if (there.scheme, there.netloc) != (own.scheme, own.netloc) and (
            there.scheme != "https" or there.netloc not in self._config.hosts
        ):
            raise _away(f"{name} stands on another host: set sign_in.hosts if that is right")
        return address

    async def _discovered(self) -> Mapping[str, Any]:
        """The issuer's document, asked for again after minutes; one that is away, after seconds."""
        async with self._alone:
            age = self._clock.monotonic() - self._asked
            if age >= (_PAUSE if self._metadata is None else _FRESH):
                self._asked = self._clock.monotonic()
                try:
                    self._metadata = await self._published.metadata()
                except NotPublished as error:
                    self._metadata = None
                    raise _away(str(error)) from None
            if self._metadata is None:
                raise _unavailable()
            return self._metadata

    def _client(self) -> AsyncOAuth2Client:
        """A client for one exchange: it keeps the tokens that it is given."""
        secret = self._config.client_secret
        transport = httpx2.AsyncHTTPTransport(verify=self._trust, trust_env=False)
        return AsyncOAuth2Client(
            client_id=self._config.client_id,
            client_secret=secret.reveal() if secret else None,
            scope=" ".join(self._config.asked),
            redirect_uri=self._config.redirect_uri,
            code_challenge_method="S256",
            token_endpoint_auth_method=self._method(),
            transport=tunnelled(transport, self._config.issuer.egress),
            trust_env=False,
            follow_redirects=False,
            timeout=_DEADLINE,
        )

    def _method(self) -> str:
        offered = (self._metadata or {}).get("token_endpoint_auth_methods_supported")
        if self._config.client_secret is None:
            return "none"
        basic = not isinstance(offered, list) or "client_secret_basic" in offered
        return "client_secret_basic" if basic else "client_secret_post"


def _word(text: object) -> str:
    """An error's code, if it is one: whatever else the issuer wrote stays out of the log."""
    word = text if isinstance(text, str) else ""
    return word if word.isascii() and word.isidentifier() else "unknown"


def _refused(reason: str) -> Unauthenticated:
    _log.info("sign-in refused", extra={"reason": reason})
    return Unauthenticated("The identity provider did not sign you in.")


def _away(reason: str) -> Unavailable:
    _log.warning("sign-in not possible", extra={"reason": reason})
    return _unavailable()


def _unavailable() -> Unavailable:
    return Unavailable(
        "The identity provider cannot be asked now.",
        hint="Try again in a minute.",
        details={"retry_after": int(_PAUSE)},
    )
