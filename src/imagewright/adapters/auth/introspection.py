"""Opaque bearer tokens, of which their issuer has to be asked (RFC 7662)."""

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any, Protocol

from imagewright.adapters.auth.claims import caller_of, check_claims
from imagewright.adapters.auth.client import ClientConfig
from imagewright.adapters.auth.compact import BadToken, Parsed, is_compact
from imagewright.adapters.auth.discovery import NotPublished
from imagewright.adapters.auth.issuer import IssuerConfig, check_address
from imagewright.adapters.auth.questions import Endpoint, Questions
from imagewright.adapters.auth.verdicts import BAD, GOOD, Allowance, Verdicts, token_hash
from imagewright.core.caller import Caller, Credential
from imagewright.core.errors import Fault, Forbidden, InvalidRequest, Unauthenticated, Unavailable
from imagewright.core.token import PREFIX as OURS
from imagewright.ports.clock import Clock

_log = logging.getLogger(__name__)
_MICRO = 1_000_000
_FORM = re.compile(r"[A-Za-z0-9._~+/-]{16,4096}=*\Z")
_PREFIX = re.compile(r"[A-Za-z0-9._~+/-]{0,64}\Z")
_PAUSE = 5.0
_RATE, _BURST, _AT_ONCE = 20.0, 100.0, 16
_NOT_ACCESS = frozenset({"refresh", "offline", "refresh_token", "id", "id_token"})


@dataclass(frozen=True, slots=True, kw_only=True)
class IntrospectionConfig:
    """An issuer that is asked of opaque tokens, or of those that begin with the `prefix`.

    Without an `endpoint` discovery says where. Raises InvalidRequest.
    """

    issuer: IssuerConfig
    client: ClientConfig
    endpoint: str | None = None
    prefix: str = ""

    def __post_init__(self) -> None:
        if self.endpoint is not None:
            check_address(self.endpoint)
        if not _PREFIX.match(self.prefix) or self.prefix.startswith(OURS):
            raise InvalidRequest("The prefix is not how a token of another may begin.")
        if self.issuer.vendor is not None:
            raise InvalidRequest("Jobs of a CI system have no opaque tokens.")


class Source(Protocol):
    """Who is asked; `Questions` in earnest."""

    async def ask(self, token: str) -> Mapping[str, Any] | None:
        """The claims of an active token, None of another. Raises NotPublished."""

    async def close(self) -> None:
        """Close what it holds open."""


def _questions(config: IntrospectionConfig) -> Source:
    return Questions(Endpoint(issuer=config.issuer, client=config.client, address=config.endpoint))


