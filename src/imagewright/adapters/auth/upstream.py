"""The identity provider behind the proxy, spoken to as its one fixed client."""

import base64
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal
from urllib.parse import quote, urlencode, urlsplit

from imagewright.adapters.auth.compact import is_compact, parse
from imagewright.adapters.auth.discovery import NotPublished, Publications
from imagewright.adapters.auth.issuer import IssuerConfig, check_address
from imagewright.adapters.auth.oidc import Oidc
from imagewright.core.caller import Caller
from imagewright.core.errors import InvalidRequest, Unauthenticated, Unavailable
from imagewright.core.oauth import challenge_of, in_order
from imagewright.ports.clock import Clock
from imagewright.ports.upstream import Answer, Leg, Person

_log = logging.getLogger(__name__)
_FRESH = 300.0
_OK = 200
_DEAD = frozenset({"invalid_grant", "access_denied"})
Method = Literal["client_secret_basic", "client_secret_post", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class UpstreamConfig:
    """The provider, and our client there.

    Of `issuer` the verification and the mapping of claims are taken, for ID tokens that are for
    this client. `secret` empty is a public client. Raises InvalidRequest.
    """

    issuer: IssuerConfig
    client_id: str
    redirect: str
    secret: str = field(default="", repr=False)
    method: Method = "client_secret_basic"
    scopes: tuple[str, ...] = ("openid", "profile", "email", "offline_access")
    parameters: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if "openid" not in self.scopes:
            raise InvalidRequest("The scope openid is missing.", hint="Add it to proxy.scopes.")
        if bool(self.secret) == (self.method == "none"):
            raise InvalidRequest(
                "The secret and the method do not go together.",
                hint="Set proxy.client_secret, or proxy.method to none.",
            )
        if _OURS & set(self.parameters):
            raise InvalidRequest("proxy.parameters has one that is ours to set.")

    @property
    def id_tokens(self) -> IssuerConfig:
        """The issuer as its ID tokens for our client are checked (OpenID Connect Core 3.1.3.7)."""
        return replace(
            self.issuer, id_tokens=True, typ=(), audience=(self.client_id,), required_scopes=()
        )


_OURS = frozenset(
    {
        *("response_type", "client_id", "redirect_uri", "scope", "state", "nonce"),
        *("code_challenge", "code_challenge_method", "response_mode", "request", "request_uri"),
    }
)


class OidcUpstream:
    """Implements `ports.upstream.Upstream`.

    Only ID tokens say who somebody is, and the chain's own verifier reads them. What the provider
    says in words is neither shown nor logged.
    """

    def __init__(self, config: UpstreamConfig, clock: Clock) -> None:
        """Opens no connection yet. Raises Misconfigured."""
        self._config = config
        self._clock = clock
        self._published = Publications(config.issuer)
        self._verifier = Oidc([config.id_tokens], clock)
        self._known: tuple[float, Mapping[str, Any]] | None = None

    async def close(self) -> None:
        """Close the connections."""
        await self._verifier.close()
        await self._published.close()

    async def address(self, leg: Leg) -> str:
        """See `Upstream.address`."""
        config = self._config
        asked = {
            "response_type": "code",
            "client_id": config.client_id,
            "redirect_uri": config.redirect,
            "scope": " ".join(config.scopes),
            "state": leg.state,
            "nonce": leg.nonce,
            "code_challenge": challenge_of(leg.verifier),
            "code_challenge_method": "S256",
        }
        if "offline_access" in config.scopes:
            asked["prompt"] = "consent"  # OpenID Connect Core 11 demands it
        endpoint = await self._endpoint("authorization_endpoint")
        joint = "&" if "?" in endpoint else "?"
        return f"{endpoint}{joint}{urlencode({**asked, **config.parameters})}"

    async def exchange(self, answer: Answer, leg: Leg) -> Person:
        """See `Upstream.exchange`."""
        await self._check_issuer(answer)
        told = await self._token(
            {
                "grant_type": "authorization_code",
                "code": answer.code,
                "redirect_uri": self._config.redirect,
                "code_verifier": leg.verifier,
            }
        )
        token = told.get("id_token")
        if not isinstance(token, str):
            raise _nobody("no ID token")
        person = await self._person(token, leg.nonce)
        return replace(person, refresh=_text(told.get("refresh_token")))

    async def renew(self, person: Person) -> Person:
        """See `Upstream.renew`; without a new ID token it is the person as known."""
        told = await self._token({"grant_type": "refresh_token", "refresh_token": person.refresh})
        refresh = _text(told.get("refresh_token")) or person.refresh
        token = told.get("id_token")
        if not isinstance(token, str):
            return replace(person, refresh=refresh)
        found = await self._person(token, None)
        if found.sub != person.sub:
            raise _nobody("another sub")
        return replace(found, refresh=refresh)

    async def revoke(self, refresh: str) -> None:
        """See `Upstream.revoke`."""
        if "revocation_endpoint" in await self._document():
            endpoint = await self._endpoint("revocation_endpoint")
            await self._post(endpoint, {"token": refresh, "token_type_hint": "refresh_token"})

    async def _person(self, token: str, nonce: str | None) -> Person:
        caller = await self._verifier.authenticate(token, None) if is_compact(token) else None
        if caller is None:
            raise _nobody("no ID token of the provider's")
        claims = parse(token).claims
        # A renewed ID token may leave the nonce out (OpenID Connect Core 12.2).
        if nonce is not None and claims.get("nonce") != nonce:
            raise _nobody("nonce")
        several = isinstance(claims.get("aud"), list) and len(claims["aud"]) > 1
        if claims.get("azp", None if several else self._config.client_id) != self._config.client_id:
            raise _nobody("azp")
        return _person(caller, str(claims["sub"]))

    async def _check_issuer(self, answer: Answer) -> None:
        """RFC 9207 2.4: an answer of another provider never reaches this one."""
        promised = (await self._document()).get("authorization_response_iss_parameter_supported")
        if answer.issuer is None and promised is not True:
            return
        if answer.issuer != self._config.issuer.issuer:
            raise _nobody("iss")

    async def _token(self, asked: Mapping[str, str]) -> Mapping[str, Any]:
        status, told = await self._post(await self._endpoint("token_endpoint"), asked)
        if status == _OK and isinstance(told.get("access_token"), str):
            return told
        if (error := _text(told.get("error"))) in _DEAD:
            raise _nobody(error)
        _log.error("provider refuses our client", extra={"status": status})
        raise _away()

    async def _post(self, endpoint: str, asked: Mapping[str, str]) -> tuple[int, Mapping[str, Any]]:
        config, form, headers = self._config, dict(asked), {}
        if config.method == "client_secret_basic":
            # RFC 6749 2.3.1: each of the two is form-encoded first.
            pair = f"{quote(config.client_id, safe='')}:{quote(config.secret, safe='')}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form["client_id"] = config.client_id
        if config.method == "client_secret_post":
            form["client_secret"] = config.secret
        try:
            return await self._published.post(endpoint, form, headers)
        except NotPublished as error:
            _log.warning("provider away", extra={"reason": str(error)})
            raise _away() from None

    async def _endpoint(self, name: str) -> str:
        found = (await self._document()).get(name)
        issuer = urlsplit(self._config.issuer.issuer)
        try:
            address = check_address(found) if isinstance(found, str) else ""
        except InvalidRequest:
            address = ""
        # A provider with TLS leads nobody to this machine's own services.
        if not address or urlsplit(address).scheme not in {"https", issuer.scheme}:
            _log.error("provider names no good endpoint", extra={"endpoint": name})
            raise _away()
        return address

    async def _document(self) -> Mapping[str, Any]:
        now = self._clock.monotonic()
        if self._known is None or now - self._known[0] >= _FRESH:
            try:
                self._known = now, await self._published.metadata()
            except NotPublished as error:
                _log.warning("provider away", extra={"reason": str(error)})
                raise _away() from None
        return self._known[1]


def _person(caller: Caller, sub: str) -> Person:
    scopes = caller.credential.scopes
    return Person(
        sub=sub,
        subject=caller.subject,
        groups=tuple(sorted(caller.groups)),
        name=caller.name,
        scopes=None if scopes is None else in_order(scopes),
        refresh="",
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _nobody(reason: str) -> Unauthenticated:
    _log.info("sign-in refused", extra={"reason": reason})
    return Unauthenticated("The identity provider vouches for nobody.")


def _away() -> Unavailable:
    return Unavailable("The identity provider cannot be asked now.", details={"retry_after": 5})
