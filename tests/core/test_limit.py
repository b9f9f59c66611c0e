"""Limits as an operator writes them, and which of them are in force."""

import pytest

from imagewright.core.bounds import Bounds, bounds
from imagewright.core.caller import Caller
from imagewright.core.errors import InvalidRequest
from imagewright.core.limit import (
    Bound,
    Limit,
    Limits,
    Pace,
    parse_bandwidth,
    parse_daily,
    parse_rate,
    parse_storage,
)
from imagewright.core.policy import Acl, Entry

GIB = 1024**3
MAX = Caller(subject="user:max", groups=frozenset({"design", "apps", "unnamed"}))


def test_what_is_written_is_read() -> None:
    assert parse_rate("30/minute") == Pace(count=30, seconds=60)
    assert parse_rate("1/second").unit == "second"
    assert parse_daily("200/day") == 200
    assert parse_storage("2GiB") == 2 * GIB
    assert parse_bandwidth("5GiB/day") == Pace(count=5 * GIB, seconds=86_400)


@pytest.mark.parametrize(
    "text",
    ["", "30", "30/min", "30 / minute", "-1/minute", "0/minute", "1.5/minute", "1e3/hour", "٣/day"],
)
def test_other_rates_are_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="no rate"):
        parse_rate(text)


@pytest.mark.parametrize("text", ["", "200", "200/hour", "0/day", "-5/day", "many/day"])
def test_other_numbers_in_a_day_are_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="no number in a day"):
        parse_daily(text)


@pytest.mark.parametrize("text", ["", "0", "-1GiB", "2 GB x", "NaN", "9007199254740993"])
def test_other_sizes_are_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_storage(text)


@pytest.mark.parametrize("text", ["5GiB", "5GiB/", "5GiB/week", "/day", "0B/day", "x/day"])
def test_other_bandwidths_are_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="no number of bytes in a span"):
        parse_bandwidth(text)


def limited(**limits: object) -> Entry:
    return Entry(limits=Limits(**limits))  # type: ignore[arg-type]  # by name


def test_the_strictest_of_every_entry_is_in_force_and_told_whose_it_is() -> None:
    acl = Acl(
        subjects={"user:max": limited(rate=Pace(count=30, seconds=60), images=50, jobs=4)},
        groups={
            "design": limited(images=20, storage=GIB, rate=Pace(count=9, seconds=3600)),
            "apps": limited(storage=GIB, jobs=1, bandwidth=Pace(count=GIB, seconds=86_400)),
            "other": limited(images=1),
        },
        everyone=limited(rate=Pace(count=10, seconds=60)),
    )
    found = bounds(acl, MAX)
    assert [str(each) for each in found.rate] == ["10/minute", "9/hour"]
    assert [each.whose for each in found.rate] == ["every subject", "each member of design"]
    assert str(found.images) == "20/day"
    assert found.jobs == Bound(limit=Limit.JOBS, most=1, owner="group", name="apps")
    assert found.storage is not None
    assert (str(found.storage), found.storage.name) == ("1GiB", "apps")
    assert [str(each) for each in found.bandwidth] == ["1GiB/day"]
    assert len(found.all()) == 6
    assert found.images is not None
    assert found.images.details == {
        "limit": "images",
        "owner": "group",
        "name": "design",
        "allowed": "20/day",
    }


def test_whom_nothing_limits_has_no_bounds() -> None:
    found = bounds(Acl(subjects={"user:max": Entry()}), MAX)
    assert found == Bounds()
    assert found.all() == ()


def test_ones_own_limit_is_told_as_such() -> None:
    acl = Acl(subjects={"user:max": limited(images=5)})
    found = bounds(acl, MAX).images
    assert found is not None
    assert (found.whose, found.details) == (
        "you",
        {"limit": "images", "owner": "subject", "allowed": "5/day"},
    )
