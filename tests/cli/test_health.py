"""`imagewright health`, beside a service that lives, takes no work, or is not there."""

import asyncio
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.cli.test_acts import Done, Place
from tests.end_to_end.program import free_port
from tests.end_to_end.service import configured, running

UNREADY = {"/health": 200, "/ready": 503}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def asked(place: Place, host: str, port: int, *words: str) -> Done:
    place.config.write_text(f'state = "state"\n[server]\nhost = "{host}"\nport = {port}\n')
    if host != "127.0.0.1":
        (place.directory / "tokens.toml").write_text("[tokens]\n")
        (place.directory / "tokens.toml").chmod(0o600)
        with place.config.open("a") as more:
            more.write('[auth]\nacl_path = "acl.toml"\ntokens_path = "tokens.toml"\n')
    return place.run("health", *words, "--config", str(place.config))


class Unready(BaseHTTPRequestHandler):
    """A service that lives and takes no work."""

    def do_GET(self) -> None:
        self.send_response(UNREADY[self.path])
        self.end_headers()
        self.wfile.write(json.dumps({}).encode())

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def unready() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Unready) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])  # noqa: S104 - it is asked on loopback
async def test_a_service_that_takes_work_is_ok(place: Place, host: str) -> None:
    settings, tokens = configured(place.directory / "served")
    async with running(settings, tokens) as service:
        port = int(service.base.rpartition(":")[2])
        for words in ((), ("--ready",)):
            done = await asyncio.to_thread(asked, place, host, port, *words)
            assert done == Done(0, "ok\n", "")


def test_one_that_takes_none_lives(place: Place, unready: int) -> None:
    assert asked(place, "127.0.0.1", unready).code == 0
    done = asked(place, "127.0.0.1", unready, "--ready")
    assert (done.code, done.stdout) == (1, "")
    assert done.stderr.startswith("The service takes no work.")


def test_one_that_is_not_there_is_said_in_one_line(place: Place) -> None:
    done = asked(place, "127.0.0.1", free_port())
    assert (done.code, done.stdout, len(done.stderr.splitlines())) == (1, "", 1)
    assert "Nothing answers at 127.0.0.1" in done.stderr
