"""Notes that tokens are used, and writes it down now and then: no request waits for that."""

from imagewright.ports.clock import Clock
from imagewright.ports.uses import TokenUses, Use

EVERY = 60_000_000
"""A token's use is noted once in this many microseconds, so what is kept may be older by that."""


class UseLog:
    """Keeps as many notes as there are tokens; those not written are kept until they are."""

    def __init__(self, uses: TokenUses, clock: Clock) -> None:
        self._uses = uses
        self._clock = clock
        self._noted: dict[Use, int] = {}
        self._unwritten: dict[Use, int] = {}

    def note(self, use: Use) -> None:
        """A token was used now. Writes nothing and never fails."""
        now = self._clock.now()
        noted = self._noted.get(use)
        if noted is None or not 0 <= now - noted < EVERY:
            self._noted[use] = self._unwritten[use] = now

    async def flush(self) -> None:
        """Write what was noted since. Raises what `TokenUses.record` does, and then keeps it."""
        writing, self._unwritten = self._unwritten, {}
        if not writing:
            return
        try:
            await self._uses.record(writing)
        except BaseException:
            self._unwritten = writing | self._unwritten
            raise
