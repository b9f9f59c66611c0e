"""From the installation to the purge, on booted Debians without a network."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from tests.packaging.built import NEXT, NOW, Packages, packages
from tests.packaging.host import ALICE, UNIT, Host
from tests.packaging.machine import Machine
from tests.packaging.trees import SUITES

pytestmark = [pytest.mark.packages, pytest.mark.timeout(3600)]

_LEFT = "find / -xdev -iname '*imagewright*' -not -path '/proc/*' -not -path '/root/*'"


@pytest.mark.parametrize("suite", SUITES)
def test_a_life_from_installation_to_purge(
    suite: str, boot: Callable[[str], AbstractContextManager[Machine]], now: Packages
) -> None:
    later = packages(NEXT)
    with boot(suite) as machine:
        host = Host(machine)
        host.install(now.deb)
        image, token = _first_image(host)
        _revoked_without_a_restart(host)
        _upgraded(host, later, image, token)
        _left_as_the_administrator_has_it(host, now, later)
        _gone(host, image, token)


def _first_image(host: Host) -> tuple[dict[str, object], str]:
    assert (host.active, host.enabled, host.version) == ("active", "enabled", NOW)
    assert host.status("/health") == 200
    host.configure()
    token = host.new_token("tok_kept")
    assert host.machine.shell("stat -c '%U:%G %a' /etc/imagewright /etc/imagewright/*.toml") == (
        "root:imagewright 750\nroot:root 644\nroot:imagewright 640\nroot:imagewright 640\n"
    )
    host.systemctl("restart", UNIT)
    image = host.client(token, "generate")
    assert image["bytes"] > 1000
    assert host.client(token, "view", image["id"]) == image
    return image, token


def _revoked_without_a_restart(host: Host) -> None:
    token = host.new_token("tok_lost")
    began = host.machine.unit("InvocationID")
    _until(lambda: host.let_in(token))
    host.command("token", "revoke", "tok_lost")
    _until(lambda: not host.let_in(token))
    assert host.machine.unit("InvocationID") == began
    assert ALICE in host.command("token", "list")
    host.command("audit", "tail")
    assert host.machine.shell("find /var/lib/imagewright -not -user imagewright") == ""


def _upgraded(host: Host, later: Packages, image: dict[str, object], token: str) -> None:
    before = host.machine.unit("MainPID")
    host.install(later.deb)
    assert (host.active, host.enabled, host.version) == ("active", "enabled", NEXT)
    assert host.machine.unit("MainPID") != before
    assert "[providers.placeholder]" in host.machine.read("/etc/imagewright/imagewright.toml")
    assert host.client(token, "view", str(image["id"])) == image
    assert host.machine.shell("stat -c '%U:%G %a' /etc/imagewright") == "root:imagewright 750\n"


def _left_as_the_administrator_has_it(host: Host, now: Packages, later: Packages) -> None:
    host.systemctl("stop", UNIT)
    host.install(now.deb)
    assert (host.active, host.enabled) == ("inactive", "enabled")
    host.systemctl("disable", UNIT)
    host.install(later.deb)
    assert (host.active, host.enabled, host.version) == ("inactive", "disabled", NEXT)
    host.systemctl("enable", "--now", UNIT)


def _gone(host: Host, image: dict[str, object], token: str) -> None:
    host.machine.run("apt-get", "remove", "--yes", "imagewright")
    assert host.status("/health") == 0
    assert host.machine.read("/etc/imagewright/acl.toml")
    host.install(packages(NEXT).deb)
    assert (host.active, host.enabled) == ("active", "enabled")
    assert host.client(token, "view", str(image["id"])) == image
    host.drop_in("Nice=1")
    host.machine.run("apt-get", "purge", "--yes", "imagewright")
    assert host.machine.shell(_LEFT) == ""
    assert host.machine.tried("getent", "passwd", "imagewright").returncode == 2
    assert host.machine.tried("getent", "group", "imagewright").returncode == 2
    assert host.machine.unit("LoadState") == "not-found"


def _until(seen: Callable[[], bool]) -> None:
    end = time.monotonic() + 15
    while not seen():
        assert time.monotonic() < end
        time.sleep(0.3)
