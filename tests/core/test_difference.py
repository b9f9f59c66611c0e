"""Who gains and who loses what between two ACLs."""

from datetime import date
from typing import Any

import pytest

from imagewright.core.ask import Quality
from imagewright.core.budget import Budget
from imagewright.core.difference import Change, changes
from imagewright.core.limit import Limits, Pace
from imagewright.core.money import Nano
from imagewright.core.policy import Acl, Entry, Maximum
from imagewright.core.scope import Scope

DAY = date(2026, 11, 21)
READ, WRITE = Scope.IMAGES_READ, Scope.IMAGES_WRITE
DOLLAR = 1_000_000_000
GIB = 1024**3
MINUTELY = Pace(count=30, seconds=60)
DAILY = Pace(count=GIB, seconds=86_400)


def entry(*scopes: Scope, **limits: Any) -> Entry:
    return Entry(scopes=frozenset(scopes), **limits)


def limits(**values: Any) -> dict[str, Limits]:
    return {"limits": Limits(**values)}


def alice(each: Entry) -> Acl:
    return Acl(subjects={"user:alice": each})


def between(old: Entry, new: Entry) -> tuple[tuple[str, ...], tuple[str, ...]]:
    found = changes(alice(old), alice(new), DAY)
    if not found:
        return (), ()
    (change,) = found
    assert change.who == ("subjects", "user:alice")
    return change.gains, change.loses


def test_nothing_changed_is_no_difference() -> None:
    assert changes(alice(entry(READ, tools=("a",))), alice(entry(READ, tools=("a",))), DAY) == ()


def test_limits_are_told_as_they_are_written() -> None:
    old = entry(**limits(rate=MINUTELY, images=20, jobs=1, storage=GIB))
    new = entry(**limits(images=30, jobs=2, storage=2 * GIB, bandwidth=DAILY))
    assert between(old, new) == (
        (
            "rate 30/minute -> no limit",
            "images 20/day -> 30/day",
            "jobs 1 -> 2",
            "storage 1GiB -> 2GiB",
        ),
        ("bandwidth no limit -> 1GiB/day",),
    )


def test_a_rate_of_another_span_is_gained_and_lost() -> None:
    hourly = Pace(count=500, seconds=3600)
    said = ("rate 30/minute -> 500/hour",)
    assert between(entry(**limits(rate=MINUTELY)), entry(**limits(rate=hourly))) == (said, said)


def test_who_comes_and_who_goes() -> None:
    old = Acl(subjects={"user:b": entry(READ)}, groups={"g": entry(WRITE)})
    new = Acl(subjects={"user:a": entry(READ, WRITE)}, groups={"g": entry(WRITE, READ)})
    assert changes(old, new, DAY) == (
        Change(who=("subjects", "user:a"), gains=("images:read", "images:write"), loses=()),
        Change(who=("subjects", "user:b"), gains=(), loses=("images:read",)),
        Change(who=("groups", "g"), gains=("images:read",), loses=()),
    )


@pytest.mark.parametrize(
    ("narrow", "wide", "said"),
    [
        ({"tools": ("get_*",)}, {}, "tools other than get_*"),
        ({"models": ()}, {}, "models other than none"),
        ({"providers": ("a",)}, {"providers": ("a", "b")}, "providers b"),
        ({"budget": Budget(day=Nano(DOLLAR))}, {}, "budget day"),
        ({"budget": Budget(per_call=Nano(0))}, {"budget": Budget(per_call=Nano(1))}, "budget per"),
        ({"maximum": Maximum(n=2)}, {"maximum": Maximum(n=3)}, "max n"),
        (limits(rate=MINUTELY), {}, "rate"),
        (limits(images=20), limits(images=30), "images"),
        (limits(jobs=1), limits(jobs=2), "jobs"),
        (limits(storage=GIB), limits(storage=2 * GIB), "storage"),
        (limits(bandwidth=DAILY), {}, "bandwidth"),
        ({"maximum": Maximum(pixels=2)}, {}, "max pixels"),
        (
            {"maximum": Maximum(quality=Quality.LOW)},
            {"maximum": Maximum(quality=Quality.HIGH)},
            "max quality",
        ),
        ({"expires": date(2026, 12, 1)}, {"expires": date(2027, 1, 1)}, "expires"),
        ({"expires": date(2026, 12, 1)}, {}, "expires"),
    ],
)
def test_a_limit_that_widens_is_gained_and_one_that_narrows_lost(
    narrow: dict[str, Any], wide: dict[str, Any], said: str
) -> None:
    gains, loses = between(entry(READ, **narrow), entry(READ, **wide))
    assert (len(gains), loses) == (1, ())
    assert gains[0].startswith(said)
    gains, loses = between(entry(READ, **wide), entry(READ, **narrow))
    assert (gains, len(loses)) == ((), 1)
    assert loses[0].startswith(said)


def test_lists_that_differ_both_ways_are_told_both_ways() -> None:
    old, new = entry(READ, tools=("a", "b")), entry(READ, tools=("b", "c"))
    assert between(old, new) == (("tools c",), ("tools a",))


def test_amounts_levels_and_days_are_told_as_the_file_writes_them() -> None:
    old = entry(
        READ,
        budget=Budget(month=Nano(2 * DOLLAR)),
        maximum=Maximum(quality=Quality.LOW),
        expires=date(2026, 12, 1),
    )
    new = entry(READ, maximum=Maximum(quality=Quality.MAX))
    assert between(old, new)[0] == (
        "budget month $2.00 -> no limit",
        "max quality low -> max",
        "expires 2026-12-01 -> no limit",
    )


def test_an_entry_that_has_expired_grants_nothing_on_either_side() -> None:
    gone = entry(READ, expires=date(2026, 11, 20))
    assert between(gone, entry(expires=date(2026, 11, 20))) == ((), ())
    assert between(gone, entry(READ, expires=DAY))[0] == (
        "images:read",
        "expires 2026-11-20 -> 2026-11-21",
    )


def test_ceilings_of_everyone_and_of_providers_count() -> None:
    old = Acl(everyone=Entry(budget=Budget(day=Nano(DOLLAR))), providers={"p": Budget()})
    new = Acl(providers={"p": Budget(month=Nano(DOLLAR))})
    assert changes(old, new, DAY) == (
        Change(who=("everyone",), gains=("budget day $1.00 -> no limit",), loses=()),
        Change(who=("providers", "p"), gains=(), loses=("budget month no limit -> $1.00",)),
    )
