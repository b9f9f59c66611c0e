"""`imagewright egress`, shown and served."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from tests.adapters.egress.test_proxy import MADE, asked, refused
from tests.cli.test_acts import Done, Place
from tests.end_to_end.program import Program, program

TEXT = """
state = "state"
[providers.sd_webui]
user = "me"
[egress]
socket = "proxy"
hosts = ["*.cdn.example"]
"""
_PASSING = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
os.execv(sys.executable, [sys.executable, "-m", "imagewright", *sys.argv[2:]])
"""


@pytest.fixture
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    found = Place(tmp_path_factory.mktemp("e"))
    found.config.write_text(TEXT)
    return found


def run(place: Place, *words: str) -> Done:
    return place.run("egress", "--config", str(place.config), *words)


async def serving(started: Program) -> None:
    async with asyncio.timeout(20):
        while "serving" not in started.log:  # noqa: ASYNC110 - it is a process of its own
            await asyncio.sleep(0.02)


def test_it_shows_what_may_be_reached_without_the_keys_of_the_service(place: Place) -> None:
    # sd_webui refuses a user without a password, which only the service is given.
    done = run(place, "--show")
    assert done == Done(
        0,
        "HOST           PORT  ADDRESSES\n*.cdn.example  443   public\n127.0.0.1      7860  any\n",
        "",
    )
    found = json.loads(run(place, "--show", "--json").stdout)["reached"]
    assert found[1] == {"host": "127.0.0.1", "port": 7860, "addresses": "any"}
    place.config.write_text('state = "state"\n')
    assert run(place, "--show") == Done(0, "", "Nothing may be reached.\n")


def test_settings_that_are_none_and_no_place_to_listen_end_it_with_2(place: Place) -> None:
    place.config.write_text('state = "state"\n')
    done = run(place)
    assert (done.code, done.stderr) == (
        2,
        "The egress proxy has no place to listen. Set egress.socket.\n",
    )
    place.config.write_text("[egress]\nhost = 1\n")
    assert run(place).code == 2
    place.config.write_text("[providers.nothing]\n")
    assert "no provider of this kind" in run(place, "--show").stderr


def test_a_place_that_cannot_be_had_is_told(place: Place) -> None:
    place.config.write_text('[egress]\nsocket = "missing/proxy"\n')
    done = run(place)
    assert (done.code, "is not to be had" in done.stderr) == (1, True)


async def test_its_own_socket_is_for_its_user_alone_and_replaces_an_old_one(place: Place) -> None:
    path = place.directory / "proxy"
    path.touch()
    log = place.directory / "log"
    async with program(log, "egress", "--config", str(place.config)) as started:
        await serving(started)
        assert path.stat().st_mode & 0o777 == 0o600
        assert await refused(path, "other.example:443") == (403, "http_request_denied")
        started.tell(signal.SIGTERM)
        assert await started.ended() == 0


def test_the_program_of_the_service_is_not_in_it() -> None:
    script = "import sys, imagewright.cli.egress, imagewright.app.egress; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    found = {name.partition(".")[0] for name in done.stdout.split()}
    assert "httpcore" in found
    assert not found & {"fastmcp", "mcp", "starlette", "uvicorn", "sqlalchemy", "pyvips", "jinja2"}


async def passed(place: Place, there: socket.socket) -> tuple[int, str]:
    """The exit code and the log of a proxy that is given a socket and then told to stop."""
    os.set_inheritable(there.fileno(), True)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", _PASSING, str(there.fileno())),
        *("egress", "--config", str(place.config)),
        close_fds=False,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "HOME": str(place.directory)},
    )
    assert process.stderr is not None
    said = (await process.stderr.readline()).decode()
    if "serving" in said:
        process.send_signal(signal.SIGTERM)
    return await process.wait(), said


async def test_a_supervisors_unix_socket_is_served_and_no_other(place: Place) -> None:
    with socket.socket(socket.AF_UNIX) as there:
        there.bind(str(place.directory / "given"))
        there.listen()
        code, said = await passed(place, there)
        assert (code, "serving" in said) == (0, True)
    with socket.create_server(("127.0.0.1", 0)) as there:
        code, said = await passed(place, there)
        assert (code, "beyond its Unix socket" in said) == (1, True)


async def test_a_stop_awaits_what_is_open(place: Place) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read())
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    place.config.write_text(TEXT.replace("*.cdn.example", f"127.0.0.1:{port}"))
    log = place.directory / "log"
    async with program(log, "egress", "--config", str(place.config)) as started:
        await serving(started)
        head, (reader, writer) = await asked(place.directory / "proxy", f"127.0.0.1:{port}")
        started.tell(signal.SIGTERM)
        async with asyncio.timeout(10):
            while "draining" not in started.log:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.02)
        writer.write(b"paid for")
        writer.write_eof()
        assert (head, await reader.read()) == (MADE, b"paid for")
        writer.close()
        assert await started.ended() == 0
    server.close()
