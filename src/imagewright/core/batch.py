"""A batch: several asks in one job group, quoted and admitted together."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from imagewright.core.errors import Fault, InvalidRequest
from imagewright.core.job import Job, State
from imagewright.core.money import Nano
from imagewright.core.quote import Quote

MAX_ITEMS = 100
_SHOWN = 20

AnyFault = TypeVar("AnyFault", bound=Fault)


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A job group: which job does each of its asks, in their order.

    `digest` is that of all asks. `quote` is the one that was accepted for them all, or would have
    been. `created_at` is UTC microseconds.
    """

    id: str
    digest: str
    quote: str
    items: tuple[str, ...]
    created_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One ask of a group: its job, and whether that was there already."""

    job: Job
    reused: bool


def items_of(group: Group, jobs: Iterable[Job]) -> tuple[Item, ...]:
    """The asks of a group, in their order; the same ask twice is done once."""
    found = {job.id: job for job in jobs}
    return tuple(
        Item(
            job=found[id_],
            reused=found[id_].group != group.id or group.items.index(id_) != place,
        )
        for place, id_ in enumerate(group.items)
    )


def whole(digests: Iterable[str]) -> str:
    """SHA-256 of the digests of all parts, in their order."""
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def firsts_of(digests: Sequence[str]) -> tuple[int, ...]:
    """For each of them the place of the first that is the same."""
    first: dict[str, int] = {}
    return tuple(first.setdefault(digest, place) for place, digest in enumerate(digests))


def state_of(jobs: Iterable[Job]) -> State:
    """Where a group stands: succeeded if any of it is, once all has ended."""
    count = Counter(job.state for job in jobs)
    if count[State.RUNNING] or (count[State.QUEUED] and len(count) > 1):
        return State.RUNNING
    for state in (State.QUEUED, State.SUCCEEDED, State.OUTCOME_UNKNOWN, State.FAILED):
        if count[state]:
            return state
    return State.CANCELED


def quote_of(parts: Sequence[Quote], id_: str, digest: str) -> Quote:
    """The quote of several: what all of them may cost at most. `parts` are not none."""
    sizes = list(dict.fromkeys(each.size for each in parts))
    return Quote(
        id=id_,
        digest=digest,
        provider=", ".join(dict.fromkeys(each.provider for each in parts)),
        model=", ".join(dict.fromkeys(each.model for each in parts)),
        count=sum(each.count for each in parts),
        size=sizes[0] if len(sizes) == 1 else "several sizes",
        ceiling=Nano(sum(each.ceiling for each in parts)),
        estimate=any(each.estimate for each in parts),
        expires_at=min(each.expires_at for each in parts),
    )


def check_count(items: int) -> None:
    """Raise InvalidRequest for a batch of nothing, or of too much."""
    if not 1 <= items <= MAX_ITEMS:
        raise InvalidRequest(
            f"The batch has {items} items; it must have from 1 to {MAX_ITEMS}.",
            hint="Give items, or a prompt and images.",
        )


def at_item(fault: AnyFault, place: int) -> AnyFault:
    """The same fault, saying also which item it is of; the first is 0."""
    details = {**fault.details, "item": place}
    return type(fault)(fault.sentence, hint=fault.hint, details=details)


def none_begun(faults: dict[int, Fault], items: int) -> InvalidRequest:
    """What a batch is answered with whose items cannot all be done."""
    told = {
        str(place): {"code": fault.code, "message": fault.sentence, "hint": fault.hint}
        for place, fault in list(faults.items())[:_SHOWN]
    }
    return InvalidRequest(
        f"{len(faults)} of {items} items cannot be done; nothing was begun.",
        hint="Correct or leave out the items that details.items names; the first is 0.",
        details={"items": told},
    )
