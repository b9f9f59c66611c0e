"""Addresses that count as one."""

import pytest

from imagewright.core.neighbourhood import neighbourhood


@pytest.mark.parametrize(
    ("address", "whose"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8:0:0:ffff::1", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("unix", ""),
        (None, ""),
    ],
)
def test_neighbours_count_as_one(address: str | None, whose: str) -> None:
    assert neighbourhood(address) == whose
