"""Starts that cannot be: one line that says what to do, its exit code, and no storm of restarts."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from imagewright.adapters.clock import YEAR
from tests.packaging.built import Packages
from tests.packaging.conftest import Boot
from tests.packaging.host import SETTINGS, UNIT, Host
from tests.packaging.tools import clock

pytestmark = [pytest.mark.packages, pytest.mark.timeout(3600)]

_CONF = "/etc/imagewright"
_STATE = "/var/lib/imagewright"
_BOOKS = f"{_STATE}/imagewright.db"
_CLOCK = "/usr/lib/imagewright/libfaketime.so.1"
_PYTHON = "/usr/lib/imagewright/bin/python3.13"
_SCRIPTS = {
    "listen": """
import os, pathlib, socket, time
there = socket.create_server(("127.0.0.1", 8787))
pathlib.Path("/run/listening").write_text(str(os.getpid()))
time.sleep(600)
""",
    "silent": """
import pathlib, socket, time
there = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
there.bind(("127.0.0.1", 53))
pathlib.Path("/run/silent").write_text("")
time.sleep(600)
""",
    "newer": """
import sqlite3, sys
books = sqlite3.connect(sys.argv[1], isolation_level=None)
books.execute("UPDATE alembic_version SET version_num = '9999'")
""",
    "lock": """
import sqlite3, sys, time
books = sqlite3.connect(sys.argv[1], isolation_level=None)
books.execute("BEGIN IMMEDIATE")
time.sleep(25)
""",
}


def _begun(name: str, sign: str) -> str:
    """A line of shell that begins a script, and goes on once it has left a sign."""
    begin = f"{_PYTHON} /opt/{name}.py >/dev/null 2>&1 & "
    return f"{begin}for i in $(seq 50); do [ -e {sign} ] && break; sleep 0.1; done"


_LISTEN = _begun("listen", "/run/listening")
_NAMELESS = f"{_begun('silent', '/run/silent')}; echo 'nameserver 127.0.0.1' > /etc/resolv.conf"
_ISSUER = "https://idp.example.com"
_PUBLIC = "https://images.example.com"
_NAMED = f"""
public_url = "{_PUBLIC}"
{SETTINGS}
[auth.issuers.corp]
issuer = "{_ISSUER}"
subject = "user:{{email}}"

