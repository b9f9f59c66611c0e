"""The unit as systemd reads it."""

import subprocess

import pytest

from tests.packaging.host import ALICE, UNIT, Host

pytestmark = [pytest.mark.packages, pytest.mark.timeout(3600)]

_EXPOSURE = "10"
"""Ten times 1.0."""


def test_systemd_finds_no_fault(host: Host) -> None:
    done = host.machine.tried("systemd-analyze", "verify", "--man=no", UNIT, "imagewright.socket")
    assert (done.returncode, done.stderr) == (0, "")


def test_the_exposure_is_low(host: Host) -> None:
    words = ("systemd-analyze", "security", f"--threshold={_EXPOSURE}", "--no-pager", UNIT)
    done: subprocess.CompletedProcess[str] = host.machine.tried(*words)
    assert done.returncode == 0, done.stdout
    assert "Overall exposure level for imagewright.service: 1.0 OK" in done.stdout


def test_a_reload_keeps_the_process_and_ends_ready(host: Host) -> None:
    host.systemctl("restart", UNIT)
    first = host.machine.unit("MainPID")
    host.systemctl("reload", UNIT)
    assert (host.active, host.machine.unit("MainPID")) == ("active", first)
    assert host.status("/ready") == 200


def test_a_stop_is_in_order(host: Host) -> None:
    host.systemctl("restart", UNIT)
    host.systemctl("stop", UNIT)
    assert (host.machine.unit("Result"), host.machine.unit("ExecMainStatus")) == ("success", "0")


def test_commands_are_root_only_where_they_have_to_be(host: Host) -> None:
    host.configure()
    host.new_token("tok_unit")
    host.systemctl("restart", UNIT)
    for words in (("token", "list"), ("audit", "tail"), ("audit", "verify"), ("config", "check")):
        host.command(*words)
    host.systemctl("stop", UNIT)
    host.command("acl", "revoke", "token", "tok_unit", "--reason", "a test")
    owned = host.machine.shell("find /var/lib/imagewright -not -user imagewright")
    assert owned == ""
    runuser = ("runuser", "-u", "nobody", "--", "imagewright", "token", "list")
    assert host.machine.tried(*runuser).returncode == 2


def test_a_first_configuration_is_written_for_the_service(host: Host) -> None:
    host.machine.shell(
        "rm -f /etc/imagewright/*.toml; echo '# nothing' > /etc/imagewright/imagewright.toml"
    )
    token = host.command("init", "--yes", "--subject", ALICE)
    assert (
        host.machine.shell("stat -c '%U:%G %a' /etc/imagewright/*.toml").splitlines()
        == ["root:imagewright 640"] * 3
    )
    host.systemctl("restart", UNIT)
    assert host.client(token, "generate")["bytes"] > 1000
