"""The two servers as processes of their own: started, asked, weighed, stopped."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from imagewright.adapters.auth.token_writer import NewToken, add
from imagewright.core.token import mint
from tests.bench.exchange import Exchange
from tests.end_to_end.program import free_port
from tests.end_to_end.service import digest

SUBJECTS = tuple(f"user:painter{number}" for number in range(8))
OWNER = "user:olga@example.com"
READER = "user:rita@example.com"
_COUNTED = '[everyone]\nrate = "1000000/minute"\n'
"""Every call is counted, as an operator would have it."""
_SCOPES = {OWNER: '["*", "spend:relayed"]', READER: '["images:read"]'}
_WRITER = '["write"]'
_PATIENCE = 30.0
_POLL = 0.002


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A process that answers; `first` is the seconds from its start to its first answer."""

    process: int
    port: int
    first: float
    tokens: Mapping[str, str]

    def exchange(self, who: str = SUBJECTS[0]) -> Exchange:
        """A connection of the subject's."""
        return Exchange(self.port, self.tokens.get(who))

    def memory(self) -> int:
        """Bytes of the process and its descendants, shared pages by share."""
        return sum(_share(process) for process in _family(self.process))

    def worked(self) -> float:
        """Seconds of processor time of the process and its descendants so far."""
        return sum(_ticks(process) for process in _family(self.process)) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """What an operator sets up before the first start: settings, tokens and an ACL."""

    state: Path
    environ: Mapping[str, str]
    tokens: Mapping[str, str]

    @classmethod
    def prepare(cls, state: Path) -> "Ours":
        """Everything below a directory that is not there yet."""
        state.mkdir(mode=0o700)
        tokens = {who: mint(os.urandom) for who in (*SUBJECTS, *_SCOPES)}
        lines = [f'"{who}" = {_SCOPES.get(who, _WRITER)}' for who in tokens]
        (state / "acl.toml").write_text("\n".join(("[subjects]", *lines, _COUNTED)))
        for number, (who, token) in enumerate(tokens.items()):
            entry = NewToken(id=f"tok_{number}", sha256=digest(token), subject=who)
            add(state / "tokens.toml", entry)
        settings = {
            "STATE": str(state),
            "READ_ONLY": "false",
            "AUTH__ACL_PATH": str(state / "acl.toml"),
            "AUTH__TOKENS_PATH": str(state / "tokens.toml"),
            "PROVIDERS__PLACEHOLDER__KIND": "placeholder",
        }
        environ = {f"IMAGEWRIGHT_{name}": value for name, value in settings.items()}
        return cls(state=state, environ=environ, tokens=tokens)


@contextmanager
def bare() -> Iterator[Server]:
    """The baseline, while the context lasts."""
    port = free_port()
    command = [sys.executable, "-m", "tests.bench.bare", str(port)]
    with _serving(command, {}, port, {}) as server:
        yield server


@contextmanager
def ours(prepared: Ours) -> Iterator[Server]:
    """The service as an operator starts it, with metrics and the default log."""
    port = free_port()
    environ = {
        **prepared.environ,
        "IMAGEWRIGHT_SERVER__PORT": str(port),
        "IMAGEWRIGHT_METRICS__PORT": str(free_port()),
    }
    command = [sys.executable, "-m", "imagewright", "serve"]
    with _serving(command, environ, port, prepared.tokens) as server:
        yield server


@contextmanager
def _serving(
    command: list[str], environ: Mapping[str, str], port: int, tokens: Mapping[str, str]
) -> Iterator[Server]:
    log = Path(os.devnull)
    if state := environ.get("IMAGEWRIGHT_STATE"):
        log = Path(state, "log")
    with log.open("a") as lines:
        began = time.perf_counter()
        process = subprocess.Popen(command, env={**os.environ, **environ}, stderr=lines)
        try:
            first = _first_answer(process, Exchange(port, tokens.get(SUBJECTS[0])), began)
            yield Server(process=process.pid, port=port, first=first, tokens=tokens)
        finally:
            process.terminate()
            process.wait(_PATIENCE)


def _first_answer(process: subprocess.Popen[bytes], exchange: Exchange, began: float) -> float:
    while time.perf_counter() - began < _PATIENCE:
        if process.poll() is not None:
            break
        try:
            exchange.call("server_info")
        except OSError:
            time.sleep(_POLL)
        else:
            return time.perf_counter() - began
    raise RuntimeError(f"{process.args!r} did not answer")


def _family(process: int) -> Iterator[int]:
    yield process
    for task in Path(f"/proc/{process}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _family(int(child))


def _ticks(process: int) -> int:
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _share(process: int) -> int:
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("the kernel does not tell shares of memory")
