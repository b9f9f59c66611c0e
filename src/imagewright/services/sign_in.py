"""Signing in to the pages: with a pasted token, or through the identity provider."""

import hashlib
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from imagewright.core.caller import Caller, proof_of
from imagewright.core.errors import Busy, Fault, Unauthenticated, Unavailable
from imagewright.core.session import How
from imagewright.core.tries import Tries
from imagewright.ports.auth import Doorkeeper
from imagewright.ports.clock import Clock
from imagewright.ports.sign_in import Binding, Returned, SignInProvider
from imagewright.ports.telemetry import Telemetry
from imagewright.services.sessions import Begun, Browser, SessionService
from imagewright.services.witness import Act, Witness

_LONGEST_TOKEN = 16_384
_NOBODY = "This token does not sign you in."


class _NotTaken(Unauthenticated):
    """A token that proves nobody; the reason is told to the operator alone."""

    def __init__(self, reason: str) -> None:
        super().__init__(_NOBODY)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What limits failures, what counts them, and what is told of those that are limited."""

    tries: Tries
    telemetry: Telemetry
    witness: Witness


class SignInService:
    """Every failure is in the same words, and each address may fail a few times a minute."""

    def __init__(
        self, door: Doorkeeper, sessions: SessionService, watch: Watch, clock: Clock
    ) -> None:
        self._door = door
        self._sessions = sessions
        self._watch = watch
        self._clock = clock

    async def by_token(self, token: str, browser: Browser) -> Begun:
        """A session for whoever holds the token.

        Raises Unauthenticated for any that is not good, Busy after too many, Unavailable.
        """
        caller = await self._tried(partial(self._bearer, token, browser), browser)
        sha256 = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
        return await self._sessions.begin(
            caller, How.TOKEN, browser, proof=proof_of(sha256, caller)
        )

    async def by_provider(
        self, provider: SignInProvider, returned: Returned, binding: Binding, browser: Browser
    ) -> Begun:
        """A session for whom the provider vouches. Raises as `by_token` does."""
        vouched = partial(provider.caller, returned, binding)
        caller = await self._tried(partial(self._vouched, vouched), browser)
        return await self._sessions.begin(caller, How.PROVIDER, browser)

    async def _bearer(self, token: str, browser: Browser) -> Caller:
        if not token or len(token) > _LONGEST_TOKEN:
            raise _NotTaken("malformed")
        caller = await self._door.authenticate(token, browser.origin.address)
        if caller is None:
            raise _NotTaken("unknown")
        return caller

    async def _vouched(self, ask: Callable[[], Awaitable[Caller]]) -> Caller:
        caller = await ask()
        if await self._door.standing(caller) is None:
            raise Unauthenticated(_NOBODY)
        return caller

    async def _tried(self, ask: Callable[[], Awaitable[Caller]], browser: Browser) -> Caller:
        watch, address = self._watch, browser.origin.address
        seconds = watch.tries.wait(address, self._clock.monotonic())
        if seconds:
            watch.telemetry.auth_failure(Busy.code)
            await self._tell_limited(browser)
            raise Busy(
                "There were too many failed sign-ins from your network.",
                hint="Wait a minute, then try again.",
                details={"retry_after": seconds},
            )
        try:
            return await ask()
        except Fault as fault:
            reason = fault.reason if isinstance(fault, _NotTaken) else fault.code
            watch.telemetry.auth_failure(reason)
            if isinstance(fault, Unavailable):
                raise
            watch.tries.failed(address, self._clock.monotonic())
            raise Unauthenticated(_NOBODY, hint="Ask the operator for another.") from None

    async def _tell_limited(self, browser: Browser) -> None:
        """Tell the audit, where the browser has a session that says who is at it."""
        with suppress(Unavailable):
            session = await self._sessions.find(browser.secret)
            if session is not None:
                act = Act(
                    action="sign_in",
                    thing="pages",
                    outcome="limited",
                    reason="failures",
                    origin=browser.origin,
                )
                self._watch.witness.refused(session.caller, act)
