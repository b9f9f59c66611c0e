"""From inside the sandbox nothing leads out, and all that the product needs is there."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.packaging.host import UNIT, Host

pytestmark = [pytest.mark.packages, pytest.mark.timeout(3600)]

_PROBE = "/usr/lib/imagewright/lib/python3.13/site-packages/imagewright_probe.py"
_DROP_IN = f"""
Type=oneshot
Restart=no
WatchdogSec=0
ExecStart=
ExecStart=/usr/lib/imagewright/bin/python3.13 -I -B {_PROBE}
LoadCredential=provider-openai-key:/etc/imagewright/credentials/provider-openai-key
"""
# 192.0.2.1 shows that addresses of this machine can be reached where nothing denies them.
_ADDRESSES = (
    *("169.254.169.254/32", "169.254.1.1/32", "100.100.100.200/32", "192.0.0.192/32"),
    *("fd00:ec2::254/128", "192.0.2.1/32"),
)
_LEAST = 90


@pytest.fixture(scope="module")
def found(host: Host) -> dict[str, Any]:
    """What the probe wrote, in the place of the service."""
    machine = host.machine
    host.systemctl("stop", UNIT)
    for address in _ADDRESSES:
        machine.beside("ip", "address", "add", address, "dev", "lo")
    machine.write("/etc/hosts", "127.0.0.1 localhost\n")
    machine.write("/etc/imagewright/root-only", "secret", 0o600)
    machine.write("/etc/imagewright/credentials/other", "secret", 0o600)
    machine.write("/etc/imagewright/credentials/provider-openai-key", "a key\n", 0o600)
    machine.copy(Path(__file__).with_name("probe.py"), _PROBE)
    host.drop_in(_DROP_IN)
    done = machine.tried("systemctl", "start", UNIT)
    assert done.returncode == 0, machine.journal()
    written: dict[str, Any] = json.loads(machine.read("/var/lib/imagewright/probe.json"))
    return written


def test_every_attempt_to_leave_is_refused(found: dict[str, Any]) -> None:
    attempts = found["attempts"]
    assert len(attempts) >= _LEAST
    assert {name: came for name, came in attempts.items() if came == "allowed"} == {}


def test_metadata_addresses_meet_silence(found: dict[str, Any]) -> None:
    tried = {name: came for name, came in found["attempts"].items() if name.startswith("connect")}
    assert set(tried.values()) == {"ETIMEDOUT"}
    assert len(tried) == len(_ADDRESSES) - 1


def test_what_the_product_needs_is_there(found: dict[str, Any]) -> None:
    assert {name: came for name, came in found["needs"].items() if came != "allowed"} == {}


def test_pictures_are_worked_on_in_a_jail_that_holds_every_limit(found: dict[str, Any]) -> None:
    assert "not " not in found["pictures"]
    assert "every other refused" in found["pictures"]


def test_the_kernel_says_that_nothing_can_be_gained(found: dict[str, Any]) -> None:
    status = found["status"]
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(status[name], 16) == 0, name
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    assert "0" not in status["Uid"].split()
