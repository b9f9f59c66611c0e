"""PostgreSQL's own dumps, by its own programs."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL

from imagewright.core.errors import Unavailable


def dump(url: URL, snapshot: str, target: Path) -> None:
    """Write what a snapshot sees, in `pg_dump`'s custom format. Raises Unavailable, OSError."""
    target.touch(0o600, exist_ok=False)  # it is written over with the mode it has
    _run(url, "pg_dump", f"--snapshot={snapshot}", "--format=custom", f"--file={target}")


def load(url: URL, dumped: Path) -> None:
    """Make an empty database what the dump is, all of it or nothing. Raises Unavailable."""
    _run(url, "pg_restore", "--single-transaction", "--exit-on-error", str(dumped))


def _run(url: URL, program: str, *words: str) -> None:
    found = shutil.which(program)
    if found is None:
        raise Unavailable(
            f"There is no {program} here, which a PostgreSQL database needs.",
            hint="Install PostgreSQL's client programs, of the server's version or newer.",
        )
    plain = ("--no-owner", "--no-privileges", "--no-password")
    with _connection(url) as info:
        # Its words on standard error are for the operator who runs this.
        done = subprocess.run([found, *plain, f"--dbname={info}", *words], check=False)  # noqa: S603 - found on the path, and no word is a caller's
    if done.returncode:
        raise Unavailable(
            f"{program} failed.", hint="It says why above; its version must not be the older one."
        )


@contextmanager
def _connection(url: URL) -> Iterator[str]:
    """What to connect with; the password is in a file, for a command line is everybody's."""
    from psycopg.conninfo import make_conninfo  # noqa: PLC0415 - only where it is installed

    _, given = url.get_dialect()().create_connect_args(url)
    password = given.pop("password", None)
    with tempfile.TemporaryDirectory() as directory:
        if password is not None:
            escaped = str(password).replace("\\", "\\\\").replace(":", "\\:")
            file = Path(directory) / "pass"
            file.touch(0o600)
            file.write_text(f"*:*:*:*:{escaped}\n", "utf-8")
            given["passfile"] = str(file)
        yield make_conninfo(**given)
