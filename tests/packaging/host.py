"""A machine with the package in it, as its administrator works on it."""

import json
import shlex
import sys
from pathlib import Path
from typing import Any

from tests.packaging.machine import Machine

UNIT = "imagewright.service"
ALICE = "user:alice@example.com"
SETTINGS = """
read_only = false

[auth]
acl_path = "acl.toml"
tokens_path = "tokens.toml"

[providers.placeholder]
"""
ACL = f"""
[subjects]
"{ALICE}" = ["*"]
"""
_ROOT = Path(__file__).parents[2]
_CONF = "/etc/imagewright"


class Host:
    """What is done by hand, and what is seen of it."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine

    def install(self, deb: Path) -> None:
        """As apt does, offline; a conffile that was edited is kept."""
        self.machine.copy(deb, "/root/imagewright.deb")
        keep = "-oDpkg::Options::=--force-confold"
        self.machine.run(
            *("apt-get", "install", "--yes", "--allow-downgrades", keep, "/root/imagewright.deb")
        )

    def configure(self, settings: str = SETTINGS) -> None:
        """Write settings and an ACL after what the conffile says."""
        for name, text in (("imagewright.toml", settings), ("acl.toml", ACL)):
            self.machine.shell(f"printf '%s' {shlex.quote(text)} > {_CONF}/{name}")

    def command(self, *words: str) -> str:
        """The standard output of `imagewright …`."""
        return self.machine.run("imagewright", *words).strip()

    def new_token(self, id: str) -> str:
        """Another token of Alice's."""
        return self.command("token", "add", ALICE, "--id", id)

    def client(self, token: str, *act: str, url: str = "http://127.0.0.1:8787") -> dict[str, Any]:
        """What a client over MCP has of it, from this machine's network."""
        program = ("env", f"PYTHONPATH={_ROOT}", sys.executable, "-m", "tests.packaging.client")
        found: dict[str, Any] = json.loads(self.machine.beside(*program, f"{url}/mcp", token, *act))
        return found

    def status(self, path: str, *more: str) -> int:
        """The HTTP status of a request; 0 where nobody answers."""
        words = ("curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}")
        url = f"http://127.0.0.1:8787{path}"
        script = f"{shlex.join((*words, '--max-time', '10', *more, url))} || true"
        return int(self.machine.beside("sh", "-c", script) or 0)

    def let_in(self, token: str) -> bool:
        """Whether this token is good, as an empty call shows."""
        given = ("--header", f"Authorization: Bearer {token}")
        kind = ("--header", "Content-Type: application/json", "--data", "{}")
        return self.status("/mcp", *given, *kind) not in {0, 401}

    @property
    def active(self) -> str:
        return self.machine.unit("ActiveState")

    @property
    def enabled(self) -> str:
        return self.machine.tried("systemctl", "is-enabled", UNIT).stdout.strip()

    @property
    def version(self) -> str:
        return self.command("--version")

    def systemctl(self, *words: str) -> None:
        self.machine.run("systemctl", *words)

    def drop_in(self, text: str) -> None:
        """Replace the one drop-in of the tests; an empty text takes it away."""
        place = f"/etc/systemd/system/{UNIT}.d/test.conf"
        if text:
            self.machine.write(place, f"[Service]\n{text}\n")
        else:
            self.machine.run("rm", "-f", place)
        self.systemctl("daemon-reload")