[providers.openai]
api_key = "a key"
"""
_LOCK = f"runuser -u imagewright -- {_PYTHON} /opt/lock.py {_BOOKS} >/dev/null 2>&1 &"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bad:
    """How it comes about, the exit code, words of the one line, and how it is mended."""

    script: str
    code: int
    words: str
    mend: str = ""
    drop_in: str = ""


BAD = {
    "unknown key": Bad(
        script=f"echo 'port = 1' > {_CONF}/imagewright.toml",
        code=2,
        words="imagewright.toml:1: port: This key means nothing here.",
    ),
    "missing configuration": Bad(
        script="true",
        drop_in=f"Environment=IMAGEWRIGHT_CONFIG={_CONF}/none.toml",
        code=2,
        words="none.toml: The file cannot be opened: No such file or directory.",
    ),
    "configuration that only root reads": Bad(
        script=f"chmod 0600 {_CONF}/imagewright.toml",
        code=2,
        words="imagewright.toml: The file cannot be opened: Permission denied.",
        mend=f"chmod 0640 {_CONF}/imagewright.toml",
    ),
    "configuration that everybody writes": Bad(
        script=f"chmod 0666 {_CONF}/imagewright.toml",
        code=2,
        words="Everybody may write this file. Do: chmod o-w",
        mend=f"chmod 0640 {_CONF}/imagewright.toml",
    ),
    "secret that only root reads": Bad(
        script=f"printf 'a key\\n' > {_CONF}/key; chmod 0600 {_CONF}/key;"
        f"printf '[providers.openai]\\napi_key_file = \"key\"\\n' > {_CONF}/imagewright.toml",
        code=2,
        words="key: The file cannot be opened: Permission denied.",
    ),
    "tokens that others read": Bad(
        script=f"chmod 0644 {_CONF}/tokens.toml",
        code=2,
        words="The file holds secrets and its mode 0644 opens it to others. Do: chmod 0640",
        mend=f"chmod 0640 {_CONF}/tokens.toml",
    ),
    "full disk": Bad(
        script=f"mount -t tmpfs -o size=4m tmpfs {_STATE}",
        code=1,
        words="has no room for the space that is set aside. Free space on its disk",
        mend=f"umount {_STATE}",
    ),
    "occupied port": Bad(
        script=_LISTEN,
        code=1,
        words="127.0.0.1:8787 is not to be had: Address already in use. Stop what listens there",
        mend="kill $(cat /run/listening); rm /run/listening",
    ),
    "clock in 1970": Bad(
        script="true",
        drop_in=f'Environment=LD_PRELOAD={_CLOCK} "FAKETIME=@1970-01-02 00:00:00"'
        " FAKETIME_DONT_FAKE_MONOTONIC=1",
        code=1,
        words=f"The clock says 1970-01-02, and this program is of {YEAR}. Set the clock",
    ),
    "newer database": Bad(
        script=f"{_PYTHON} /opt/newer.py {_BOOKS}",
        code=1,
        words="Install the newer program again",
        mend=f"rm -f {_STATE}/imagewright.db*",
    ),
}


@pytest.fixture(scope="module")
def settled(boot: Boot, now: Packages) -> Iterator[Host]:
    with boot("bookworm") as machine:
        host = Host(machine)
        host.install(now.deb)
        for name, text in _SCRIPTS.items():
            machine.write(f"/opt/{name}.py", text)
        found = clock()
        assert found
        machine.copy(found, _CLOCK)
        host.configure()
        host.new_token("tok_one")
        host.systemctl("stop", UNIT)
        yield host


@pytest.mark.parametrize("name", BAD)
def test_a_bad_start_says_what_to_do_in_one_line(settled: Host, name: str) -> None:
    bad, machine = BAD[name], settled.machine
    settled.drop_in(bad.drop_in)
    machine.shell(bad.script)
    try:
        assert machine.tried("systemctl", "start", UNIT).returncode != 0
        (line,) = machine.journal()
        assert bad.words in line, line
        assert "Traceback" not in line
        assert machine.unit("ExecMainStatus") == str(bad.code)
        _no_storm(settled, bad.code)
    finally:
        settled.systemctl("stop", UNIT)
        settled.systemctl("reset-failed", UNIT)
        settled.drop_in("")
        settled.configure(SETTINGS)
        if bad.mend:
            machine.shell(bad.mend)
    settled.systemctl("start", UNIT)
    assert settled.active == "active"
    settled.systemctl("stop", UNIT)


def _no_storm(host: Host, code: int) -> None:
    """What only the operator can mend is not tried again, anything else every ten seconds."""
    if code == 2:
        assert (host.active, host.machine.unit("NRestarts")) == ("failed", "0")
    else:
        assert host.machine.unit("SubState") == "auto-restart"
        assert host.machine.unit("RestartUSec") == "10s"


def test_a_secret_that_systemd_lacks_is_not_tried_again(settled: Host) -> None:
    settled.drop_in(f"LoadCredential=provider-openai-key:{_CONF}/credentials/none")
    try:
        assert settled.machine.tried("systemctl", "start", UNIT).returncode != 0
        assert settled.machine.unit("ExecMainStatus") == "243"
        assert (settled.active, settled.machine.unit("NRestarts")) == ("failed", "0")
    finally:
        settled.drop_in("")
        settled.systemctl("reset-failed", UNIT)


def test_a_state_that_root_made_its_own_is_given_back(settled: Host) -> None:
    settled.machine.run("chown", "-R", "root:root", _STATE)
    settled.systemctl("start", UNIT)
    assert settled.status("/ready") == 200
    settled.systemctl("stop", UNIT)


def test_a_state_that_is_read_only_stops_the_start(settled: Host) -> None:
    settled.machine.shell(f"mount --bind {_STATE} {_STATE}; mount -o remount,ro,bind {_STATE}")
    try:
        assert settled.machine.tried("systemctl", "start", UNIT).returncode != 0
        assert settled.machine.unit("SubState") == "auto-restart"
        said = settled.machine.run("journalctl", "--unit", UNIT, "--output=cat", "-n", "30")
        assert "Read-only file system" in said
    finally:
        settled.systemctl("stop", UNIT)
        settled.machine.run("umount", _STATE)
    settled.systemctl("start", UNIT)
    settled.systemctl("stop", UNIT)


def test_a_port_that_comes_free_is_taken_after_a_while(settled: Host) -> None:
    bad = BAD["occupied port"]
    settled.machine.shell(bad.script)
    assert settled.machine.tried("systemctl", "start", UNIT).returncode != 0
    settled.machine.shell(bad.mend)
    _until(lambda: settled.active == "active", 40)
    assert settled.machine.unit("NRestarts") in {"1", "2"}
    settled.systemctl("stop", UNIT)


def test_ipv6_alone_is_enough(settled: Host) -> None:
    settled.configure(SETTINGS + '\n[server]\nhost = "::1"\n')
    token = settled.new_token("tok_six")
    settled.systemctl("start", UNIT)
    # systemd gives loopback its address whenever it is missing at a start.
    settled.machine.beside("ip", "address", "delete", "127.0.0.1/8", "dev", "lo")
    try:
        image = settled.client(token, "generate", url="http://[::1]:8787")
        assert image["bytes"] > 1000
        assert settled.machine.beside("ip", "-4", "address", "show") == ""
    finally:
        settled.machine.beside("ip", "address", "replace", "127.0.0.1/8", "dev", "lo")
        settled.systemctl("stop", UNIT)
        settled.configure()


def test_without_name_resolution_it_starts_and_serves(settled: Host) -> None:
    """A name server that is silent is worse than none: every question takes its time."""
    before = settled.machine.read("/etc/resolv.conf")
    settled.machine.shell(_NAMELESS)
    settled.configure(_NAMED)
    token = settled.new_token("tok_nameless")
    try:
        settled.systemctl("start", UNIT)
        assert (settled.status("/health"), settled.status("/ready")) == (200, 200)
        assert settled.client(token, "generate")["bytes"] > 1000
        theirs = ("--header", f"Authorization: Bearer {_signed()}", "--data", "{}")
        assert settled.status("/mcp", *theirs, "--max-time", "60") == 503
        assert settled.client(token, "generate")["bytes"] > 1000
        settled.systemctl("stop", UNIT)
        assert settled.machine.unit("Result") == "success"
    finally:
        settled.systemctl("stop", UNIT)
        settled.machine.write("/etc/resolv.conf", before)
        settled.configure()


def _signed() -> str:
    """A token of an issuer whose keys nobody has read."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    now = int(time.time())
    claims = {"iss": _ISSUER, "aud": f"{_PUBLIC}/mcp", "sub": "a", "email": "a@example.com"}
    headers = {"typ": "at+jwt", "kid": "first"}
    return jwt.encode({**claims, "iat": now, "exp": now + 600}, key, "RS256", headers)


