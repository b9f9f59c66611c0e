"""Failures by address: a few, and then a wait."""

from imagewright.core.tries import Tries


def test_an_address_may_fail_so_often_and_then_waits() -> None:
    tries = Tries(2, 60)
    assert tries.wait("192.0.2.1", 0) == 0
    tries.failed("192.0.2.1", 0)
    assert tries.wait("192.0.2.1", 1) == 0
    tries.failed("192.0.2.1", 1)
    assert tries.wait("192.0.2.1", 2) == 59
    assert tries.wait("192.0.2.1", 59.9) == 1
    assert tries.wait("192.0.2.2", 2) == 0
    assert tries.wait("192.0.2.1", 60) == 0
    tries.failed("192.0.2.1", 60)
    assert tries.wait("192.0.2.1", 61) == 0


def test_it_remembers_no_more_than_it_can_hold() -> None:
    tries = Tries(1, 60)
    tries.failed("192.0.2.1", 0)
    for number in range(4096):
        tries.failed(f"10.0.{number // 256}.{number % 256}", 1)
    assert tries.wait("192.0.2.1", 2) == 0
    assert tries.wait("10.0.15.255", 2) > 0
