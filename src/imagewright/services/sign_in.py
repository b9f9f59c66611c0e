"""Signing in to the pages: with a pasted token, or through the identity provider."""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial

from imagewright.core.caller import Caller, proof_of
from imagewright.core.errors import Busy, Fault, Unauthenticated, Unavailable
from imagewright.core.session import How
from imagewright.core.tries import Tries
from imagewright.ports.auth import Authenticator
from imagewright.ports.clock import Clock
from imagewright.ports.sign_in import Binding, Returned, SignInProvider
from imagewright.services.sessions import Begun, SessionService

_LONGEST_TOKEN = 16_384
_NOBODY = "This token does not sign you in."


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """Who asks: an address, and the secret of a session that it may have already."""

    address: str | None = None
    secret: str = field(default="", repr=False)


class SignInService:
    """Every failure is in the same words, and each address may fail a few times a minute."""

    def __init__(
        self, chain: Authenticator, sessions: SessionService, tries: Tries, clock: Clock
    ) -> None:
        self._chain = chain
        self._sessions = sessions
        self._tries = tries
        self._clock = clock

    async def by_token(self, token: str, browser: Browser) -> Begun:
        """A session for whoever holds the token.

        Raises Unauthenticated for any that is not good, Busy after too many, Unavailable.
        """
        caller = await self._tried(partial(self._caller, token, browser.address), browser)
        sha256 = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
        return await self._sessions.begin(
            caller, How.TOKEN, instead_of=browser.secret, proof=proof_of(sha256, caller)
        )

    async def by_provider(
        self, provider: SignInProvider, returned: Returned, binding: Binding, browser: Browser
    ) -> Begun:
        """A session for whom the provider vouches. Raises as `by_token` does."""
        caller = await self._tried(partial(provider.caller, returned, binding), browser)
        return await self._sessions.begin(caller, How.PROVIDER, instead_of=browser.secret)

    async def _caller(self, token: str, address: str | None) -> Caller:
        caller = None
        if token and len(token) <= _LONGEST_TOKEN:
            caller = await self._chain.authenticate(token, address)
        if caller is None:
            raise Unauthenticated(_NOBODY)
        return caller

    async def _tried(self, ask: Callable[[], Awaitable[Caller]], browser: Browser) -> Caller:
        seconds = self._tries.wait(browser.address, self._clock.monotonic())
        if seconds:
            raise Busy(
                "There were too many failed sign-ins from your network.",
                hint="Wait a minute, then try again.",
                details={"retry_after": seconds},
            )
        try:
            return await ask()
        except Unavailable:
            raise
        except Fault:
            self._tries.failed(browser.address, self._clock.monotonic())
            raise Unauthenticated(_NOBODY, hint="Ask the operator for another.") from None