def test_a_process_that_hangs_is_started_anew(settled: Host) -> None:
    settled.drop_in("WatchdogSec=5\nTimeoutAbortSec=5")
    settled.systemctl("start", UNIT)
    try:
        first = settled.machine.unit("MainPID")
        settled.machine.shell(f"kill -STOP {first}")
        _until(lambda: settled.machine.unit("Result") == "watchdog", 20)
        _until(lambda: settled.active == "active", 40)
        assert settled.machine.unit("MainPID") != first
        assert settled.status("/ready") == 200
    finally:
        settled.drop_in("")
        settled.systemctl("stop", UNIT)


def test_a_database_that_is_locked_is_no_reason_to_restart(settled: Host) -> None:
    settled.drop_in("WatchdogSec=9")
    settled.systemctl("start", UNIT)
    try:
        first = settled.machine.unit("MainPID")
        settled.machine.shell(_LOCK)
        _until(lambda: settled.status("/ready") == 503, 20)
        time.sleep(15)
        assert (settled.machine.unit("MainPID"), settled.active) == (first, "active")
        _until(lambda: settled.status("/ready") == 200, 40)
        assert settled.machine.unit("NRestarts") == "0"
    finally:
        settled.drop_in("")
        settled.systemctl("stop", UNIT)


def _until(seen: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < end
        time.sleep(0.3)
