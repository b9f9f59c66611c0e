"""`imagewright init`: what it writes starts a service, and what it shows opens it."""

import asyncio
import fcntl
import json
import os
import pty
import re
import stat
import subprocess
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastmcp import Client
from fastmcp.client.auth import BearerAuth

from imagewright.core.token import is_whole
from tests.end_to_end.program import free_port, program, until_ready


def run(directory: Path, *words: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "imagewright", *words],
        cwd=directory,
        env={"PATH": os.environ["PATH"], "HOME": str(directory), "LOGNAME": "alice"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **more,
    )


@asynccontextmanager
async def served(directory: Path, config: str, port: int) -> AsyncIterator[str]:
    async with program(directory / "log", "serve", "--config", config, cwd=directory):
        base = f"http://127.0.0.1:{port}"
        await until_ready(base)
        yield f"{base}/mcp"


async def refused(url: str, token: str) -> bool:
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/json, text/event-stream"}
    async with httpx.AsyncClient(headers=headers) as http:
        return (await http.post(url, json={})).status_code == 401


async def until_refused(url: str, token: str) -> None:
    async with asyncio.timeout(15):
        while not await refused(url, token):  # noqa: ASYNC110 - the service looks by itself
            await asyncio.sleep(0.1)


async def test_what_is_written_serves_and_the_shown_token_opens_it(tmp_path: Path) -> None:
    port = free_port()
    done = run(tmp_path, "init", "--yes", "--directory", "iw", "--port", str(port))
    assert done.returncode == 0, done.stderr
    token = done.stdout.removesuffix("\n")
    assert is_whole(token)
    assert token not in done.stderr
    (config,) = re.findall(r"imagewright serve --config (\S+)", done.stderr)
    checked = run(tmp_path, "config", "check", "--config", config)
    assert (checked.stdout, checked.stderr) == ("ok\n", "")
    async with served(tmp_path, config, port) as url:
        assert url in done.stderr
        async with Client(url, auth=BearerAuth(token)) as client:
            made = await client.call_tool("generate_image", {"prompt": "a", "size": "64x64"})
            assert made.structured_content is not None
            assert made.structured_content["state"] == "succeeded"
        await follow(tmp_path, config, url, token)


async def follow(directory: Path, config: str, url: str, token: str) -> None:
    """Rotate and revoke beside the running service."""
    more = ("--config", config)
    listed = json.loads(run(directory, "token", "list", "--json", *more).stdout)["tokens"]
    id = listed[0]["id"]
    new = run(directory, "token", "rotate", id, "--overlap", "0s", *more).stdout.strip()
    await until_refused(url, token)
    async with Client(url, auth=BearerAuth(new)) as client:
        assert await client.list_tools()
        assert run(directory, "token", "revoke", id, *more).returncode == 0
        await until_refused(url, new)
    rows = json.loads(run(directory, "acl", "revocations", "--json", *more).stdout)
    assert [(each["what"], each["key"]) for each in rows] == [("token", id)]


async def test_the_clients_form_connects(tmp_path: Path) -> None:
    port = free_port()
    words = ("init", "--yes", "--directory", "iw", "--port", str(port))
    token = run(tmp_path, *words).stdout.strip()
    printed = run(tmp_path, *words, "--as", "mcp.json")
    assert printed.returncode == 0
    config = json.loads(printed.stdout.replace("${IMAGEWRIGHT_TOKEN}", token))
    async with served(tmp_path, "iw/imagewright.toml", port), Client(config) as client:
        assert await client.list_tools()


async def test_the_variables_form_serves(tmp_path: Path) -> None:
    port = free_port()
    words = ("init", "--yes", "--directory", "iw", "--port", str(port))
    token = run(tmp_path, *words).stdout.strip()
    env = tmp_path / "env"
    env.write_text(run(tmp_path, *words, "--as", "env").stdout)
    env.chmod(0o600)
    async with program(tmp_path / "log", "serve", "--env-file", str(env)):
        base = f"http://127.0.0.1:{port}"
        await until_ready(base)
        async with Client(f"{base}/mcp", auth=BearerAuth(token)) as client:
            assert await client.list_tools()


