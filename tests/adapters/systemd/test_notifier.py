"""What systemd hears, on a real datagram socket."""

import secrets
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from imagewright.adapters.systemd.notifier import Notifier


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as found:
        found.bind(str(tmp_path / "notify"))
        found.settimeout(5)
        yield found


def heard(ear: socket.socket) -> list[str]:
    return ear.recv(4096).decode().split("\n")


def test_each_step_is_one_datagram(ear: socket.socket) -> None:
    notifier = Notifier(ear.getsockname())
    notifier.ready()
    assert heard(ear) == ["READY=1"]
    notifier.alive()
    assert heard(ear) == ["WATCHDOG=1"]
    notifier.stopping(140.5)
    assert heard(ear) == ["STOPPING=1", "EXTEND_TIMEOUT_USEC=140500000"]


def test_a_reload_has_the_monotonic_time(ear: socket.socket) -> None:
    before = time.monotonic_ns() // 1000
    Notifier(ear.getsockname()).reloading()
    word, stamp = heard(ear)
    assert word == "RELOADING=1"
    assert before <= int(stamp.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000


def test_a_name_after_an_at_sign_is_abstract() -> None:
    name = f"imagewright-{secrets.token_hex(8)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(f"\0{name}")
        ear.settimeout(5)
        Notifier(f"@{name}").ready()
        assert heard(ear) == ["READY=1"]


def test_nobody_is_told_without_an_address() -> None:
    Notifier(None).ready()


def test_a_supervisor_that_is_away_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Notifier(str(tmp_path / "nobody")).ready()
    assert [record.message for record in caplog.records] == ["systemd was not told"]


def test_a_supervisor_that_does_not_listen_holds_nothing_up(ear: socket.socket) -> None:
    ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    notifier, began = Notifier(ear.getsockname()), time.monotonic()
    limit = int(Path("/proc/sys/net/unix/max_dgram_qlen").read_text())
    for _ in range(limit + 1):
        notifier.alive()
    assert time.monotonic() - began < 10
