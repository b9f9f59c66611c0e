"""Signals: stop, stop at once, look again; and what a start that cannot be says."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastmcp import Client
from fastmcp.client.auth import BearerAuth

from imagewright.app import App, build
from imagewright.app.serving import serve_http
from imagewright.core.errors import Unavailable
from tests.end_to_end.books import disagreements, jobs
from tests.end_to_end.money import (
    ACL,
    CAST,
    HUMAN,
    ROBOT,
    Wire,
    ask,
    call,
    code,
    with_vendor,
)
from tests.end_to_end.program import Program, as_toml, free_port, program, until_ready
from tests.end_to_end.service import Mode, configured, running, settings_of, wanted
from tests.fakes.openai_images import FakeOpenAI
from tests.fakes.vendor import Reply, Way


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """`imagewright serve` with a vendor."""

    program: Program
    base: str
    state: Path
    vendor: FakeOpenAI
    tokens: dict[str, str]

    def client(self, who: str, mode: Mode = "auto") -> Client[Any]:
        return Client(f"{self.base}/mcp", auth=BearerAuth(self.tokens[who]), mode=mode)

    def wire(self, who: str) -> Wire:
        return Wire(f"{self.base}/mcp", self.tokens[who])


def written(
    state: Path, port: int, vendor: FakeOpenAI, **more: object
) -> tuple[Path, dict[str, str]]:
    """An imagewright.toml for a state directory, and the tokens."""
    explicit = with_vendor(vendor, server__port=port, **more)
    _, tokens = configured(state, ACL, CAST, **explicit)
    file = state.parent / "imagewright.toml"
    file.write_text(as_toml(wanted(state, **explicit)))
    file.chmod(0o600)
    return file, tokens


@asynccontextmanager
async def serve(directory: Path, vendor: FakeOpenAI, **more: object) -> AsyncIterator[Served]:
    port, state = free_port(), directory / "state"
    apart = {"start_new_session": bool(more.pop("start_new_session", False))}
    file, tokens = written(state, port, vendor, **more)
    base = f"http://127.0.0.1:{port}"
    command = ("serve", "--config", str(file))
    async with program(directory / "log", *command, **apart) as started:
        await until_ready(base)
        yield Served(program=started, base=base, state=state, vendor=vendor, tokens=tokens)


@pytest.fixture
def vendor() -> Any:
    with FakeOpenAI() as found:
        yield found


async def until_called(vendor: FakeOpenAI, calls: int) -> None:
    async with asyncio.timeout(10):
        while vendor.calls() < calls:  # noqa: ASYNC110 - it is a process of its own
            await asyncio.sleep(0.02)


async def test_a_stop_awaits_what_runs_and_keeps_what_waits(
    tmp_path: Path, vendor: FakeOpenAI
) -> None:
    vendor.slow_seconds = 2.0
    vendor.replies.append(Reply(way=Way.SLOW))
    async with serve(tmp_path, vendor, limits__running=1) as served, served.wire(ROBOT) as wire:
        running_ask, waiting_ask = ask(wait=30), ask(wait=30)
        waited = asyncio.create_task(wire.send(running_ask))
        await until_called(vendor, 1)
        queued = asyncio.create_task(wire.send(waiting_ask))
        await asyncio.sleep(0.3)
        served.program.tell(signal.SIGTERM)
        await asyncio.sleep(0.2)
        async with httpx.AsyncClient() as client:
            assert (await client.get(f"{served.base}/ready")).status_code == 503
            assert (await client.get(f"{served.base}/health")).status_code == 200
        refused = await wire.send(ask())
        assert code(refused) == "unavailable"
        assert refused["error"]["retry"] == "later"
        told = await queued
        assert told["state"] == "queued"
        made = await waited
        assert made["state"] == "succeeded"
        assert await served.program.ended() == 0
        assert "Traceback" not in served.program.log
    assert {row["state"] for row in jobs(served.state).values()} == {"succeeded", "queued"}
    assert disagreements(served.state) == []
    settings, tokens = configured_again(served, vendor)
    async with running(settings, tokens) as again, again.client(ROBOT) as client:
        ended = await call(client, "get_job", {"job": told["job"], "wait": 20})
    assert ended["state"] == "succeeded"
    assert vendor.calls() == 2


def configured_again(served: Served, vendor: FakeOpenAI) -> Any:
    return settings_of(wanted(served.state, **with_vendor(vendor))), served.tokens


async def test_ctrl_c_in_a_terminal_ends_no_worker_that_a_running_job_needs(
    tmp_path: Path, vendor: FakeOpenAI
) -> None:
    vendor.slow_seconds = 1.0
    vendor.replies.append(Reply(way=Way.SLOW))
    # The signal goes to every process of the group, so the group must not be that of the tests.
    async with (
        serve(tmp_path, vendor, start_new_session=True) as served,
        served.wire(ROBOT) as wire,
    ):
        waited = asyncio.create_task(wire.send(ask(wait=30)))
        await until_called(vendor, 1)
        os.killpg(served.program.process.pid, signal.SIGINT)
        assert (await waited)["state"] == "succeeded"
        assert await served.program.ended() == 0
        assert "[warning" not in served.program.log
        assert "Traceback" not in served.program.log


async def test_an_idle_session_does_not_hold_a_stop_up(tmp_path: Path, vendor: FakeOpenAI) -> None:
    async with serve(tmp_path, vendor) as served, served.client(HUMAN, "legacy") as client:
        await client.list_tools()
        began = time.monotonic()
        served.program.tell(signal.SIGTERM)
        assert await served.program.ended() == 0
        assert time.monotonic() - began < 6
        assert "Traceback" not in served.program.log


@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT])
async def test_a_second_signal_breaks_off_at_once(
    tmp_path: Path, vendor: FakeOpenAI, second: signal.Signals
) -> None:
    vendor.slow_seconds = 20.0
    vendor.replies.append(Reply(way=Way.SLOW))
    async with serve(tmp_path, vendor) as served:
        async with served.wire(ROBOT) as wire:
            asked = await wire.send(ask(wait=0))
        await until_called(vendor, 1)
        served.program.tell(signal.SIGTERM)
        await asyncio.sleep(0.3)
        assert served.program.process.returncode is None
        began = time.monotonic()
        served.program.tell(second)
        assert await served.program.ended() == 0
        assert time.monotonic() - began < 6
    row = jobs(served.state)[asked["job"]]
    assert (row["state"], row["error_code"]) == ("outcome_unknown", "outcome_unknown")
    assert disagreements(served.state) == []


async def test_a_drain_that_is_too_long_is_broken_off(tmp_path: Path, vendor: FakeOpenAI) -> None:
    vendor.slow_seconds = 20.0
    vendor.replies.append(Reply(way=Way.SLOW))
    async with serve(tmp_path, vendor, server__drain=1) as served:
        async with served.wire(ROBOT) as wire:
            asked = await wire.send(ask(wait=0))
        await until_called(vendor, 1)
        served.program.tell(signal.SIGTERM)
        assert await served.program.ended(8) == 0
    assert jobs(served.state)[asked["job"]]["state"] == "outcome_unknown"
    assert disagreements(served.state) == []


async def test_a_free_job_that_is_broken_off_is_done_after_the_start(
    tmp_path: Path, vendor: FakeOpenAI
) -> None:
    drawing = {"providers__placeholder__delay": 20.0}
    async with serve(tmp_path, vendor, server__drain=0, **drawing) as served:
        async with served.wire(HUMAN) as wire:
            free = ask(provider="placeholder", model="placeholder", quality="auto", wait=1)
            asked = await wire.send(free)
            assert asked["state"] == "running"
        served.program.tell(signal.SIGTERM)
        assert await served.program.ended(8) == 0
    settings, tokens = configured_again(served, vendor)
    async with running(settings, tokens) as again, again.client(HUMAN) as client:
        ended = await call(client, "get_job", {"job": asked["job"], "wait": 20})
    assert ended["state"] == "succeeded"


async def test_a_hangup_takes_up_changed_files(tmp_path: Path, vendor: FakeOpenAI) -> None:
    async with serve(tmp_path, vendor) as served:
        file = served.state / "acl.toml"
        file.write_text(ACL.replace(f'"{HUMAN}"', '"user:nobody@example.com"'))
        served.program.tell(signal.SIGHUP)
        await asyncio.sleep(0.3)
        async with served.client(HUMAN) as client:
            assert await client.list_tools() == []
        file.write_text("this is no TOML")
        served.program.tell(signal.SIGHUP)
        await asyncio.sleep(0.3)
        async with served.client(ROBOT) as client:
            assert await client.list_tools() != []
        assert served.program.process.returncode is None


async def test_what_ready_raises_ends_the_service(tmp_path: Path, vendor: FakeOpenAI) -> None:
    written(tmp_path / "state", port := free_port(), vendor)
    settings = settings_of(wanted(tmp_path / "state", server__port=port))

    async def ready(_app: App) -> None:
        raise Unavailable("Nothing could be shown.")

    began = time.monotonic()
    with pytest.raises(Unavailable, match="Nothing could be shown"):
        await serve_http(build(settings), ready)
    assert time.monotonic() - began < 5
    async with httpx.AsyncClient() as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"http://127.0.0.1:{port}/health")


async def failed(directory: Path, file: Path) -> tuple[int, str]:
    """The exit code and the words of a start that cannot be."""
    async with program(directory / "log", "serve", "--config", str(file)) as started:
        found = await started.ended(20)
        return found, started.log


async def test_an_occupied_port_is_said_in_one_line(tmp_path: Path, vendor: FakeOpenAI) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        file, _ = written(tmp_path / "state", port, vendor)
        found, words = await failed(tmp_path, file)
    assert found == 1
    assert len(words.splitlines()) == 1
    assert f"127.0.0.1:{port}" in words
    assert "in use" in words


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("acl.toml", "[subjects\n", 2),
        ("acl.toml", None, 2),
        ("tokens.toml", "[tokens]\nnonsense = 7\n", 2),
        ("tokens.toml", None, 2),
    ],
)
async def test_a_bad_file_is_said_without_a_stack(
    tmp_path: Path, vendor: FakeOpenAI, name: str, content: str | None, expected: int
) -> None:
    file, _ = written(tmp_path / "state", free_port(), vendor)
    bad = tmp_path / "state" / name
    bad.unlink() if content is None else bad.write_text(content)
    found, words = await failed(tmp_path, file)
    assert found == expected
    assert "Traceback" not in words
    assert len(words.splitlines()) == 1
    assert name in words


async def test_a_state_that_cannot_be_written_is_said_in_one_line(
    tmp_path: Path, vendor: FakeOpenAI
) -> None:
    file, _ = written(tmp_path / "state", free_port(), vendor)
    (tmp_path / "blocked").write_text("a file, where a directory is wanted")
    file.write_text(file.read_text().replace(f'"{tmp_path}/state"', f'"{tmp_path}/blocked"', 1))
    found, words = await failed(tmp_path, file)
    assert found == 1
    assert len(words.splitlines()) == 1
    assert "blocked" in words


async def test_a_database_that_is_none_is_said_in_one_line(
    tmp_path: Path, vendor: FakeOpenAI
) -> None:
    file, _ = written(tmp_path / "state", free_port(), vendor)
    (tmp_path / "state" / "imagewright.db").write_bytes(b"no database at all" * 400)
    (tmp_path / "state" / "imagewright.db").chmod(0o600)
    found, words = await failed(tmp_path, file)
    assert found == 1
    assert "Traceback" not in words
    assert len(words.splitlines()) == 1
