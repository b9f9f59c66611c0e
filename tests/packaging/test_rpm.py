"""The rpm's scriptlets under a real systemd, run by Debian's rpm: no Fedora is here."""

import pytest

from tests.packaging.built import NEXT, NOW, Packages, packages
from tests.packaging.conftest import Boot
from tests.packaging.host import UNIT, Host

pytestmark = [pytest.mark.packages, pytest.mark.timeout(3600)]


def _rpm(host: Host, act: str, *more: str) -> None:
    # Debian's packages are not in rpm's database.
    host.machine.run("rpm", act, "--nodeps", *more)


def _install(host: Host, found: Packages, *act: str) -> None:
    host.machine.copy(found.rpm, "/root/imagewright.rpm")
    _rpm(host, *act, "/root/imagewright.rpm")


def test_a_life_from_installation_to_removal(boot: Boot, now: Packages) -> None:
    later = packages(NEXT)
    with boot("bookworm") as machine:
        host = Host(machine)
        machine.write("/usr/lib/systemd/system-preset/00.preset", "enable imagewright.service\n")
        _install(host, now, "--install")
        assert (host.active, host.enabled, host.version) == ("inactive", "enabled", NOW)
        host.configure()
        token = host.new_token("tok_kept")
        host.systemctl("start", UNIT)
        image = host.client(token, "generate")
        first = machine.unit("MainPID")
        _install(host, later, "--upgrade")
        assert (host.active, host.enabled, host.version) == ("active", "enabled", NEXT)
        assert machine.unit("MainPID") != first
        assert "[providers.placeholder]" in machine.read("/etc/imagewright/imagewright.toml")
        assert host.client(token, "view", image["id"]) == image
        host.systemctl("disable", "--now", UNIT)
        _install(host, now, "--upgrade", "--oldpackage")
        assert (host.active, host.enabled) == ("inactive", "disabled")
        host.systemctl("enable", "--now", UNIT)
        _rpm(host, "--erase", "imagewright")
        assert host.status("/health") == 0
        assert host.enabled in {"", "not-found"}
        assert machine.shell("ls -d /usr/lib/imagewright /usr/share/imagewright || true") == ""
        assert machine.read("/etc/imagewright/acl.toml")
        assert machine.shell("ls /var/lib/imagewright/imagewright.db")
