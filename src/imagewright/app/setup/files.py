"""The files of a first configuration, written where none stands."""

import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from imagewright.adapters.auth.token_file import Minted, Terms, TokenFile
from imagewright.adapters.clock import SystemClock
from imagewright.adapters.toml.rewriting import alone_in, for_group, give_to_reader
from imagewright.app.auditing import AdminAct, tell_acts
from imagewright.app.checking import faults_of
from imagewright.app.setup.answers import Answers
from imagewright.app.setup.forms import acl_text, settings_text
from imagewright.core.errors import InvalidRequest
from imagewright.core.flaw import Flaw
from imagewright.settings import load

_PRIVATE = 0o600


def write(answers: Answers, key: str | None = None) -> Minted:
    """Write settings, ACL and tokens, and the key where it is to be kept beside them.

    Nothing that stands there is touched: raises InvalidRequest that names it. A file of comments
    alone, as a package brings it, does not count. What else goes wrong (Misconfigured, OSError)
    takes away again what was written.
    """
    wanted = [*answers.files, *([answers.key_file] if key and answers.key_file else [])]
    _check_silent(wanted)
    answers.directory.mkdir(parents=True, exist_ok=True, mode=0o750)
    written: list[Path] = []
    silent: dict[Path, str] = {}
    with _or_none(written, silent):
        with alone_in(answers.directory):
            _check_silent(wanted)
            silent.update((path, path.read_text("utf-8")) for path in wanted if path.exists())
            _begin(answers, key, silent, written)
        tokens = TokenFile(answers.files[1], SystemClock(), secrets.token_bytes)
        made = tokens.add(answers.subject, Terms())
        written.append(answers.files[1])
        load(config=answers.files[2], environ={}, check=faults_of)
    return made


def _begin(
    answers: Answers, key: str | None, silent: Mapping[Path, str], written: list[Path]
) -> None:
    """Write all but the token, whose file takes the same lock; others find these from now on."""
    acl, _, config = answers.files
    for path in silent:
        path.unlink()
    if key and answers.key_file:
        written.append(_new(answers.key_file, f"{key}\n"))
    written.append(_new(acl, acl_text(answers)))
    written.append(_new(config, settings_text(answers)))


def _check_silent(wanted: Sequence[Path]) -> None:
    there = [str(path) for path in wanted if _says_something(path)]
    if there:
        raise InvalidRequest(
            f"There is a configuration already: {', '.join(there)}.",
            hint="Nothing was changed. Choose another --directory, or move it away.",
        )


def for_service(answers: Answers) -> bool:
    """Whether the directory is one of root's for the group of a service, as a package makes it."""
    return for_group(answers.directory.stat())


async def entered(answers: Answers, made: Minted, by: str) -> Flaw | None:
    """Tell the audit of the files, where a service has been on that state: a warning, or None."""
    shape = {"subject": answers.subject, "token": made.id}
    thing = str(answers.config)
    act = AdminAct(by=by, action="init", thing=thing, outcome="written", shape=shape)
    return await tell_acts(load(config=answers.config, environ={}).settings, [act])


@contextmanager
def _or_none(written: list[Path], silent: Mapping[Path, str]) -> Iterator[None]:
    """Take away what was written if not all could be, and bring back what made room."""
    try:
        yield
    except BaseException:
        for path in reversed(written):
            with suppress(OSError):
                path.unlink()
        for path, text in silent.items():
            with suppress(OSError):
                _new(path, text)
        raise


def _says_something(path: Path) -> bool:
    if path.is_symlink() or not path.is_file():
        return path.is_symlink() or path.exists()
    lines = path.read_bytes().splitlines()
    return any(line.strip() and not line.lstrip().startswith(b"#") for line in lines)


def _new(path: Path, text: str) -> Path:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(path, flags, _PRIVATE), "w", encoding="utf-8") as file:
        give_to_reader(file.fileno(), path.parent)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return path
