"""Which limits are in force for a caller: of every entry that names it, the strictest."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from imagewright.core.caller import Caller
from imagewright.core.limit import Bound, Limit, Limits, Pace
from imagewright.core.policy import Acl

DAY = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The limits of one caller; a rate of each span may be in force, the shortest first."""

    rate: tuple[Bound, ...] = ()
    bandwidth: tuple[Bound, ...] = ()
    images: Bound | None = None
    jobs: Bound | None = None
    storage: Bound | None = None

    def all(self) -> tuple[Bound, ...]:
        """Every one of them."""
        single = (self.images, self.jobs, self.storage)
        return (*self.rate, *(each for each in single if each is not None), *self.bandwidth)


def bounds(acl: Acl, caller: Caller) -> Bounds:
    """What limits the caller. Each limit counts what the caller's own subject does.

    Of two that are alike, that of the nearer entry is told.
    """
    found = [bound for key, entry in acl.keyed(caller) for bound in _of(key, entry.limits)]
    strictest: dict[tuple[Limit, int], Bound] = {}
    for bound in found:
        known = strictest.get((bound.limit, bound.seconds))
        if known is None or bound.most < known.most:
            strictest[bound.limit, bound.seconds] = bound
    return Bounds(
        rate=_spans(strictest.values(), Limit.RATE),
        bandwidth=_spans(strictest.values(), Limit.BANDWIDTH),
        images=strictest.get((Limit.IMAGES, DAY)),
        jobs=strictest.get((Limit.JOBS, 0)),
        storage=strictest.get((Limit.STORAGE, 0)),
    )


def _spans(found: Iterable[Bound], limit: Limit) -> tuple[Bound, ...]:
    mine = [bound for bound in found if bound.limit is limit]
    return tuple(sorted(mine, key=lambda bound: bound.seconds))


def _of(key: tuple[str, ...], limits: Limits) -> Iterator[Bound]:
    table, *names = key
    owner = table.removesuffix("s")
    name = names[0] if owner == "group" else ""
    for limit in Limit:
        value = getattr(limits, limit.value)
        if value is None:
            continue
        pace = value if isinstance(value, Pace) else Pace(count=value, seconds=_SPANS.get(limit, 0))
        yield Bound(limit=limit, most=pace.count, owner=owner, name=name, seconds=pace.seconds)


_SPANS = {Limit.IMAGES: DAY}
