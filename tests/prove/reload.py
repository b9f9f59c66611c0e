"""Reload the operator's files under load, and revoke a subject while its jobs are at work.

`make prove-reload` does all of it: `python -m tests.prove.reload [reloads] [callers] [seed]`.
Each version of the ACL grants one set of tools, which says which version it is: a request may see
one that was in force while it was under way, whole, and nothing else. Every fifth writing is a
broken one that must change nothing. Then a subject with jobs in every state is revoked from
another process' connection: what had not been started never is, and what had been is settled.
"""

import asyncio
import os
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from imagewright.adapters.clock import SystemClock
from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.adapters.sql.revocations import SqlRevocations
from imagewright.api.mcp.server import TOOLS
from imagewright.core.revocation import Target, What
from imagewright.core.scope import Scope
from imagewright.services.revoking import RevokingService
from tests.end_to_end.books import disagreements, jobs, rows
from tests.end_to_end.money import ROBOT, Paid, Wire, ask, paid
from tests.end_to_end.service import Service, configured, running
from tests.end_to_end.wire import Answer, Peer
from tests.fakes.openai_images import FakeOpenAI
from tests.fakes.vendor import Reply, Way

RELOADS, CALLERS, ROUNDS = 200, 32, 20
_BROKEN_EVERY = 5
_LONGEST = 60.0
_READING = sorted(tool.name for tool in TOOLS if tool.scope is Scope.IMAGES_READ)
_VERSIONS = 2 ** len(_READING) - 1


def tools_of(version: int) -> frozenset[str]:
    """The set of tools that says which version grants it; no two of 200 are the same."""
    bits = version % _VERSIONS + 1
    return frozenset(name for place, name in enumerate(_READING) if bits >> place & 1)


def acl_of(version: int, cast: tuple[str, ...]) -> str:
    """A file of some size; half of two versions would grant what neither does."""
    tools = str(sorted(tools_of(version))).replace("'", '"')
    entries = [f'[subjects."{who}"]\nscopes = ["read"]\ntools = {tools}\n' for who in cast]
    padding = f"# {'version ' * 40}{version}\n" * 40
    return "".join([f"[everyone]\ntools = {tools}\n", padding, *entries, padding])


@dataclass
class Found:
    """What a run saw: how many reloads, answers and versions, and everything that is wrong."""

    reloads: int = 0
    broken: int = 0
    answers: int = 0
    closed: int = 0
    """Answers to nobody: on a busy machine the copy of what is revoked grew older than a second."""
    seen: set[int] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)


def _closed(answer: Answer) -> bool:
    """Whether nobody was let in, because it could not be told who is revoked."""
    if answer.status == 503:
        return True
    return answer.status == 200 and '"unavailable"' in answer.body and "error" in answer.message


class Reloading:
    """Callers and an operator on one service. `begun` and `done` are versions of the ACL."""

    def __init__(self, service: Service, cast: tuple[str, ...], chance: random.Random) -> None:
        self._service = service
        self._cast = cast
        self._chance = chance
        self._state = service.app.settings.state
        self._begun = self._done = 0
        self._stopped = False
        self.found = Found()

    async def run(self, reloads: int) -> Found:
        callers = [asyncio.create_task(self._call(who)) for who in self._cast]
        try:
            async with asyncio.timeout(_LONGEST + reloads * 2):
                while self.found.reloads < reloads:
                    await self._reload()
        finally:
            self._stopped = True
            await asyncio.gather(*callers)
        return self.found

    async def _call(self, who: str) -> None:
        async with self._service.http(who) as http:
            peer = Peer(http, "auto")
            while not self._stopped:
                least = self._done
                answer = await peer.ask("tools/list")
                most = self._begun
                self.found.answers += 1
                if _closed(answer):
                    self.found.closed += 1
                    continue
                if answer.status != 200:
                    self.found.wrong.append(f"{who} was answered {answer.status}")
                    continue
                names = frozenset(each["name"] for each in answer.result["tools"])
                here = [each for each in range(least, most + 1) if tools_of(each) == names]
                self.found.seen.update(here)
                if not here:
                    said = f"{sorted(names)} between versions {least} and {most}"
                    self.found.wrong.append(said)

    async def _reload(self) -> None:
        if self._chance.randrange(_BROKEN_EVERY) == 0:
            await self._break()
        self._begun += 1
        self._write("acl", acl_of(self._begun, self._cast))
        tokens = (self._state / "tokens.toml").read_text().partition("\n# ")[0]
        self._write("tokens", f"{tokens}\n# {self._begun}")
        await self._look()
        self._done = self._begun
        self.found.reloads += 1
        await asyncio.sleep(self._chance.random() * 0.02)

    async def _break(self) -> None:
        """Write half of what comes next, with or without a mode that is refused."""
        text = acl_of(self._begun + 1, self._cast)
        cut = text[: self._chance.randrange(len(text))]
        if self._chance.random() < 0.5:
            self._write("acl", f"{cut}\n[subjects", mode=0o600)
        else:
            self._write("acl", text, mode=0o666)
        self.found.broken += 1
        await self._look()

    async def _look(self) -> None:
        """As the chores do, which look meanwhile too, and as a signal does."""
        force = self._chance.random() < 0.5
        await asyncio.to_thread(self._service.app.refresh, force=force)

    def _write(self, name: str, text: str, mode: int = 0o600) -> None:
        beside = self._state / f"{name}.new"
        beside.unlink(missing_ok=True)
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(text)
        beside.chmod(mode)
        beside.replace(self._state / f"{name}.toml")


