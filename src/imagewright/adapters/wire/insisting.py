"""Asking until there is an accepted answer, for as long as nothing can be done twice by it."""

from collections.abc import Awaitable, Callable

from imagewright.adapters.web.client import Answer
from imagewright.adapters.web.failures import NotSent, WebError
from imagewright.adapters.wire.refusals import read_error, refusal, unknown
from imagewright.adapters.wire.retrying import asked_pause, may_repeat, pause
from imagewright.core.errors import Fault, ProviderUnavailable
from imagewright.ports.provider import Parts, Watch

Send = Callable[[float], Awaitable[Answer]]
"""Makes one attempt within so many seconds. Raises a WebError."""

Judge = Callable[[Answer], Fault | None]
"""The fault for a refusal in an API's own words, or None for those that all share."""

_ACCEPTED = frozenset({200, 201})


class Insister:
    """Makes attempts, `retries` of them after the first at most."""

    def __init__(self, parts: Parts, retries: int, judge: Judge) -> None:
        self._parts = parts
        self._retries = retries
        self._judge = judge

    async def insist(self, send: Send, seconds: float, watch: Watch, model: str) -> Answer:
        """An accepted answer, within so many seconds with all attempts and pauses.

        Attempts that surely were not accepted are repeated. Raises the fault of the last one;
        `model` is the catalogue's name for what is asked.
        """
        until = self._parts.clock.monotonic() + seconds
        attempt = 0
        while True:
            outcome = await self._attempt(send, until)
            if isinstance(outcome, Answer) and outcome.status in _ACCEPTED:
                return outcome
            wait = self._wait(outcome, attempt, until)
            if wait is None:
                raise self._fault(outcome, model)
            await watch.stage("Waiting to ask the provider again")
            await self._parts.sleep(wait)
            await watch.again()
            attempt += 1

    async def _attempt(self, send: Send, until: float) -> Answer | WebError:
        try:
            return await send(until - self._parts.clock.monotonic())
        except WebError as error:
            return error

    def _wait(self, outcome: Answer | WebError, attempt: int, until: float) -> float | None:
        """Seconds until the next attempt, or None if there must not be one."""
        if attempt >= self._retries:
            return None
        if isinstance(outcome, NotSent):
            wait = pause(attempt, None, self._parts.random)
        elif isinstance(outcome, Answer) and _repeatable(outcome):
            wait = pause(attempt, self._asked(outcome), self._parts.random)
        else:
            return None
        if wait is None or self._parts.clock.monotonic() + wait >= until:
            return None
        return wait

    def _asked(self, answer: Answer) -> float | None:
        return asked_pause(answer.headers, self._parts.clock.now() / 1_000_000)

    def _fault(self, outcome: Answer | WebError, model: str) -> Fault:
        if isinstance(outcome, NotSent):
            return away()
        if isinstance(outcome, Answer):
            own = self._judge(outcome)
            return own or refusal(outcome, model=model, asked_pause=self._asked(outcome))
        return unknown()


class Unwatched:
    """A `Watch` for what nobody watches."""

    async def stage(
        self, text: str, done: int = 0, total: int = 0, left: float | None = None
    ) -> None:
        pass

    async def partial(self, index: int, data: bytes) -> None:
        pass

    async def again(self) -> None:
        pass


def away() -> ProviderUnavailable:
    """The fault for a provider that cannot be reached."""
    return ProviderUnavailable("The provider cannot be reached.", hint="Try again later.")


def _repeatable(answer: Answer) -> bool:
    error = read_error(answer.body)
    if error is not None and error.quota:
        return False
    return may_repeat(answer.status, answer.headers, own_error=error is not None)
