"""A provider's line to its API: a call is repeated only where it surely was not accepted."""

from collections.abc import Callable
from dataclasses import dataclass

from imagewright.adapters.web.client import Answer, Call, Client, Sink
from imagewright.adapters.web.failures import NotSent, WebError
from imagewright.adapters.wire.refusals import unknown
from imagewright.adapters.wire.retrying import pause
from imagewright.core.errors import Fault, OutcomeUnknown, ProviderUnavailable
from imagewright.ports.provider import Parts, Watch

_ACCEPTED = frozenset({200, 201})
_FREE_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """What one refusal proves, as the API's adapter reads it.

    `pause` is how many seconds the vendor asks to wait, None where it does not.
    """

    fault: Fault
    repeatable: bool = False
    pause: float | None = None


Judge = Callable[[Answer], Judgement]
"""Reads an answer whose status is not 200."""


class Line:
    """Sends calls through a client; `retries` are the attempts after the first."""

    def __init__(self, client: Client, parts: Parts, retries: int) -> None:
        self._client = client
        self._parts = parts
        self._retries = retries

    async def ask(
        self, call: Call, judge: Judge, until: float, watch: Watch, sink: Sink | None = None
    ) -> Answer:
        """An accepted answer before `until`, a moment of the monotonic clock.

        Raises the judge's fault, ProviderUnavailable where nothing was sent, OutcomeUnknown where
        no whole answer came, and whatever `watch.again` raises.
        """
        attempt = 0
        while True:
            outcome = await self._attempt(call, until - self._parts.clock.monotonic(), sink)
            if isinstance(outcome, Answer) and outcome.status in _ACCEPTED:
                return outcome
            judgement = _judged(outcome, judge)
            wait = self._wait(judgement, attempt, until)
            if wait is None:
                raise judgement.fault
            await watch.stage("Waiting to ask the provider again")
            await self._parts.sleep(wait)
            await watch.again()
            attempt += 1

    async def look(self, call: Call, judge: Judge) -> Answer:
        """The answer to a call that costs nothing. Raises a Provider* fault, never OutcomeUnknown.

        It is asked once and briefly.
        """
        outcome = await self._attempt(call, _FREE_SECONDS)
        if isinstance(outcome, Answer) and outcome.status in _ACCEPTED:
            return outcome
        fault = _judged(outcome, judge).fault
        raise away() if isinstance(fault, OutcomeUnknown) else fault

    async def _attempt(
        self, call: Call, seconds: float, sink: Sink | None = None
    ) -> Answer | WebError:
        try:
            return await self._client.send(call, seconds, sink)
        except WebError as error:
            return error

    def _wait(self, judgement: Judgement, attempt: int, until: float) -> float | None:
        if attempt >= self._retries or not judgement.repeatable:
            return None
        wait = pause(attempt, judgement.pause, self._parts.random)
        if wait is None or self._parts.clock.monotonic() + wait >= until:
            return None
        return wait


def away() -> ProviderUnavailable:
    """The fault for a provider that nothing was sent to, or that was asked for nothing."""
    return ProviderUnavailable("The provider cannot be reached.", hint="Try again later.")


def _judged(outcome: Answer | WebError, judge: Judge) -> Judgement:
    if isinstance(outcome, Answer):
        return judge(outcome)
    if isinstance(outcome, NotSent):
        return Judgement(fault=away(), repeatable=True)
    return Judgement(fault=unknown())
