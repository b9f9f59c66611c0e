"""Orders in parts that the vendor takes one by one, each under an id of its own."""

import asyncio
import json
from collections.abc import Awaitable, Callable

from imagewright.adapters.wire.refusals import unknown
from imagewright.adapters.wire.repeating import joined, parts_of
from imagewright.adapters.wire.results import read_object
from imagewright.core.errors import Fault
from imagewright.ports.provider import Delivery, NotYet, Order, Watch

Fetch = Callable[[Order, str], Awaitable[Delivery]]
"""Fetches what came of a part, by what was told of it; raises as `Tracking.collect`."""


class Takings:
    """What the parts of one order are asked after by; the watch is told of all that are known."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._told: dict[int, str] = {}

    async def note(self, first: int, request: str) -> None:
        """The vendor can be asked after the part whose pictures begin at that number."""
        self._told[first] = request
        await self._watch.accepted(json.dumps(self._told, separators=(",", ":")))


async def fetch_all(order: Order, request: str, fetch: Fetch) -> Delivery:
    """The delivery of an order by what `Takings` told of it, in the parts of `repeat`.

    A part that nothing was told of may have been made. Raises as `Tracking.collect`: NotYet where
    that is so of any part.
    """
    told = read_object(request.encode()) or {}

    async def fetched(part: Order, first: int) -> Delivery | Fault | NotYet:
        known = told.get(str(first))
        try:
            return await fetch(part, known) if isinstance(known, str) else unknown()
        except (Fault, NotYet) as outcome:
            return outcome

    parts = list(parts_of(order))
    outcomes = await asyncio.gather(*(fetched(*part) for part in parts))
    pauses = [each.pause for each in outcomes if isinstance(each, NotYet)]
    if pauses:
        raise NotYet(max(pauses))
    ended = [each for each in outcomes if not isinstance(each, NotYet)]
    return joined([(*part, outcome) for part, outcome in zip(parts, ended, strict=True)])