async def reloaded(directory: Path, reloads: int, callers: int, chance: random.Random) -> Found:
    """So many reloads while so many callers work."""
    cast = tuple(f"user:caller{number:02}@example.com" for number in range(callers))
    settings, tokens = configured(directory / "state", acl_of(0, cast), cast)
    async with running(settings, tokens) as service:
        return await Reloading(service, cast, chance).run(reloads)


async def revoked_mid_job(directory: Path, chance: random.Random) -> tuple[Counter[str], list[str]]:
    """A subject revoked while it asks; its jobs by state, and everything that is wrong."""
    with FakeOpenAI() as vendor:
        vendor.slow_seconds = 0.3
        limits: dict[str, Any] = {"limits__waiting": 30, "limits__running": 2}
        async with paid(directory / "state", vendor, **limits) as shop:
            vendor.replies.extend([Reply(way=Way.SLOW)] * 40)
            asking = [asyncio.create_task(_ask(shop)) for _ in range(6)]
            await _at_work(shop)
            await asyncio.sleep(chance.random() * 0.3)
            await _revoke(shop.state)
            started = _started(shop.state)
            await asyncio.gather(*asking)
            await _settled(shop.state)
            wrong = disagreements(shop.state)
            if _started(shop.state) != started:
                wrong.append(f"{_started(shop.state)} started, {started} before the revocation")
            if vendor.calls() != started:
                wrong.append(f"{started} were started, the vendor was asked {vendor.calls()} times")
            if rows(shop.state, "SELECT 1 FROM budgets WHERE held > 0"):
                wrong.append("money is still held")
            return Counter(job["state"] for job in jobs(shop.state).values()), wrong


async def _ask(shop: Paid) -> None:
    """Ask a few times; once revoked, the answer is 401 and no JSON-RPC."""
    async with Wire(shop.service.url, shop.service.tokens[ROBOT]) as wire:
        for _ in range(4):
            with suppress(KeyError):
                await wire.send(ask(wait=0))


async def _at_work(shop: Paid) -> None:
    """Return once some of the jobs are at the vendor and others wait."""
    until = time.monotonic() + _LONGEST
    while not (
        shop.vendor.calls() and rows(shop.state, "SELECT id FROM jobs WHERE state = 'queued'")
    ):
        if time.monotonic() > until:
            raise AssertionError("nothing is at work")
        await asyncio.sleep(0.01)


async def _revoke(state: Path) -> None:
    database = Database(SqlConfig(url=f"sqlite:///{state}/imagewright.db"))
    await database.open()
    service = RevokingService(SqlRevocations(database), SystemClock())
    await service.revoke(Target(what=What.SUBJECT, key=ROBOT), by="proof", reason="mid-job")
    await database.close()


def _started(state: Path) -> int:
    return len(rows(state, "SELECT id FROM jobs WHERE started_at IS NOT NULL"))


async def _settled(state: Path) -> None:
    until = time.monotonic() + _LONGEST
    while rows(state, "SELECT id FROM jobs WHERE state IN ('queued', 'running')"):
        if time.monotonic() > until:
            raise AssertionError("jobs are still open")
        await asyncio.sleep(0.05)


async def prove(reloads: int, callers: int, seed: int) -> int:
    """Both halves; the number of things that are wrong."""
    began, chance = time.monotonic(), random.Random(seed)
    with tempfile.TemporaryDirectory() as directory:
        found = await reloaded(Path(directory), reloads, callers, chance)
    print(
        f"{found.reloads} reloads and {found.broken} broken files under {callers} callers: "
        f"{found.answers} answers, {len(found.seen)} versions seen, "
        f"{found.closed} closed, {len(found.wrong)} wrong, {time.monotonic() - began:.0f} s",
        flush=True,
    )
    began, states, wrong = time.monotonic(), Counter[str](), list(found.wrong)
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as directory:
            ended, bad = await revoked_mid_job(Path(directory), chance)
        states += ended
        wrong += bad
    counts = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    print(f"{ROUNDS} subjects revoked mid-job: {counts}, {time.monotonic() - began:.0f} s")
    for each in wrong:
        print(f"  WRONG: {each}")
    return len(wrong)


def main() -> None:
    given = [int(each) for each in sys.argv[1:]]
    defaults = (RELOADS, CALLERS, random.randrange(2**32))
    reloads, callers, seed = (*given, *defaults[len(given) :])
    print(f"seed {seed}, {reloads} reloads, {callers} callers", flush=True)
    began = time.monotonic()
    wrong = asyncio.run(prove(reloads, callers, seed))
    print(f"{wrong} things wrong, {time.monotonic() - began:.0f} s")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
