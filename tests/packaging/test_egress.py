"""The profile imagewright-egress: a service without a network, and the proxy that it asks."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from tests.fakes.openai_images import KEY
from tests.identity.provider import CLIENT
from tests.packaging.host import SETTINGS, UNIT, Host

pytestmark = [pytest.mark.packages, pytest.mark.timeout(3600)]

PROXY = "imagewright-egress.service"
_ROOT = Path(__file__).parents[2]
_DROP_INS = f"/etc/systemd/system/{UNIT}.d"
_PROBE = "/usr/lib/imagewright/lib/python3.13/site-packages/imagewright_probe.py"
_BASE = "http://127.0.0.1:8787"
_PROVIDER = """
public_url = "{base}"
read_only = false

[auth]
acl_path = "acl.toml"

[auth.issuers.idp]
issuer = "{issuer}"

[providers.paint]
kind = "openai_compatible"
base_url = "{vendor}/v1"
charges = false
models = ["gpt-image-1"]
[providers.paint.prices."gpt-image-1"]
per = "image"
prices = {{ "*" = "0" }}
"""


class Vendor:
    """A provider that listens on the machine's loopback between `with` and its end."""

    def __init__(self, host: Host) -> None:
        self._words = ("nsenter", "-t", str(host.machine.init), "-n", sys.executable)
        self.told: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [*self._words, "-m", "tests.packaging.vendor", f"{_BASE}/mcp"],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.told = json.loads(self._process.stdout.readline())
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.communicate()

    @property
    def settings(self) -> str:
        """Settings with both of them."""
        return _PROVIDER.format(base=_BASE, **self.told)

    def port(self, name: str) -> int:
        """Where one of them listens."""
        return int(self.told[name].rpartition(":")[2])

    def ended(self) -> int:
        """How many pictures it was asked for."""
        out, _ = self._process.communicate(timeout=30)
        return int(out)


_CREDENTIAL = "/etc/imagewright/credentials/provider-paint-key"


def switch(host: Host) -> None:
    """As the how-to says it."""
    machine = host.machine
    machine.run("mkdir", "-p", _DROP_INS)
    machine.run("ln", "-sf", "/usr/share/imagewright/imagewright-egress.conf", _DROP_INS)
    host.systemctl("daemon-reload")
    host.systemctl("enable", "--now", "imagewright.socket", "imagewright-egress.socket")


@pytest.fixture(scope="module")
def switched(host: Host) -> Host:
    host.configure()
    host.systemctl("stop", UNIT)
    switch(host)
    return host


def test_systemd_finds_no_fault(switched: Host) -> None:
    units = (UNIT, "imagewright.socket", PROXY, "imagewright-egress.socket")
    done = switched.machine.tried("systemd-analyze", "verify", "--man=no", *units)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("offline", ["yes", "no"])
@pytest.mark.parametrize(("unit", "most"), [(UNIT, "0.1 SAFE"), (PROXY, "1.0 OK")])
def test_the_exposure_of_the_service_is_a_tenth(
    switched: Host, unit: str, most: str, offline: str
) -> None:
    ten_times = str(int(float(most.split(maxsplit=1)[0]) * 10))
    done = switched.machine.tried(
        *("systemd-analyze", "security", f"--threshold={ten_times}", "--no-pager"),
        *(f"--offline={offline}", unit),
    )
    assert done.returncode == 0, done.stdout
    assert f"Overall exposure level for {unit}: {most}" in done.stdout


def test_a_call_with_an_issuers_token_makes_an_image_by_the_proxy_alone(switched: Host) -> None:
    host = switched
    with Vendor(host) as there:
        host.configure(there.settings)
        # The service alone is given the key.
        host.machine.write(_CREDENTIAL, KEY, 0o600)
        host.drop_in(f"LoadCredential=provider-paint-key:{_CREDENTIAL}")
        acl = f'[subjects]\n"user:idp/{CLIENT}" = ["images:read", "images:write"]\n'
        host.machine.write("/etc/imagewright/acl.toml", acl)
        host.systemctl("restart", UNIT, PROXY)
        image = host.client(there.told["token"], "generate", "paint", "1024x1024")
        assert image["bytes"] > 1000
        assert there.ended() == 1
    lines = [json.loads(line) for line in host.machine.journal(PROXY) if line.startswith("{")]
    carried = [line for line in lines if line["event"] == "tunnel"]
    assert {line["port"] for line in carried} == {there.port("vendor"), there.port("issuer")}
    assert {line["outcome"] for line in carried} == {"closed"}
    assert host.machine.unit("NetworkNamespacePath") == ""
    assert host.machine.unit("PrivateNetwork") == "yes"


