"""The watchdog's sign comes while the loop and the database turn over, and only then."""

import asyncio
import os
import socket
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.adapters.systemd.notifier import Notifier
from imagewright.app import build
from imagewright.app.serving import serve_http
from imagewright.app.supervised import beating
from imagewright.core.errors import Unavailable
from imagewright.core.flaw import Misconfigured
from imagewright.settings.supervision import Supervision
from tests.docs import facts

PATIENCE = 0.3


class Ear:
    """Listens as systemd does."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)
        self.supervision = Supervision(notify=str(path), watchdog=PATIENCE)
        self.notifier = Notifier(str(path))

    def heard(self) -> list[str]:
        """First lines of what was said since the last look."""
        found = []
        try:
            while True:
                found.append(self._socket.recv(4096).decode().partition("\n")[0])
        except BlockingIOError:
            return found

    async def until(self, word: str) -> None:
        async with asyncio.timeout(20):
            while word not in self.heard():  # noqa: ASYNC110 - a socket of systemd's
                await asyncio.sleep(0.01)

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[Ear]:
    found = Ear(tmp_path / "notify")
    yield found
    found.close()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    found = Database(SqlConfig(url=f"sqlite:///{tmp_path / 'books.db'}", busy_seconds=0.2))
    await found.open()
    yield found
    await found.close()


async def test_an_idle_database_gives_signs(ear: Ear, database: Database) -> None:
    async with beating(ear.supervision, ear.notifier, database.turns):
        await asyncio.sleep(PATIENCE * 2)
    assert len(ear.heard()) >= 3


async def test_a_thread_that_is_stuck_gives_none(ear: Ear, database: Database) -> None:
    free = threading.Event()

    def stuck(_connection: Connection) -> None:
        free.wait()

    waiting = asyncio.create_task(database.write(stuck))
    await asyncio.sleep(0.05)
    async with beating(ear.supervision, ear.notifier, database.turns):
        await asyncio.sleep(PATIENCE)
        ear.heard()
        await asyncio.sleep(PATIENCE * 2)
        assert ear.heard() == []
        free.set()
        await waiting
        await ear.until("WATCHDOG=1")


async def test_a_loop_that_is_stuck_gives_none(ear: Ear, database: Database) -> None:
    async with beating(ear.supervision, ear.notifier, database.turns):
        await ear.until("WATCHDOG=1")
        ear.heard()
        time.sleep(PATIENCE * 3)
        assert ear.heard() == []


async def test_a_database_that_another_program_locks_goes_on_turning(
    ear: Ear, database: Database, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "books.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        async with beating(Supervision(watchdog=6.0), ear.notifier, database.turns):
            for _ in range(3):
                with pytest.raises(Unavailable):
                    await database.write(lambda connection: connection.execute(text("SELECT 1")))
                assert database.turns()
    finally:
        other.close()


async def test_without_a_watchdog_nothing_is_said(ear: Ear) -> None:
    async with beating(Supervision(), ear.notifier, lambda: True):
        await asyncio.sleep(0.05)
    assert ear.heard() == []


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        found.listen()
        yield found


async def test_a_service_says_each_step_and_serves_the_socket_it_is_given(
    tmp_path: Path, ear: Ear, listener: socket.socket
) -> None:
    state = tmp_path / "state"
    given = Supervision(notify=ear.supervision.notify, listeners=(os.dup(listener.fileno()),))
    serving = asyncio.create_task(serve_http(build(facts.settings(state)), None, given))
    await ear.until("READY=1")
    reader, writer = await asyncio.open_connection(*listener.getsockname())
    writer.write(b"GET /health HTTP/1.0\r\nHost: localhost\r\n\r\n")
    assert (await reader.readline()).split()[1] == b"200"
    writer.close()
    os.kill(os.getpid(), 1)
    await asyncio.sleep(0.2)
    assert ear.heard() == ["RELOADING=1", "READY=1"]
    os.kill(os.getpid(), 15)
    await serving
    assert ear.heard() == ["STOPPING=1"]


async def test_an_open_socket_from_systemd_needs_authentication(tmp_path: Path) -> None:
    with socket.socket() as there:
        there.bind(("0.0.0.0", 0))  # noqa: S104 - it is to be refused
        there.listen()
        number = os.dup(there.fileno())
    app = build(facts.settings(tmp_path / "state"))
    with pytest.raises(Misconfigured, match="nobody has to show who they are"):
        await serve_http(app, None, Supervision(listeners=(number,)))
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(number)
