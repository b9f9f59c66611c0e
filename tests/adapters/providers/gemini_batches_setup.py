"""What the tests of Gemini's batches do again and again."""

from typing import Any

import pytest

from imagewright.adapters.providers.gemini import Gemini
from imagewright.core.errors import Fault
from imagewright.ports.provider import Delivery, Order
from tests.adapters.providers.gemini_setup import gemini_order
from tests.contracts.http_provider import shown
from tests.fakes.gemini import KEY
from tests.fakes.orders import PROMPT, Watched
from tests.fakes.vendor import VENDOR_WORDS

NOON = 1_763_700_000
HOUR = 3600.0
WIDE = ("png", 1264, 848, False)


def slow(references: int = 0, *, until: float | None = None, **ask: Any) -> Order:
    found = gemini_order(references=references, ask={"economy": 24, **ask})
    moment = None if until is None else int((NOON + until) * 1_000_000)
    return Order(plan=found.plan, references=found.references, mask=None, key="job_1", until=moment)


async def submitted(provider: Gemini, wanted: Order | None = None) -> str:
    watched = Watched()
    assert await provider.submit(wanted or slow(), watched) == 60.0
    return watched.requests[-1]


async def collected(provider: Gemini, request: str, wanted: Order | None = None) -> Delivery:
    found = wanted or slow()
    asked = Order(plan=found.plan, references=(), mask=None, key="job_1", until=found.until)
    return await provider.collect(asked, request, Watched())


async def ends(provider: Gemini, request: str, wanted: Order | None = None) -> Fault:
    with pytest.raises(Fault) as raised:
        await collected(provider, request, wanted)
    assert not [word for word in (VENDOR_WORDS, KEY, PROMPT) if word in shown(raised.value)]
    return raised.value
