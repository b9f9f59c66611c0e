"""With the socket unit a restart refuses no connection."""

import subprocess
import sys
import time

import pytest

from tests.packaging.host import UNIT, Host

pytestmark = [pytest.mark.packages, pytest.mark.timeout(3600)]

_CALLER = """
import sys, time, urllib.request
statuses, end = [], time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    with urllib.request.urlopen("http://127.0.0.1:8787/health", timeout=30) as answer:
        statuses.append(answer.status)
print(len(statuses), set(statuses))
"""


def test_a_restart_refuses_nobody(host: Host) -> None:
    host.systemctl("stop", UNIT)
    host.systemctl("enable", "--now", "imagewright.socket")
    assert host.status("/health") == 200, "the first connection starts the service"
    before = host.machine.unit("MainPID")
    caller = subprocess.Popen(
        ["nsenter", "-t", str(host.machine.init), "-n", sys.executable, "-c", _CALLER, "12"],
        stdout=subprocess.PIPE,
        text=True,
    )
    time.sleep(1)
    host.systemctl("restart", UNIT)
    said, _ = caller.communicate(timeout=60)
    assert caller.returncode == 0
    count, statuses = said.split(maxsplit=1)
    assert (statuses.strip(), int(count) > 10) == ("{200}", True)
    assert host.machine.unit("MainPID") != before
