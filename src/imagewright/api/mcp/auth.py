"""Bearer tokens on the HTTP transport: who calls, or exactly why nobody does."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from fastmcp.server.auth import AccessToken, TokenVerifier
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from starlette.authentication import AuthCredentials, AuthenticationBackend, AuthenticationError
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.routing import Route

from imagewright.api.bearer import CallerToken, refusal
from imagewright.core.caller import Caller
from imagewright.core.errors import (
    Fault,
    Forbidden,
    RateLimited,
    Unauthenticated,
    Unavailable,
)
from imagewright.ports.auth import Authenticator
from imagewright.ports.telemetry import Telemetry
from imagewright.services.limiter import Limiter

_log = logging.getLogger(__name__)
_LONGEST = 16_384
_KEPT = 1024
_INVALID = "The token is not valid."
_PAGES_ONLY = "This token is for approving on the pages, and for nothing else."
_PAGES_HINT = "Call with another token."


@dataclass(frozen=True, slots=True, kw_only=True)
class Signpost:
    """Where clients learn how to get a token: the metadata's address, and the routes serving it."""

    base: str
    metadata: str
    routes: Sequence[Route]


class _Refused(AuthenticationError):
    def __init__(self, fault: Fault, reason: str | None = None) -> None:
        super().__init__(fault.sentence)
        self.fault = fault
        self.reason = reason or fault.code


class BearerBackend(AuthenticationBackend):
    """Asks the chain who a token is; a token of nobody's is refused here, not by a later layer."""

    def __init__(self, chain: Authenticator, limiter: Limiter) -> None:
        self._chain = chain
        self._limiter = limiter

    async def authenticate(
        self, conn: HTTPConnection
    ) -> tuple[AuthCredentials, AuthenticatedUser] | None:
        """Who calls, or None where no token was shown."""
        try:
            return await self._authenticate(conn)
        except _Refused as refused:
            if isinstance(refused.fault, Unauthenticated):
                await self._count_failure(conn.client.host if conn.client else None)
            raise

    async def _count_failure(self, address: str | None) -> None:
        """The next are refused in other words; they are looked at all the same."""
        try:
            await self._limiter.stranger(address)
        except RateLimited as fault:
            raise _Refused(fault) from None

    async def _authenticate(
        self, conn: HTTPConnection
    ) -> tuple[AuthCredentials, AuthenticatedUser] | None:
        headers = conn.headers.getlist("authorization")
        if not headers:
            return None
        scheme, _, token = headers[0].partition(" ")
        if len(headers) > 1 or len(token) > _LONGEST:
            raise _Refused(Unauthenticated(_INVALID), "malformed")
        if scheme.lower() != "bearer":
            return None
        address = conn.client.host if conn.client else None
        caller = await self._ask(token.strip(), address)
        if caller is None:
            raise _Refused(Unauthenticated(_INVALID), "unknown")
        if caller.credential.approves_only:
            # Whoever calls with it is a program, and a program may not have what approves.
            raise _Refused(Forbidden(_PAGES_ONLY, hint=_PAGES_HINT))
        return AuthCredentials([]), AuthenticatedUser(access_token(caller, token))

    async def _ask(self, token: str, address: str | None) -> Caller | None:
        try:
            return await self._chain.authenticate(token, address)
        except Fault as fault:
            raise _Refused(fault) from None
        except Exception:  # noqa: BLE001 - who calls could not be told, whatever the cause
            _log.error("authentication failed", exc_info=True)
            raise _Refused(Unavailable("Tokens cannot be checked right now.")) from None


@lru_cache(maxsize=_KEPT)
def access_token(caller: Caller, token: str) -> CallerToken:
    """What the framework binds sessions and sealed states to: the credential and its subject.

    A credential that is renewed every few minutes goes on with what it began.
    The same pair gets the same value again: it is asked for on every request, once the chain
    has said who calls.
    """
    return CallerToken(
        token=token,
        client_id=caller.credential.line or caller.credential.id,
        scopes=[],
        subject=caller.subject,
        claims={"sub": caller.subject, "iss": "imagewright"},
        caller=caller,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What counts tokens that were not taken, and what limits them."""

    telemetry: Telemetry
    limiter: Limiter


class BearerAuth(TokenVerifier):
    """FastMCP's seam for authentication, with our own chain behind it."""

    def __init__(
        self,
        chain: Authenticator,
        watch: Watch,
        signpost: Signpost | None = None,
        inner: Sequence[Middleware] = (),
    ) -> None:
        """`inner` is middleware that knows who calls."""
        super().__init__(resource_base_url=signpost.base if signpost else None)
        self._chain = chain
        self._watch = watch
        self._signpost = signpost
        self._inner = inner

    async def verify_token(self, token: str) -> AccessToken | None:
        """The framework's own question; the middleware below asks ours instead."""
        caller = await self._chain.authenticate(token, None)
        if caller is None or caller.credential.approves_only:
            return None
        return access_token(caller, token)

    def get_routes(self, mcp_path: str | None = None) -> list[Route]:
        """The metadata's; the framework names its address where no token was shown."""
        return list(self._signpost.routes) if self._signpost else []

    def get_middleware(self) -> list[Middleware]:
        """Our backend in the place of the framework's."""
        return [
            Middleware(
                AuthenticationMiddleware,
                backend=BearerBackend(self._chain, self._watch.limiter),
                on_error=self._refusal,
            ),
            Middleware(AuthContextMiddleware),
            *self._inner,
        ]

    def _refusal(self, _conn: HTTPConnection, error: AuthenticationError) -> Response:
        if not isinstance(error, _Refused):
            error = _Refused(Unauthenticated("Not authenticated."))
        self._watch.telemetry.auth_failure(error.reason)
        return refusal(error.fault, self._signpost.metadata if self._signpost else None)
