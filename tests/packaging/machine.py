"""A booted Debian in a container of systemd-nspawn, with no network but its own loopback."""

import os
import secrets
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SPACES = ("-m", "-u", "-i", "-n", "-p", "-C", "-r", "-w")
_ENVIRONMENT = (
    "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
    "LANG=C.UTF-8",
    "DEBIAN_FRONTEND=noninteractive",
)
_UP = {"running", "degraded"}


class Machine:
    """A running container, by the process number of its init."""

    def __init__(self, init: int) -> None:
        self.init = init

    def run(self, *words: str | Path, seconds: float = 300) -> str:
        """The standard output of a command that ends well; an assertion with its words if not."""
        done = self.tried(*words, seconds=seconds)
        said = (
            f"{words} ended with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        )
        assert done.returncode == 0, said
        return done.stdout

    def tried(self, *words: str | Path, seconds: float = 300) -> "subprocess.CompletedProcess[str]":
        """A command that may fail."""
        inside = ("nsenter", "-t", str(self.init), *_SPACES, "env", "-i", *_ENVIRONMENT)
        return subprocess.run(
            [*inside, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            text=True,
            timeout=seconds,
        )

    def shell(self, script: str, seconds: float = 300) -> str:
        """As `run`, for a line of shell."""
        return self.run("sh", "-ec", script, seconds=seconds)

    def beside(self, *words: str | Path) -> str:
        """As `run`, for a program of the host with the container's network alone."""
        done = subprocess.run(
            ["nsenter", "-t", str(self.init), "-n", *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            text=True,
            timeout=120,
        )
        said = (
            f"{words} ended with {done.returncode}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        )
        assert done.returncode == 0, said
        return done.stdout

    def write(self, path: str, text: str, mode: int = 0o644) -> None:
        """A file of root's."""
        place = Path(f"/proc/{self.init}/root{path}")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, "utf-8")
        place.chmod(mode)

    def copy(self, source: Path, path: str) -> None:
        """A file of the host's."""
        place = Path(f"/proc/{self.init}/root{path}")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(source.read_bytes())

    def read(self, path: str) -> str:
        """What a file says."""
        return Path(f"/proc/{self.init}/root{path}").read_text("utf-8")

    def unit(self, name: str, unit: str = "imagewright.service") -> str:
        """A property of a unit."""
        return self.run("systemctl", "show", "--value", "--property", name, unit).strip()

    def journal(self, unit: str = "imagewright.service") -> list[str]:
        """The lines that a unit's processes printed since it was last started."""
        since = f"_SYSTEMD_INVOCATION_ID={self.unit('InvocationID', unit)}"
        return self.run("journalctl", "--output=cat", "--quiet", since).splitlines()


@contextmanager
def booted(tree: Path, log: Path) -> Iterator[Machine]:
    """Boot a tree, which stays as it is: what is written is in memory and lost at the end."""
    name = f"imagewright-{secrets.token_hex(4)}"
    cgroup = _cgroup(name)
    command = (
        # In a control group of its own: what systemd attaches to the groups of its units, such as
        # what drops packets, stays there after a container that was killed, and would meet others.
        *("sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', cgroup),
        *("systemd-nspawn", f"--directory={tree}", "--boot", "--volatile=overlay"),
        *("--register=no", "--keep-unit", "--private-network", "--console=pipe"),
        f"--machine={name}",
        # Without these, IPAddressDeny= of the units inside is passed over in silence.
        *("--capability=CAP_BPF,CAP_PERFMON,CAP_NET_ADMIN", "--system-call-filter=bpf"),
    )
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, "UNIFIED_CGROUP_HIERARCHY": "yes"},
            start_new_session=True,
        )
    try:
        yield _up(process, log)
    finally:
        for init in _children(process.pid):
            os.kill(init, 9)
        process.terminate()
        process.wait(30)
        _removed(cgroup)


def _up(process: "subprocess.Popen[bytes]", log: Path) -> Machine:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        for init in _children(process.pid):
            machine = Machine(init)
            if machine.tried("systemctl", "is-system-running").stdout.strip() in _UP:
                return machine
        time.sleep(0.1)
    raise TimeoutError(f"the container does not start:\n{log.read_text(errors='replace')[-3000:]}")


def _cgroup(name: str) -> Path:
    """A new control group of the second version."""
    lines = [line.split() for line in Path("/proc/self/mounts").read_text("ascii").splitlines()]
    found = Path(next(place for _, place, kind, *_ in lines if kind == "cgroup2"), name)
    found.mkdir()
    return found


def _removed(cgroup: Path) -> None:
    """Remove it with all that a container made in it, once its last process is gone."""
    until = time.monotonic() + 30
    while True:
        try:
            for each in sorted(filter(Path.is_dir, cgroup.rglob("*")), reverse=True):
                each.rmdir()
            cgroup.rmdir()
        except OSError:
            assert time.monotonic() < until, f"{cgroup} is still in use"
            time.sleep(0.1)
        else:
            return


def _children(process: int) -> list[int]:
    """The init among the children of systemd-nspawn."""
    try:
        found = Path(f"/proc/{process}/task/{process}/children").read_text("ascii").split()
        return [int(each) for each in found if _name(int(each)) == "systemd"]
    except FileNotFoundError:
        return []


def _name(process: int) -> str:
    return Path(f"/proc/{process}/comm").read_text("utf-8").strip()
