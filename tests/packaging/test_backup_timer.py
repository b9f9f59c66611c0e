"""The nightly backup that the packages bring, from its first run to what a purge leaves of it."""

import time
from collections.abc import Callable

import pytest

from tests.packaging.built import NEXT, NOW, Packages, packages
from tests.packaging.conftest import Boot
from tests.packaging.host import SETTINGS, UNIT, Host
from tests.packaging.trees import SUITES

pytestmark = [pytest.mark.packages, pytest.mark.timeout(3600)]

_BACKUP, _TIMER = "imagewright-backup.service", "imagewright-backup.timer"
_BACKUPS, _STATE = "/var/lib/imagewright-backups", "/var/lib/imagewright"
_LEFT = "find / -xdev -iname '*imagewright*' -not -path '/proc/*' -not -path '/root/*' -prune"
_EXPOSURE = "1"
"""Ten times 0.1."""


@pytest.mark.parametrize("suite", SUITES)
def test_a_timer_from_installation_to_purge(suite: str, boot: Boot, now: Packages) -> None:
    later = packages(NEXT)
    with boot(suite) as machine:
        host = Host(machine)
        host.install(now.deb)
        _sound(host)
        assert _timer(host) == ("inactive", "disabled")
        host.configure()
        token = host.new_token("tok_one")
        host.systemctl("restart", UNIT)
        image = host.client(token, "generate")
        _made(host)
        _restored(host, token, image)
        _told_of_a_lost_original(host)
        _broken_off_without_a_trace(host)
        _reaches_no_database_over_a_network(host)
        _left_as_the_administrator_has_it(host, now, later)
        _kept_by_a_purge(host, now)


def _sound(host: Host) -> None:
    done = host.machine.tried("systemd-analyze", "verify", "--man=no", _BACKUP, _TIMER)
    assert (done.returncode, done.stderr) == (0, "")
    words = ("systemd-analyze", "security", f"--threshold={_EXPOSURE}", "--no-pager", _BACKUP)
    done = host.machine.tried(*words)
    assert done.returncode == 0, done.stdout
    assert f"Overall exposure level for {_BACKUP}: 0.1" in done.stdout


def _made(host: Host) -> None:
    """Beside the running service, owned as it has to be, and so many of them."""
    host.systemctl("start", _BACKUP)
    (first,) = _backups(host)
    assert host.machine.unit("Result", _BACKUP) == "success"
    assert host.active == "active"
    assert host.machine.shell(f"stat -c '%U:%G %a' {_BACKUPS} {_BACKUPS}/{first}") == (
        "imagewright:imagewright 700\n" * 2
    )
    assert host.machine.shell(f"find {_BACKUPS} {_STATE} -not -user imagewright") == ""
    assert host.machine.shell(f"find {_BACKUPS} -type f -perm /077") == ""
    host.machine.shell(f"cd {_BACKUPS}/{first} && sha256sum --check --quiet SHA256SUMS")
    for day in range(10, 20):
        host.machine.shell(f"cp --archive {_BACKUPS}/{first} {_BACKUPS}/202601{day}T023000Z")
    host.systemctl("start", _BACKUP)
    assert len(_backups(host)) == 7
    assert first in _backups(host)
    newest = f"{_BACKUPS}/{_backups(host)[-1]}"
    assert host.machine.shell(f"find {newest} -name '*.png' -links 2"), "shared with the first"
    assert "backup" in host.command("audit", "tail")


def _restored(host: Host, token: str, image: dict[str, object]) -> None:
    host.systemctl("stop", UNIT)
    host.machine.shell(f"find {_STATE} -mindepth 1 -delete")
    host.command("restore", f"{_BACKUPS}/{_backups(host)[-1]}")
    host.systemctl("start", UNIT)
    assert host.client(token, "view", str(image["id"])) == image


