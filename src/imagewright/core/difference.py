"""What a new ACL gives and takes, compared with an old one."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial

from imagewright.core.bounds import DAY
from imagewright.core.budget import Budget
from imagewright.core.limit import Bound, Limit, Pace
from imagewright.core.money import Nano, usd
from imagewright.core.policy import QUALITY_ORDER, Acl, Entry
from imagewright.core.scope import Scope

_NONE = Entry()
Say = Callable[[int], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What an entry gains and loses; `who` is its key in the file."""

    who: tuple[str, ...]
    gains: tuple[str, ...]
    loses: tuple[str, ...]


def changes(old: Acl, new: Acl, today: date) -> tuple[Change, ...]:
    """Every entry that gains or loses: subjects and groups by name, everyone, providers.

    Limits count as they stand in the entry: others may narrow more, as they all apply.
    """
    found = [
        *_compared("subjects", old.subjects, new.subjects, today),
        *_compared("groups", old.groups, new.groups, today),
        _change(("everyone",), old.everyone, new.everyone, today),
        *(
            _change(("providers", name), _budget(old, name), _budget(new, name), today)
            for name in sorted({*old.providers, *new.providers})
        ),
    ]
    return tuple(change for change in found if change.gains or change.loses)


def _compared(
    table: str, old: Mapping[str, Entry], new: Mapping[str, Entry], today: date
) -> Iterator[Change]:
    for name in sorted({*old, *new}):
        yield _change((table, name), old.get(name, _NONE), new.get(name, _NONE), today)


def _budget(acl: Acl, provider: str) -> Entry:
    return Entry(budget=acl.providers.get(provider, Budget()))


def _change(who: tuple[str, ...], old: Entry, new: Entry, today: date) -> Change:
    before, after = _in_force(old, today), _in_force(new, today)
    gains = [scope.value for scope in sorted(after - before)]
    loses = [scope.value for scope in sorted(before - after)]
    for more, less in (*_listed(old, new), *_limited(old, new), _lasting(old, new)):
        gains += more
        loses += less
    return Change(who=who, gains=tuple(gains), loses=tuple(loses))


def _in_force(entry: Entry, today: date) -> frozenset[Scope]:
    expired = entry.expires is not None and today > entry.expires
    return frozenset() if expired else entry.scopes


Both = tuple[list[str], list[str]]


def _listed(old: Entry, new: Entry) -> Iterator[Both]:
    lists = (
        ("tools", old.tools, new.tools),
        ("providers", old.providers, new.providers),
        ("models", old.models, new.models),
    )
    for name, was, now in lists:
        if was is None and now is not None:
            yield [], [f"{name} other than {', '.join(now) or 'none'}"]
        elif was is not None and now is None:
            yield [f"{name} other than {', '.join(was) or 'none'}"], []
        elif was is not None and now is not None:
            yield (
                [f"{name} {each}" for each in now if each not in was],
                [f"{name} {each}" for each in was if each not in now],
            )


def _limited(old: Entry, new: Entry) -> Iterator[Both]:
    for name in ("per_call", "day", "month"):
        was, now = getattr(old.budget, name), getattr(new.budget, name)
        yield _moved(f"budget {name}", (was, now), lambda amount: f"${usd(Nano(amount))}")
    for name in ("n", "pixels"):
        was, now = getattr(old.maximum, name), getattr(new.maximum, name)
        yield _moved(f"max {name}", (was, now), str)
    yield from _bounded(old, new)
    ranks = tuple(
        None if quality is None else QUALITY_ORDER.index(quality)
        for quality in (old.maximum.quality, new.maximum.quality)
    )
    yield _moved("max quality", (ranks[0], ranks[1]), lambda rank: QUALITY_ORDER[rank].value)


def _bounded(old: Entry, new: Entry) -> Iterator[Both]:
    """Limits on what is done; one of another span is neither more nor less: old lost, new got."""
    for limit in Limit:
        was, now = getattr(old.limits, limit.value), getattr(new.limits, limit.value)
        spans = [each.seconds if isinstance(each, Pace) else 0 for each in (was, now)]
        if was is not None and now is not None and spans[0] != spans[1]:
            told = " -> ".join(_said(limit, each.seconds, each.count) for each in (was, now))
            yield [f"{limit.value} {told}"], [f"{limit.value} {told}"]
            continue
        counts = [each.count if isinstance(each, Pace) else each for each in (was, now)]
        said = partial(_said, limit, max(spans))
        yield _moved(limit.value, (counts[0], counts[1]), said)


def _said(limit: Limit, seconds: int, count: int) -> str:
    span = DAY if limit is Limit.IMAGES else seconds
    return str(Bound(limit=limit, most=count, owner="", seconds=span))


def _lasting(old: Entry, new: Entry) -> Both:
    was, now = (each.expires.toordinal() if each.expires else None for each in (old, new))
    return _moved("expires", (was, now), lambda day: date.fromordinal(day).isoformat())


def _moved(name: str, values: tuple[int | None, int | None], say: Say) -> Both:
    """A limit that moved up is a gain; none at all is the highest."""
    was, now = values
    if was == now:
        return [], []
    told = " -> ".join("no limit" if each is None else say(each) for each in values)
    if now is None or (was is not None and now > was):
        return [f"{name} {told}"], []
    return [], [f"{name} {told}"]
