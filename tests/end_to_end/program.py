"""The `imagewright` command as a process of its own, and what it prints."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import tomli_w


def free_port() -> int:
    """A port of loopback that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def as_toml(wanted: Mapping[str, object]) -> str:
    """Dotted keys as imagewright.toml has them."""
    table: dict[str, Any] = {}
    for dotted, value in wanted.items():
        *path, last = dotted.split(".")
        place = table
        for name in path:
            place = place.setdefault(name, {})
        place[last] = value
    return tomli_w.dumps(table)


class Program:
    """A running command; its standard error is kept in a file."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text()

    def tell(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def ended(self, seconds: float = 15.0) -> int:
        """The exit code. Raises TimeoutError."""
        async with asyncio.timeout(seconds):
            return await self.process.wait()


@asynccontextmanager
async def program(log: Path, *arguments: str, **more: Any) -> AsyncIterator[Program]:
    """Run `imagewright` until the context ends, in an environment that sets nothing."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(log.parent)}
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "imagewright",
            *arguments,
            **{
                "stdin": asyncio.subprocess.DEVNULL,
                "stdout": asyncio.subprocess.PIPE,
                "stderr": errors,
                "env": environment,
                **more,
            },
        )
        try:
            yield Program(process, log)
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def beside(state: Path, *words: str) -> tuple[int, str]:
    """The exit code and the words of a command that is given the state directory alone."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "imagewright", *words,
        env={"PATH": os.environ["PATH"], "HOME": "/nowhere", "IMAGEWRIGHT_STATE": str(state)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, (out or errors).decode()


async def until_ready(base: str, seconds: float = 20.0) -> None:
    """Return once the service takes work."""
    until = time.monotonic() + seconds
    async with httpx.AsyncClient() as client:
        while time.monotonic() < until:
            try:
                if (await client.get(f"{base}/ready")).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.05)
    raise TimeoutError
