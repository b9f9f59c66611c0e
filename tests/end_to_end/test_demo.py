"""`imagewright demo`: what it prints is true, and it stops when it is told to."""

import asyncio
import json
import os
import pty
import re
import signal
import socket
import stat
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastmcp import Client

from tests.end_to_end.program import Program, free_port, program

END = "until Ctrl-C."


@asynccontextmanager
async def piped(directory: Path, *more: str) -> AsyncIterator[tuple[Program, str]]:
    """A demo whose output is read from a pipe, and what it printed."""
    arguments = ("demo", "--state", str(directory / "demo"), *more)
    async with program(directory / "log", *arguments) as started:
        stdout = started.process.stdout
        assert stdout is not None
        printed = ""
        async with asyncio.timeout(30):
            while END not in printed:
                line = await stdout.readline()
                if not line:
                    raise AssertionError(started.log)
                printed += line.decode()
        yield started, printed


def config_of(printed: str) -> dict[str, Any]:
    """The client configuration as printed."""
    found = re.search(r"^\{.*^\}", printed, re.DOTALL | re.MULTILINE)
    assert found is not None
    config: dict[str, Any] = json.loads(found[0])
    return config


async def check(printed: str) -> None:
    """Follow everything that was printed."""
    path = Path(printed.split("Made an image:")[1].split(maxsplit=1)[0])
    assert path.is_file()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (link,) = re.findall(r"http://\S+/i/\S+", printed)
    async with httpx.AsyncClient() as http:
        answer = await http.get(link)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    assert answer.content == path.read_bytes()
    config = config_of(printed)
    async with Client(config) as client:
        listed = await client.call_tool("list_images", {})
        assert listed.structured_content is not None
        assert listed.structured_content["total"] >= 1
        made = await client.call_tool("generate_image", {"prompt": "mine", "size": "64x64"})
    assert made.structured_content is not None
    assert made.structured_content["state"] == "succeeded"
    server = config["mcpServers"]["imagewright"]
    assert f"claude mcp add --transport http imagewright {server['url']}" in printed
    assert f'--header "Authorization: {server["headers"]["Authorization"]}"' in printed


async def test_what_is_printed_is_true_and_again_the_second_time(tmp_path: Path) -> None:
    for _ in range(2):
        async with piped(tmp_path) as (started, printed):
            await check(printed)
            began = time.monotonic()
            started.tell(signal.SIGINT)
            assert await started.ended() == 0
            assert time.monotonic() - began < 5
            assert started.log == ""
    files = list((tmp_path / "demo").glob("subjects/*/images/*.png"))
    assert len(files) == 3  # the same ask again found its first picture


async def test_a_terminal_is_told_how_far_it_is(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    arguments = ("demo", "--state", str(tmp_path / "demo"))
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "TERM": "xterm"}
    async with program(tmp_path / "log", *arguments, stdout=theirs, env=environment) as started:
        os.close(theirs)
        printed = await asyncio.wait_for(asyncio.to_thread(_read_until_end, ours), 30)
        await check(printed.replace("\r\n", "\n"))
        started.tell(signal.SIGINT)
        assert await started.ended() == 0
    os.close(ours)


def _read_until_end(terminal: int) -> str:
    printed = b""
    while END.encode() not in printed:
        printed += os.read(terminal, 4096)
    return printed.decode()


async def test_a_taken_port_is_passed_over_unless_it_was_asked_for(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 8787))
            taken.listen()
        except OSError:
            pass  # somebody else has it, which is as good
        async with piped(tmp_path) as (started, printed):
            url = config_of(printed)["mcpServers"]["imagewright"]["url"]
            assert not url.startswith("http://127.0.0.1:8787/")
            started.tell(signal.SIGTERM)
            assert await started.ended() == 0
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        arguments = ("demo", "--state", str(tmp_path / "demo"), "--port", port)
        async with program(tmp_path / "log", *arguments) as started:
            assert await started.ended() == 1
            assert f"127.0.0.1:{port}" in started.log
            assert len(started.log.splitlines()) == 1


async def test_a_port_that_was_asked_for_is_used(tmp_path: Path) -> None:
    port = free_port()
    async with piped(tmp_path, "--port", str(port)) as (started, printed):
        assert f"http://127.0.0.1:{port}/mcp" in printed
        started.tell(signal.SIGINT)
        assert await started.ended() == 0


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_before_the_first_image_stops_it(
    tmp_path: Path, told: signal.Signals
) -> None:
    arguments = ("demo", "--state", str(tmp_path / "demo"))
    async with program(tmp_path / "log", *arguments) as started:
        await asyncio.sleep(1.5)
        started.tell(told)
        # Before anything was begun the signal itself may end it.
        assert await started.ended() in {0, 130, -told}
        assert "Traceback" not in started.log
