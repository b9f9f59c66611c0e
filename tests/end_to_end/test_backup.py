"""Backups beside a service that writes, and the service that is restored from one."""

import asyncio
import hashlib
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Client

from imagewright.adapters.backups.sums import proven
from imagewright.core.filename import subject_directory
from tests.adapters.sql.postgres import Postgres, binaries
from tests.end_to_end.books import disagreements
from tests.end_to_end.program import as_toml, program
from tests.end_to_end.service import OWNER, Service, configured, running, settings_of, wanted

BACKUPS = 3
PAINTERS = 3


@pytest.fixture(params=["sqlite", "postgres"])
def addresses(request: pytest.FixtureRequest) -> Iterator[tuple[str, str] | None]:
    """Two databases of PostgreSQL, or None for the files in the state directories."""
    if request.param == "sqlite":
        yield None
        return
    with (
        Postgres.running() as server,
        server.database(empty=True) as first,
        server.database(empty=True) as second,
    ):
        yield first.replace("+psycopg", ""), second.replace("+psycopg", "")


async def call(client: Client[Any], tool: str, **arguments: object) -> dict[str, Any]:
    answer = await client.call_tool(tool, arguments)
    assert answer.structured_content is not None
    return answer.structured_content


async def draw(client: Client[Any], prompt: str, **more: object) -> str:
    made = await call(client, "generate_image", prompt=prompt, size="256x192", wait=30, **more)
    assert made["state"] == "succeeded", made
    return str(made["images"][0]["id"])


class Painter:
    """Draws two images and deletes one, again and again, some under a name that is free again."""

    def __init__(self, service: Service, name: str) -> None:
        self._service, self._name = service, name
        self.drawn: list[str] = []
        self.deleted = 0

    async def paint(self) -> None:
        async with self._service.client(OWNER) as client:
            for number in range(1_000_000):
                named = {"filename": f"{self._name} again"} if number % 2 else {}
                self.drawn.append(await draw(client, f"{self._name} {number}", **named))
                if number % 2:
                    await call(client, "delete_image", image=self.drawn.pop())
                    self.deleted += 1


def config(directory: Path, state: Path, **explicit: Any) -> str:
    file = directory / f"{state.name}.toml"
    file.write_text(as_toml(wanted(state, **explicit)))
    file.chmod(0o600)
    return str(file)


async def command(directory: Path, *words: str) -> tuple[int, str, str]:
    """The exit code, standard output and standard error, with PostgreSQL's programs at hand."""
    environ = {"PATH": f"{binaries()}:{os.environ['PATH']}", "HOME": str(directory)}
    async with program(directory / "said", *words, env=environ) as started:
        assert started.process.stdout is not None
        out = (await started.process.stdout.read()).decode()
        return await started.ended(90), out, started.log


def rows(backup: Path) -> dict[str, str]:
    """The hash of every original that the copied database names, by its file's name."""
    with closing(sqlite3.connect(f"file:{backup}/imagewright.db?immutable=1", uri=True)) as books:
        found = books.execute(
            "SELECT name, path, sha256 FROM images JOIN subjects ON number = subject"
        ).fetchall()
    return {f"subjects/{subject_directory(name)}/{path}": sha256 for name, path, sha256 in found}


def originals(backup: Path) -> dict[str, str]:
    return {
        str(each.relative_to(backup)): hashlib.sha256(each.read_bytes()).hexdigest()
        for each in (backup / "subjects").rglob("*")
        if each.is_file() and each.suffix != ".json"
    }


def whole(backup: Path) -> None:
    """Fail unless every row has its original and every original its row, all of it private."""
    there = originals(backup)
    if (backup / "imagewright.db").exists():
        assert there == rows(backup)
        # A job whose image was deleted has made more than there is.
        found = disagreements(backup, idle=False)
        assert [each for each in found if "are there" not in each] == []
    sums = proven(backup)
    assert all(name in sums and name.rpartition(".")[0] + ".json" in sums for name in there)
    for each in (backup, *backup.rglob("*")):
        expected = 0o700 if each.is_dir() else 0o600
        assert stat.S_IMODE(each.stat().st_mode) == expected, each


@pytest.mark.timeout(300)  # each backup is a process, and so is the database's server
async def test_a_backup_beside_a_writing_service_is_of_one_moment_and_restores(
    tmp_path: Path, addresses: tuple[str, str] | None
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    before: dict[str, Any] = {"database__url": addresses[0]} if addresses else {}
    after: dict[str, Any] = {"database__url": addresses[1]} if addresses else {}
    settings, tokens = configured(first, **before)
    async with running(settings, tokens) as service:
        made = await backups(tmp_path, service, config(tmp_path, first, **before))
    for backup in made:
        whole(backup)
    assert sorted(each.name for each in tmp_path.glob(".backup*")) == []
    kept, file = originals(made[-1]), config(tmp_path, second, **after)
    assert kept
    code, out, errors = await command(tmp_path, "restore", str(made[-1]), "--config", file)
    assert code == 0, errors
    assert out.startswith(f"Restored {len(kept)} originals")
    assert originals(second) == kept
    await serves(second, first, tokens, kept, **after)
    code, out, _ = await command(tmp_path, "audit", "verify", "--config", file)
    assert (code, out[:3]) == (0, "ok:"), out
    _, out, _ = await command(tmp_path, "audit", "export", "--config", file)
    assert '"action":"backup_restore"' in out


async def backups(directory: Path, service: Service, file: str) -> list[Path]:
    """Some backups while images are drawn and deleted; it fails unless they were."""
    painters = [Painter(service, f"painter {number}") for number in range(PAINTERS)]
    painting = [asyncio.create_task(each.paint()) for each in painters]
    made, counts = [], []
    for number in range(BACKUPS):
        words = ("backup", str(directory / f"backup{number}"), "--config", file)
        code, out, errors = await command(directory, *words)
        assert code == 0, errors
        made.append(Path(out.strip()))
        counts.append(sum(len(each.drawn) for each in painters))
        assert not any(each.done() for each in painting)
    for task in painting:
        task.cancel()
    await asyncio.gather(*painting, return_exceptions=True)
    assert counts[0] < counts[-1], "nothing was written meanwhile"
    assert sum(each.deleted for each in painters) > 0
    return made


async def serves(
    state: Path, before: Path, tokens: dict[str, str], kept: dict[str, str], **explicit: Any
) -> None:
    """Fail unless the restored state serves its originals and goes on drawing."""
    for name in ("acl.toml", "tokens.toml"):
        (state / name).write_bytes((before / name).read_bytes())
        (state / name).chmod(0o600)
    async with (
        running(settings_of(wanted(state, **explicit)), tokens) as service,
        service.client(OWNER) as client,
    ):
        page = await call(client, "list_images", limit=100)
        listed = [each["id"] for each in page["images"]]
        assert len(listed) == min(len(kept), 100)
        for image in listed[:5]:
            assert await client.read_resource(f"image://{image}/view")
        assert await draw(client, "after the restore") not in listed
