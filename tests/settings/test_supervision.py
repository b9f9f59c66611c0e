"""What systemd's variables mean, and when they are somebody else's."""

import pytest

from imagewright.settings.supervision import ALONE, Supervision, supervision

OWN = 4711


def found(**environ: str) -> Supervision:
    return supervision(environ, OWN)


def test_nothing_is_said_without_a_supervisor() -> None:
    assert found() == ALONE


def test_what_systemd_says() -> None:
    told = found(
        NOTIFY_SOCKET="/run/systemd/notify",
        WATCHDOG_USEC="120000000",
        WATCHDOG_PID=str(OWN),
        LISTEN_FDS="2",
        LISTEN_PID=str(OWN),
    )
    assert told == Supervision(notify="/run/systemd/notify", watchdog=120.0, listeners=(3, 4))


def test_a_watchdog_without_a_process_is_ours() -> None:
    assert found(WATCHDOG_USEC="1500000").watchdog == 1.5


def test_what_is_meant_for_another_process_is_not_ours() -> None:
    assert found(WATCHDOG_USEC="1", WATCHDOG_PID="1", LISTEN_FDS="1", LISTEN_PID="1") == ALONE
    assert found(LISTEN_FDS="1") == ALONE


@pytest.mark.parametrize("text", ["", "0", "-1", "1e3", "x", "²"])
def test_what_is_no_number_is_nothing(text: str) -> None:
    assert found(WATCHDOG_USEC=text, LISTEN_FDS=text, LISTEN_PID=str(OWN)) == ALONE
