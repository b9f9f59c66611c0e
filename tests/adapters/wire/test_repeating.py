"""Orders in several calls."""

import asyncio

import pytest

from imagewright.adapters.wire.repeating import repeat, summed
from imagewright.core.errors import (
    Fault,
    ModerationBlocked,
    OutcomeUnknown,
    ProviderBusy,
    ProviderRejected,
)
from imagewright.core.money import Nano
from imagewright.core.spending import Usage
from imagewright.ports.provider import Delivery, Made, Order
from tests.fakes.orders import KEY, Watched, order


def delivery(part: Order, first: int) -> Delivery:
    numbers = range(first, first + part.plan.ask.n)
    return Delivery(
        pictures=tuple(Made(data=bytes((number,))) for number in numbers),
        usage=Usage(pictures=part.plan.ask.n),
        request=f"r{first}",
    )


async def carried_out(asked: Order, faults: dict[int, Fault]) -> Delivery:
    async def make(part: Order, first: int) -> Delivery:
        # The last begins first: the order must not depend on who is done first.
        await asyncio.sleep(0.001 * (10 - first))
        if first in faults:
            raise faults[first]
        return delivery(part, first)

    return await repeat(asked, Watched(), make)


async def test_parts_have_keys_and_seeds_of_their_own() -> None:
    seen = []

    async def make(part: Order, first: int) -> Delivery:
        seen.append((part.key, part.plan.ask.seed, part.plan.ask.n, first))
        return delivery(part, first)

    watched = Watched()
    await repeat(order(ask={"n": 5, "seed": 2**53 - 3}, per_call=2), watched, make)
    assert seen == [
        (KEY, 2**53 - 3, 2, 0),
        (f"{KEY}-1", 2**53 - 1, 2, 2),
        (f"{KEY}-2", 1, 1, 4),
    ]
    assert [(done, total) for _, done, total in watched.stages] == [(2, 5), (4, 5), (5, 5)]


async def test_pictures_are_in_the_orders_own_order() -> None:
    made = await carried_out(order(ask={"n": 5}, per_call=2), {})
    assert [each.data for each in made.pictures] == [bytes((number,)) for number in range(5)]
    assert (made.usage, made.request, dict(made.failures)) == (Usage(pictures=5), "r0", {})


async def test_a_part_that_fails_has_its_pictures_among_the_failures() -> None:
    fault = ProviderBusy("x")
    made = await carried_out(order(ask={"n": 5}, per_call=2), {2: fault})
    assert [each.data for each in made.pictures] == [b"\0", b"\1", b"\4"]
    assert made.failures == {2: fault, 3: fault}
    assert made.usage == Usage(pictures=3)


async def test_where_all_fail_an_unknown_outcome_is_raised_before_the_first() -> None:
    first, second, unknown = ProviderBusy("x"), ProviderRejected("y"), OutcomeUnknown("z")
    asked = order(ask={"n": 2}, per_call=1)
    with pytest.raises(ProviderBusy):
        await carried_out(asked, {0: first, 1: second})
    with pytest.raises(OutcomeUnknown):
        await carried_out(asked, {0: first, 1: unknown})


async def test_a_part_without_pictures_tells_what_it_cost_unless_another_is_unknown() -> None:
    blocked, unknown = ModerationBlocked("x"), OutcomeUnknown("z")

    async def make(part: Order, first: int) -> Delivery:
        if first:
            raise (blocked, unknown)[first - 1]
        return Delivery(pictures=(), usage=Usage(cost=Nano(5)), failures={0: blocked})

    made = await repeat(order(ask={"n": 2}, per_call=1), Watched(), make)
    assert (made.pictures, made.usage) == ((), Usage(cost=Nano(5)))
    assert made.failures == {0: blocked, 1: blocked}
    with pytest.raises(OutcomeUnknown):
        await repeat(order(ask={"n": 3}, per_call=1), Watched(), make)


def test_what_one_report_leaves_out_is_not_known_of_all() -> None:
    one = Usage(pictures=1, text_tokens=2, output_tokens=3, word_tokens=4, cost=Nano(4))
    other = Usage(pictures=1, text_tokens=5, image_tokens=6, word_tokens=5, cost=Nano(7))
    assert summed([one, other]) == Usage(pictures=2, text_tokens=7, word_tokens=9, cost=Nano(11))
    assert summed([one, None]) is None