def test_the_service_has_another_user_and_network_than_its_proxy(switched: Host) -> None:
    host = switched
    host.systemctl("start", UNIT, PROXY)
    service, proxy = (
        host.machine.shell(
            f"pid=$(systemctl show --value --property=MainPID {unit});"
            " stat --format=%U /proc/$pid; readlink /proc/$pid/ns/net"
        ).split()
        for unit in (UNIT, PROXY)
    )
    assert (service[0], proxy[0]) == ("imagewright", "imagewright-egress")
    assert service[1] != proxy[1]
    assert proxy[1] == host.machine.run("readlink", "/proc/1/ns/net").strip()
    state = host.machine.tried(
        *("runuser", "-u", "imagewright-egress", "--", "ls", "/var/lib/imagewright")
    )
    assert state.returncode != 0


def test_a_reload_of_the_proxy_keeps_its_process(switched: Host) -> None:
    host = switched
    host.systemctl("restart", PROXY)
    first = host.machine.unit("MainPID", PROXY)
    host.systemctl("reload", PROXY)
    assert host.machine.unit("MainPID", PROXY) == first
    host.systemctl("stop", PROXY)
    assert host.machine.unit("Result", PROXY) == "success"


def test_a_database_on_the_network_keeps_it_from_starting_in_one_sentence(switched: Host) -> None:
    host = switched
    host.configure(f'{SETTINGS}\n[database]\nurl = "postgresql://db.example/x"\n')
    try:
        assert host.machine.tried("systemctl", "restart", UNIT).returncode != 0
        said = "\n".join(host.machine.journal())
        assert "With egress.socket the service itself reaches no other" in said
        assert host.machine.unit("ExecMainStatus") == "2"
    finally:
        host.configure()
        host.systemctl("reset-failed", UNIT)
        host.systemctl("restart", "imagewright.socket")


@pytest.fixture(scope="module")
def found(switched: Host) -> Iterator[dict[str, Any]]:
    """What the probe wrote, in the place of the service, and the port that it tried."""
    host, machine = switched, switched.machine
    host.systemctl("stop", "imagewright.socket", UNIT)
    for address in ("169.254.169.254/32", "192.0.2.1/32", "93.184.216.34/32", "fd00:ec2::254/128"):
        machine.beside("ip", "address", "add", address, "dev", "lo")
    machine.copy(Path(__file__).with_name("probe_network.py"), _PROBE)
    with Vendor(host) as there:
        host.configure(there.settings)
        host.systemctl("restart", PROXY)
        python = "/usr/lib/imagewright/bin/python3.13 -I -B"
        host.drop_in(
            "Type=oneshot\nRestart=no\nWatchdogSec=0\nExecStart=\n"
            f"ExecStart={python} {_PROBE} {there.port('vendor')}"
        )
        done = machine.tried("systemctl", "start", UNIT)
        assert done.returncode == 0, machine.journal()
        written: dict[str, Any] = json.loads(machine.read("/var/lib/imagewright/probe.json"))
        yield {**written, "port": there.port("vendor")}
    host.drop_in("")


def test_nothing_is_reached_beside_the_proxy(found: dict[str, Any]) -> None:
    attempts = found["attempts"]
    assert len(attempts) == 15
    assert {name: came for name, came in attempts.items() if came == "allowed"} == {}


def test_the_proxy_leads_to_what_the_settings_name_and_nowhere_else(found: dict[str, Any]) -> None:
    statuses = dict(found["proxy"])
    assert statuses.pop(f"127.0.0.1:{found['port']}") == "200"
    assert set(statuses.values()) == {"403"}
    assert len(statuses) == 3
