"""The image, built from this tree, and containers of it: no daemon, no registry of images."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROGRAMS = {"buildah": "buildah", "podman": "podman", "runc": "runc", "mmdebstrap": "mmdebstrap"}
"""What builds and runs it, each with Debian's package."""

IMAGE = "localhost/imagewright:test"
_ROOT = Path(__file__).parents[2]
_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "imagewright-image"
_STORAGE = """[storage]
driver = "overlay"
graphroot = "{cache}/graph"
runroot = "{cache}/run"
"""
# The limits that may be asked for where a sandbox has not the right to raise its own.
_LIMITS = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000")
_HARDENED = (
    "--read-only", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--pids-limit=256",
    "--tmpfs=/tmp:rw,noexec,nosuid,nodev,size=64m",
)  # fmt: skip


def run(*words: str, seconds: float = 120) -> str:
    """What a command prints. Raises AssertionError with its words where it fails."""
    _CACHE.mkdir(parents=True, exist_ok=True)
    storage = _CACHE / "storage.conf"
    storage.write_text(_STORAGE.format(cache=_CACHE))
    environ = {**os.environ, "CONTAINERS_STORAGE_CONF": str(storage)}
    done = subprocess.run(
        words, capture_output=True, text=True, cwd=_ROOT, env=environ, timeout=seconds, check=False
    )
    assert done.returncode == 0, f"{' '.join(words)}: {(done.stderr or done.stdout)[-3000:]}"
    return done.stdout.strip()


def build() -> None:
    """Build it; layers that did not change are taken from the cache."""
    run("packaging/image/build", IMAGE, seconds=1200)


@dataclass(frozen=True, slots=True)
class Container:
    """A container that was started."""

    name: str

    def do(self, *words: str) -> str:
        """What a command in it prints."""
        return run("podman", "exec", self.name, *words)

    def inspect(self, what: str) -> str:
        return run("podman", "inspect", "--format", what, self.name)

    @property
    def log(self) -> str:
        """Standard output and standard error."""
        return run("sh", "-c", f"podman logs {self.name} 2>&1")

    def status(self) -> dict[str, str]:
        """The kernel's word on the process that is its first."""
        lines = Path(f"/proc/{self.inspect('{{.State.Pid}}')}/status").read_text().splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def stop(self, seconds: int) -> int:
        """SIGTERM, and its exit code."""
        run("podman", "stop", "--time", str(seconds), self.name, seconds=seconds + 60)
        return int(self.inspect("{{.State.ExitCode}}"))


@contextmanager
def running(name: str, port: int, *options: str) -> Iterator[Container]:
    """The service in a container with a read-only root and no privilege, at a port of loopback."""
    run(
        "podman", "--runtime", "runc", "run", "--detach", "--replace", "--name", name, *_LIMITS,
        *_HARDENED, "--publish", f"127.0.0.1:{port}:8787", *options, IMAGE,
    )  # fmt: skip
    try:
        yield Container(name)
    finally:
        run("podman", "rm", "--force", "--time", "5", name)


@contextmanager
def volume(name: str) -> Iterator[str]:
    """A volume that is there for a test."""
    run("podman", "volume", "rm", "--force", name)
    try:
        yield run("podman", "volume", "create", name)
    finally:
        run("podman", "volume", "rm", "--force", name)
