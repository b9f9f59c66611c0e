"""A real diffusion server: built once, kept outside the tree, run with random weights."""

import fcntl
import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.end_to_end.program import free_port

HERE = Path(__file__).parent
SOURCES = ("build.sh", "weights.py", "sdxs_manifest.json.gz")


@dataclass(frozen=True, slots=True, kw_only=True)
class Engine:
    """A running server, and the address of its OpenAI-shaped interface."""

    base_url: str
    log: Path


def obstacle() -> str | None:
    """Why the engine cannot be had here, or None."""
    if (cache() / "sd-server").exists() or shutil.which("g++"):
        return None
    if os.geteuid() == 0 and shutil.which("apt-get"):
        return None
    return "there is no C++ compiler, and only root could install one"


def cache() -> Path:
    """Where this version of the scripts keeps what it made."""
    digest = hashlib.sha256()
    for name in SOURCES:
        digest.update((HERE / name).read_bytes())
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "imagewright" / "engines" / digest.hexdigest()[:16]


def ensure() -> tuple[Path, Path]:
    """The server and its weights, made if they are not there; others that need them wait."""
    directory = cache()
    directory.mkdir(parents=True, exist_ok=True)
    server, weights = directory / "sd-server", directory / "weights.safetensors"
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not server.exists():
            _run(directory, ["bash", str(HERE / "build.sh"), str(directory)])
        if not weights.exists():
            part = directory / "weights.part"
            _run(directory, [sys.executable, str(HERE / "weights.py"), str(part)])
            part.rename(weights)
    return server, weights


@contextmanager
def running(directory: Path) -> Iterator[Engine]:
    """The server on a port of its own, in an empty directory, since it offers what lies in it."""
    server, weights = ensure()
    port, log = free_port(), directory / "sd-server.log"
    empty = directory / "empty"
    empty.mkdir()
    command = [
        *(str(server), "-m", str(weights), "--listen-ip", "127.0.0.1", "--listen-port", str(port)),
        *("--steps", "1", "--cfg-scale", "1.0", "-W", "64", "-H", "64"),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=empty, stdout=output, stderr=output)
    try:
        _await(process, port, log)
        yield Engine(base_url=f"http://127.0.0.1:{port}/v1", log=log)
    finally:
        process.terminate()
        process.wait(10)


def _run(directory: Path, command: list[str]) -> None:
    log = directory / "log"
    with log.open("ab") as output:
        done = subprocess.run(
            command,
            check=False,
            stdout=output,
            stderr=output,
            env={**os.environ, "PYTHON": sys.executable},
        )
    if done.returncode:
        raise RuntimeError(f"{command[1]} failed:\n{log.read_text(errors='replace')[-2000:]}")


def _await(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"the engine ended:\n{log.read_text(errors='replace')[-2000:]}")
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError("the engine does not listen")