def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    run(tmp_path, "init", "--yes", "--directory", "iw")
    before = {each: each.read_bytes() for each in (tmp_path / "iw").iterdir()}
    done = run(tmp_path, "init", "--yes", "--directory", "iw")
    assert (done.returncode, done.stdout) == (2, "")
    assert "already" in done.stderr
    assert {each: each.read_bytes() for each in (tmp_path / "iw").iterdir()} == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "no terminal"),
        (["--yes", "--subject", "alice"], "user:<id>"),
        (["--yes", "--provider", "openai"], "--key-file"),
        (["--yes", "--provider", "openai", "--key-file", "k"], "--budget"),
        (["--yes", "--provider", "openai", "--key-file", "k", "--budget", "1"], "k: The file"),
        (["--yes", "--public-url", "http://example.com"], "https://"),
    ],
)
def test_what_is_not_good_writes_nothing(tmp_path: Path, words: list[str], said: str) -> None:
    done = run(tmp_path, "init", "--directory", "iw", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "iw").exists() or not list((tmp_path / "iw").iterdir())


class Terminal:
    """Somebody at a terminal, who answers each question when it is asked."""

    def __init__(self, directory: Path, *words: str) -> None:
        self.shown = ""
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "imagewright", "init", *words],
            cwd=directory,
            env={"PATH": os.environ["PATH"], "HOME": str(directory), "LOGNAME": "alice"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=lambda: _take_over(theirs),  # noqa: PLW1509 - what Ctrl-C is sent to
        )
        os.close(theirs)

    def answer(self, question: str, answer: str) -> None:
        seen = len(self.shown)
        while question not in self.shown[seen:] or not self.shown.endswith(": "):
            self.shown += os.read(self._ours, 4096).decode()
        os.write(self._ours, answer.encode())

    def end(self) -> int:
        while True:
            try:
                data = os.read(self._ours, 4096)
            except OSError:  # Linux: the other side was closed
                break
            if not data:
                break
            self.shown += data.decode()
        os.close(self._ours)
        return self._process.wait(30)


def _take_over(terminal: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


def test_questions_on_a_terminal(tmp_path: Path) -> None:
    terminal = Terminal(tmp_path)
    terminal.answer("Directory for the settings", "iw\n")
    terminal.answer("Who is the first token for", "olga\n")
    terminal.answer("Who is the first token for", "user:olga\n")
    terminal.answer("Who makes the images", "openai\n")
    terminal.answer("Key of openai", "sk-typed-key\n")
    terminal.answer("The most of a month", "\n")
    terminal.answer("address that clients reach", "\n")
    terminal.answer("May images be made", "maybe\n")
    terminal.answer("May images be made", "y\n")
    assert terminal.end() == 0, terminal.shown
    shown = terminal.shown.replace("\r\n", "\n")
    assert "user:<id>" in shown
    assert "Answer y or n." in shown
    assert "sk-typed-key" not in shown
    assert is_whole(shown.splitlines()[-1])
    key = tmp_path / "iw" / "openai.key"
    assert key.read_text() == "sk-typed-key\n"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    checked = run(tmp_path, "config", "check", "--config", "iw/imagewright.toml")
    assert (checked.stdout, checked.stderr) == ("ok\n", "")
    assert 'month = "20"' in (tmp_path / "iw" / "acl.toml").read_text()


@pytest.mark.parametrize(("key", "code"), [("\x04", 1), ("\x03", 130)])
def test_whoever_goes_away_leaves_nothing(tmp_path: Path, key: str, code: int) -> None:
    terminal = Terminal(tmp_path)
    terminal.answer("Directory for the settings", "iw\n")
    terminal.answer("Who is the first token for", key)
    assert terminal.end() == code
    assert "Traceback" not in terminal.shown
    assert list(tmp_path.iterdir()) == []