class Introspection:
    """Implements `ports.auth.Authenticator` for one issuer; comes behind every other source.

    Nothing of our own form is ever sent, nor any JWT. One token is asked for once at a time;
    a yes is kept for 30 seconds at most and never past `exp`, a no for three. Tokens that were
    not good lately share a small allowance, so that nobody hammers the issuer through us.
    Without an answer a token is neither good nor bad, but Unavailable.
    """

    def __init__(
        self,
        config: IntrospectionConfig,
        clock: Clock,
        source: Callable[[IntrospectionConfig], Source] = _questions,
    ) -> None:
        """Opens no connection yet. Raises Misconfigured where `ca_path` holds no certificates."""
        self._config = config
        self._clock = clock
        self._source = source(config)
        self._verdicts = Verdicts()
        self._strangers, self._told = Allowance(_RATE, _BURST), Allowance(1 / _PAUSE, 1)
        self._asking: dict[bytes, asyncio.Task[Caller | Fault]] = {}
        self._new: set[bytes] = set()
        self._away_until = 0.0

    async def authenticate(self, token: str, address: str | None) -> Caller | None:
        if not self._is_ours(token):
            return None
        place, now = token_hash(token), self._clock.monotonic()
        known = self._verdicts.find(place, now)
        outcome = known.outcome if known else await self._asked(token, place, now)
        if isinstance(outcome, Caller):
            return outcome
        # Raised again as it is, it would grow by a traceback each time.
        raise copy(outcome)

    async def credential(self, id: str) -> Credential | None:
        """None: what was begun goes on by the issuer's section, which `Oidc` answers for."""
        return None

    async def close(self) -> None:
        """Stop asking."""
        for task in tuple(self._asking.values()):
            task.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)
        await self._source.close()

    def _is_ours(self, token: str) -> bool:
        return (
            _FORM.match(token) is not None
            and token.startswith(self._config.prefix)
            and not token.startswith(OURS)
            and not is_compact(token)
        )

    async def _asked(self, token: str, place: bytes, now: float) -> Caller | Fault:
        task = self._asking.get(place)
        if task is None:
            if now < self._away_until:
                return _unavailable(_PAUSE)
            if not self._verdicts.is_known(place, now):
                if len(self._new) >= _AT_ONCE or not self._strangers.take(now):
                    return self._too_many()
                self._new.add(place)
            name = f"introspection at {self._config.issuer.name}"
            task = self._asking[place] = asyncio.create_task(self._ask(token, place), name=name)
            task.add_done_callback(lambda _: self._done(place))
        return await asyncio.shield(task)

    def _done(self, place: bytes) -> None:
        self._asking.pop(place, None)
        self._new.discard(place)

    def _too_many(self) -> Fault:
        if self._told.take(self._clock.monotonic()):
            _log.warning("too many unknown tokens", extra={"issuer": self._config.issuer.name})
        return _unavailable(1)

    async def _ask(self, token: str, place: bytes) -> Caller | Fault:
        began = self._clock.monotonic()
        try:
            claims = await self._source.ask(token)
        except NotPublished as error:
            if error.away:
                self._away_until = self._clock.monotonic() + _PAUSE
            return self._untold(str(error))
        except Exception:  # noqa: BLE001 - whatever breaks, the issuer could not be asked
            _log.error("introspection failed", exc_info=True)
            return self._untold("internal")
        kept, outcome = self._judged(token, claims)
        self._verdicts.put(place, outcome, began + kept)
        return outcome

    def _judged(self, token: str, claims: Mapping[str, Any] | None) -> tuple[float, Caller | Fault]:
        now = self._clock.now() / _MICRO
        if claims is None:
            return BAD, self._refused("inactive")
        try:
            caller = self._caller(token, claims, now)
        except BadToken as bad:
            return BAD, self._refused(bad.reason)
        except Forbidden as fault:
            return BAD, fault
        # The leeway is for clocks that differ, not for keeping what has ended.
        return max(0.0, min(GOOD, claims["exp"] - now)), caller

    def _caller(self, token: str, claims: Mapping[str, Any], now: float) -> Caller:
        kind = claims.get("token_type")
        if not isinstance(kind, str) or kind.lower() != "bearer":
            raise BadToken("token_type")
        uses = (claims.get("typ"), claims.get("token_use"))
        if any(isinstance(use, str) and use.lower() in _NOT_ACCESS for use in uses):
            raise BadToken("token_use")
        check_claims(claims, self._config.issuer, now)
        # Issuers there are whose `jti` is the token itself, and ids stand in the audit.
        told = {name: value for name, value in claims.items() if name != "jti"}
        return caller_of(Parsed(token, {}, told), self._config.issuer)

    def _refused(self, reason: str) -> Fault:
        reason = f"{self._config.issuer.name}: {reason}"
        _log.info("token refused", extra={"reason": reason})
        return Unauthenticated("The token is not valid.")

    def _untold(self, reason: str) -> Fault:
        issuer = self._config.issuer.name
        _log.warning("no introspection", extra={"issuer": issuer, "reason": reason})
        return _unavailable(_PAUSE)


def check_apart(configs: tuple[IntrospectionConfig, ...]) -> None:
    """Raise InvalidRequest where a token could be shown to an issuer that it is not of."""
    for place, one in enumerate(configs):
        for other in configs[place + 1 :]:
            if one.prefix.startswith(other.prefix) or other.prefix.startswith(one.prefix):
                raise InvalidRequest(
                    f"{one.issuer.name} and {other.issuer.name} would be shown one another's "
                    "opaque tokens.",
                    hint="Set introspection.prefix in both to what their tokens begin with.",
                )


def _unavailable(seconds: float) -> Unavailable:
    return Unavailable(
        "The identity provider cannot be asked now, so the token cannot be checked.",
        hint="Keep the token and try again.",
        details={"retry_after": int(seconds)},
    )
