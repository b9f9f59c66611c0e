"""Orders for more pictures than the provider's API makes in one call."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import replace

from imagewright.core.errors import Fault, OutcomeUnknown
from imagewright.core.money import Nano
from imagewright.core.spending import Usage
from imagewright.ports.provider import Delivery, Made, Order, Watch

Make = Callable[[Order, int], Awaitable[Delivery]]
"""Carries out a part of an order in one call; the number counts the pictures before it."""

_SEEDS = 2**53


async def repeat(order: Order, watch: Watch, make: Make) -> Delivery:
    """The order in calls of at most `plan.per_call` pictures, side by side.

    How many run at once is for the client to bound. Parts have keys of their own, and seeds that
    follow the order's: the same seed again would be the same picture again. Of the parts that
    fail, the pictures are among `Delivery.failures`. Where all fail the first fault is raised, but
    before it an OutcomeUnknown, which keeps all that the order may cost.
    """
    parts = list(parts_of(order))
    if len(parts) == 1:
        return await make(order, 0)
    done = 0

    async def carry_out(part: Order, first: int) -> Delivery | Fault:
        nonlocal done
        try:
            outcome: Delivery | Fault = await make(part, first)
        except Fault as fault:
            outcome = fault
        done += part.plan.ask.n
        await watch.stage("Waiting for the provider", done, order.plan.ask.n)
        return outcome

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(carry_out(part, first)) for part, first in parts]
    outcomes = [task.result() for task in tasks]
    return joined([(*part, outcome) for part, outcome in zip(parts, outcomes, strict=True)])


def parts_of(order: Order) -> Iterator[tuple[Order, int]]:
    """The parts of an order, each with the count of the pictures before it."""
    plan, ask = order.plan, order.plan.ask
    for number, first in enumerate(range(0, ask.n, plan.per_call)):
        seed = None if ask.seed is None else (ask.seed + first) % _SEEDS
        part = replace(ask, n=min(plan.per_call, ask.n - first), seed=seed)
        key = f"{order.key}-{number}" if number else order.key
        yield replace(order, plan=replace(plan, ask=part), key=key), first


def joined(outcomes: Sequence[tuple[Order, int, Delivery | Fault]]) -> Delivery:
    """What the parts come to together; raises as `repeat`."""
    failures: dict[int, Fault] = {}
    deliveries: list[Delivery] = []
    pictures: list[Made] = []
    for part, first, outcome in outcomes:
        if isinstance(outcome, Delivery):
            deliveries.append(outcome)
            pictures += outcome.pictures
            failures |= {first + index: fault for index, fault in outcome.failures.items()}
        else:
            failures |= dict.fromkeys(range(first, first + part.plan.ask.n), outcome)
    faults = list(failures.values())
    unsure = next((each for each in faults if isinstance(each, OutcomeUnknown)), None)
    if not pictures and unsure is not None:
        raise unsure
    if not deliveries:
        raise faults[0]
    return Delivery(
        pictures=tuple(pictures),
        usage=summed([each.usage for each in deliveries]),
        request=next((each.request for each in deliveries if each.request), None),
        failures=failures,
    )


def summed(reports: Sequence[Usage | None]) -> Usage | None:
    """The usage of several calls together. What one of them does not tell is not known of all."""
    told = [each for each in reports if each is not None]
    if len(told) < len(reports):
        return None
    cost = _sum([each.cost for each in told])
    return Usage(
        pictures=_sum([each.pictures for each in told]),
        text_tokens=_sum([each.text_tokens for each in told]),
        image_tokens=_sum([each.image_tokens for each in told]),
        output_tokens=_sum([each.output_tokens for each in told]),
        word_tokens=_sum([each.word_tokens for each in told]),
        reader_tokens=_sum([each.reader_tokens for each in told]),
        cost=None if cost is None else Nano(cost),
    )


def _sum(counts: Sequence[int | None]) -> int | None:
    told = [each for each in counts if each is not None]
    return sum(told) if len(told) == len(counts) else None
