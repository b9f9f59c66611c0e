from datetime import UTC, date, datetime, timedelta

import pytest

from imagewright.core.errors import InvalidRequest
from imagewright.core.expiry import parse_expiry

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2030-12-31", date(2030, 12, 31)),
        ("2030-12-31T12:00:00Z", datetime(2030, 12, 31, 12, tzinfo=UTC)),
        ("2030-12-31T12:00:00+01:00", datetime(2030, 12, 31, 11, tzinfo=UTC)),
        ("90d", NOW + timedelta(days=90)),
        ("3600", NOW + timedelta(hours=1)),
        ("0", NOW),
    ],
)
def test_ways_to_write_an_expiry(text: str, when: date) -> None:
    assert parse_expiry(text, NOW) == when


@pytest.mark.parametrize(
    "text", ["", "never", "2030-13-01", "-1d", "90 weeks", "999999999999d", "2030-12-31T12:00:00"]
)
def test_what_is_no_expiry(text: str) -> None:
    with pytest.raises(InvalidRequest) as fault:
        parse_expiry(text, NOW)
    assert fault.value.hint
