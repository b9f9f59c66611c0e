"""Bearer tokens that trusted issuers sign: access tokens (RFC 9068), and ID tokens if meant."""

import logging
from collections.abc import Callable, Iterable
from types import MappingProxyType

import jwt

from imagewright.adapters.auth.claims import PREFIX, caller_of, check_claims, check_header
from imagewright.adapters.auth.compact import BadToken, Parsed, is_compact, parse
from imagewright.adapters.auth.discovery import Publications
from imagewright.adapters.auth.issuer import IssuerConfig, check_together
from imagewright.adapters.auth.jwks import KeyCache, PublicKey, Source
from imagewright.core.caller import Caller, Credential
from imagewright.core.errors import Unauthenticated
from imagewright.core.scope import Scope
from imagewright.ports.clock import Clock

_log = logging.getLogger(__name__)
_MICRO = 1_000_000
_Place = tuple[str, str | None]


class Oidc:
    """Implements `ports.auth.Authenticator` for every configured issuer.

    A token belongs to the issuer that it names, and sections of one issuer are tried in order.
    Nothing is asked of an issuer for a token whose own words rule it out. Every refusal is in
    the same words; why is in the log. An issuer that cannot be asked is Unavailable: its
    clients keep their tokens.
    """

    def __init__(
        self,
        issuers: Iterable[IssuerConfig],
        clock: Clock,
        source: Callable[[IssuerConfig], Source] = Publications,
    ) -> None:
        """Opens no connection yet. Raises InvalidRequest where two issuers may clash."""
        self._issuers = tuple(issuers)
        check_together(self._issuers)
        self._clock = clock
        self._by_name = MappingProxyType({each.name: each for each in self._issuers})
        self._caches: dict[_Place, KeyCache] = {}
        for each in self._issuers:
            if _place(each) not in self._caches:
                self._caches[_place(each)] = KeyCache(each.name, source(each), clock)

    async def authenticate(self, token: str, address: str | None) -> Caller | None:
        if not is_compact(token):
            return None
        try:
            parsed = parse(token)
            sections = self._sections(parsed)
        except BadToken as bad:
            raise _refused(bad.reason) from None
        reason = ""
        for config in sections:
            try:
                return await self._caller(parsed, config)
            except BadToken as bad:
                reason = f"{config.name}: {bad.reason}"
        if not sections:
            return None
        raise _refused(reason)

    async def credential(self, id: str) -> Credential | None:
        """Good as long as its section stands: a token's own end does not reach what was begun."""
        name = id.removeprefix(PREFIX).partition(":")[0] if id.startswith(PREFIX) else ""
        return Credential(id=id, line=f"{PREFIX}{name}") if name in self._by_name else None

    def asked_for(self, credential: str, scope: Scope) -> str | None:
        """What a client has to ask the credential's issuer for, to be given a scope of ours.

        None where no token of that issuer can have it, or the credential is not of an issuer.
        """
        config = self._by_name.get(credential.removeprefix(PREFIX).partition(":")[0])
        if config is None or not credential.startswith(PREFIX):
            return None
        reaching = [name for name, ours in config.scope_names.items() if scope in ours]
        return min(reaching, key=lambda name: (len(config.scope_names[name]), name), default=None)

    async def close(self) -> None:
        """Stop asking issuers."""
        for cache in self._caches.values():
            await cache.close()

    def _sections(self, parsed: Parsed) -> tuple[IssuerConfig, ...]:
        issuer = parsed.claims.get("iss")
        return tuple(each for each in self._issuers if each.issuer == issuer)

    async def _caller(self, parsed: Parsed, config: IssuerConfig) -> Caller:
        algorithm, kid = check_header(parsed.header, config)
        check_claims(parsed.claims, config, self._clock.now() / _MICRO)
        keys = await self._caches[_place(config)].find(kid, algorithm)
        if not keys:
            raise BadToken("unknown key")
        verify(parsed, keys, algorithm)
        return caller_of(parsed, config)


def verify(parsed: Parsed, keys: Iterable[PublicKey], algorithm: str) -> None:
    """Raise BadToken unless one of the keys signed it."""
    for key in keys:
        try:
            jwt.PyJWS().decode_complete(parsed.token, key, algorithms=[algorithm])
        except jwt.PyJWTError:
            continue
        return
    raise BadToken("signature")


def _place(config: IssuerConfig) -> _Place:
    return config.issuer, config.jwks_uri


def _refused(reason: str) -> Unauthenticated:
    _log.info("token refused", extra={"reason": reason})
    return Unauthenticated("The token is not valid.")