def _told_of_a_lost_original(host: Host) -> None:
    (original,) = host.machine.shell(f"find {_STATE}/subjects -name '*.png'").split()
    host.machine.shell(f"mv {original} /root/original")
    try:
        assert host.machine.tried("systemctl", "start", _BACKUP).returncode != 0
        assert host.machine.unit("ActiveState", _BACKUP) == "failed"
        assert host.machine.unit("ExecMainStatus", _BACKUP) == "1"
        assert any(line.endswith(" is missing.") for line in host.machine.journal(_BACKUP))
    finally:
        host.machine.shell(f"mv /root/original {original}")
    host.systemctl("start", _BACKUP)
    assert host.machine.unit("Result", _BACKUP) == "success"


def _broken_off_without_a_trace(host: Host) -> None:
    before = _backups(host)
    host.systemctl("start", "--no-block", _BACKUP)
    _until(lambda: host.machine.unit("MainPID", _BACKUP) != "0")
    process = host.machine.unit("MainPID", _BACKUP)
    host.machine.shell(f"until ls -d {_BACKUPS}/.2*; do :; done; kill -STOP {process}", 30)
    host.systemctl("stop", "--no-block", _BACKUP)
    host.machine.shell(f"kill -CONT {process}")
    _until(lambda: host.machine.unit("ActiveState", _BACKUP) in {"inactive", "failed"})
    assert host.machine.shell(f"ls -A {_BACKUPS}").split() == before


def _reaches_no_database_over_a_network(host: Host) -> None:
    address = "postgresql://imagewright@localhost/imagewright"
    host.configure(f'{SETTINGS}\n[database]\nurl = "{address}"\n')
    try:
        assert host.machine.tried("systemctl", "start", _BACKUP).returncode != 0
        (line,) = host.machine.journal(_BACKUP)
        assert "The database is away." in line
    finally:
        host.configure()


def _left_as_the_administrator_has_it(host: Host, now: Packages, later: Packages) -> None:
    host.install(later.deb)
    assert _timer(host) == ("inactive", "disabled")
    host.systemctl("enable", "--now", _TIMER)
    host.install(now.deb)
    assert (_timer(host), host.version) == (("active", "enabled"), NOW)
    before = _backups(host)
    # As after a week in which the machine was off.
    host.systemctl("stop", _TIMER)
    host.machine.shell(f"touch --date='-1 week' /var/lib/systemd/timers/stamp-{_TIMER}")
    host.machine.write(
        f"/etc/systemd/system/{_TIMER}.d/test.conf", "[Timer]\nRandomizedDelaySec=0\n"
    )
    host.systemctl("daemon-reload")
    host.systemctl("start", _TIMER)
    _until(lambda: _backups(host) != before)
    _until(lambda: host.machine.unit("ActiveState", _BACKUP) == "inactive")


def _kept_by_a_purge(host: Host, now: Packages) -> None:
    host.machine.run("apt-get", "remove", "--yes", "imagewright")
    assert host.machine.unit("ActiveState", _TIMER) == "inactive"
    host.install(now.deb)
    assert _timer(host) == ("active", "enabled")
    kept = _backups(host)
    done = host.machine.tried("apt-get", "purge", "--yes", "imagewright")
    assert done.returncode == 0
    assert f"the backups in {_BACKUPS} stay, and are root's now" in done.stdout
    assert host.machine.shell(_LEFT).split() == [_BACKUPS]
    assert _backups(host) == kept
    assert host.machine.shell(f"find {_BACKUPS} -not -user root") == ""
    host.install(now.deb)
    host.systemctl("start", _BACKUP)
    assert host.machine.shell(f"find {_BACKUPS} -not -user imagewright") == ""


def _timer(host: Host) -> tuple[str, str]:
    enabled = host.machine.tried("systemctl", "is-enabled", _TIMER).stdout.strip()
    return host.machine.unit("ActiveState", _TIMER), enabled


def _backups(host: Host) -> list[str]:
    return host.machine.shell(f"ls {_BACKUPS}").split()


def _until(seen: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not seen():
        assert time.monotonic() < end
        time.sleep(0.3)
