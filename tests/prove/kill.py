"""Kill the service on the money's road, start it again, and look what is left.

`make prove-kill` runs every point many times: `python -m tests.prove.kill [runs] [seed]`.
After each death the real product starts on what is left. Then nothing may be running, what had not
been started must have been bought exactly once, what had been is of unknown outcome with
its hold kept and is not bought again, what was not entered was not bought, no consent is lost
or used twice, no bill is entered twice, and ledger, budgets, jobs and images agree.
"""

import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from imagewright.app.auditing import auditor
from tests.end_to_end.books import disagreements, jobs, rows
from tests.end_to_end.money import (
    ACL,
    CAST,
    RELAY,
    ROBOT,
    Wire,
    ask,
    exact,
    generate,
    with_vendor,
)
from tests.end_to_end.program import free_port
from tests.end_to_end.service import Service, configured, running, wanted
from tests.fakes.openai_images import FakeOpenAI, error
from tests.prove.killed import Point, adjust_all

RUNS = 20
_LONGEST = 60.0
_LIMITS = {"limits__waiting": 30, "limits__running": 8}
_UNKNOWN = {
    Point.STARTED: 0,
    Point.ANSWERED: 1,
    Point.STORED: 1,
    Point.SETTLING: 1,
    Point.RELEASING: 1,
    Point.RECOVERING: 0,
}
"""How often the vendor was called for the job that met its death started."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one death left: jobs by state, and everything that is wrong."""

    states: Counter[str]
    wrong: tuple[str, ...]


class Trial:
    """One death and the start after it, on a state directory of its own."""

    def __init__(self, state: Path, vendor: FakeOpenAI, point: Point) -> None:
        self._state = state
        self._vendor = vendor
        self._point = point
        self._given: dict[str, str] = {}
        self._explicit = with_vendor(vendor, **_LIMITS)
        self._settings, self._tokens = configured(state, ACL, CAST, **self._explicit)

    async def run(self, asks: int, nth: int) -> Found:
        self._vendor.forget()
        refusals = asks if self._point is Point.RELEASING else 0
        self._vendor.replies.extend([error(400, "invalid_value")] * refusals + exact(2 * asks))
        await self._reach(asks, nth)
        before = jobs(self._state)
        async with running(self._settings, self._tokens) as service:
            await self._settled()
            states = Counter(job["state"] for job in jobs(self._state).values())
            wrong = [*disagreements(self._state), *self._calls(before)]
            wrong += await self._consented_again(service)
            wrong += await self._asked_again(service)
            wrong += await self._adjusted_again()
        wrong += await self._audited()
        return Found(states=states, wrong=tuple(wrong))

    async def _reach(self, asks: int, nth: int) -> None:
        """Bring about the death, with whatever must come before it."""
        if self._point is Point.RECOVERING:
            await self._die(Point.STARTED, asks, nth)
            await self._die(self._point, 0, 1)
        elif self._point is Point.ADJUSTING:
            async with (
                running(self._settings, self._tokens) as service,
                service.client(ROBOT) as client,
            ):
                for _ in range(asks):
                    await generate(client, ask(wait=30))
            await self._die(self._point, 0, nth)
        else:
            await self._die(self._point, asks, nth)

    async def _die(self, point: Point, asks: int, nth: int) -> None:
        """Ask until the service kills itself."""
        port = free_port()
        file = self._state / "settings.json"
        file.write_text(json.dumps(wanted(self._state, **self._explicit, server__port=port)))
        program = ["-m", "tests.prove.killed", str(file), point.value, str(nth)]
        process = await asyncio.create_subprocess_exec(
            sys.executable, *program, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        async with asyncio.timeout(_LONGEST):
            if asks and (await process.stdout.readline()).strip() != b"ready":
                raise AssertionError("the service did not start")
            await asyncio.gather(*(self._ask(port) for _ in range(asks)))
            if await process.wait() != -9:
                raise AssertionError(f"the service ended with {process.returncode}")

    async def _ask(self, port: int) -> None:
        url = f"http://127.0.0.1:{port}{self._settings.server.path}"
        consents = self._point is Point.CONSENTED
        async with Wire(url, self._tokens[RELAY if consents else ROBOT], elicits=False) as wire:
            arguments = ask(wait=0)
            try:
                asked = await wire.send(arguments)
                if consents:
                    quote = asked["error"]["details"]["quote"]
                    self._given[arguments["prompt"]] = quote
                    await wire.send({**arguments, "confirm": quote})
            except httpx.HTTPError:
                return

    async def _settled(self) -> None:
        until = time.monotonic() + _LONGEST
        while rows(self._state, "SELECT id FROM jobs WHERE state IN ('queued', 'running')"):
            if time.monotonic() > until:
                raise AssertionError("jobs are still open")
            await asyncio.sleep(0.02)

    def _calls(self, before: dict[str, Any]) -> list[str]:
        """Whether each job was bought as often as its fate allows."""
        called = Counter(each.values["prompt"] for each in self._vendor.orders)
        wrong = []
        started = [
            job for job in before.values() if job["started_at"] and job["state"] == "running"
        ]
        for job in jobs(self._state).values():
            calls = called[json.loads(job["plan"])["prompt"]]
            lost = before[job["id"]] in started
            expected = {"outcome_unknown"} if lost else self._ends()
            if job["state"] not in expected:
                wrong.append(f"{job['id']} is {job['state']}, not {expected}")
            if calls > 1 or (not lost and calls != 1):
                wrong.append(f"{job['id']} ({job['state']}) was bought {calls} times")
        entered = {json.loads(job["plan"])["prompt"] for job in jobs(self._state).values()}
        wrong += [
            f"{prompt} was bought and not entered" for prompt in called if prompt not in entered
        ]
        if not before and self._point not in {Point.HOLDING, Point.CONSENTED}:
            wrong.append("nothing was admitted")
        if self._point in _UNKNOWN and not started:
            wrong.append("nothing was started")
        if len(before) == 1 and self._point in _UNKNOWN and len(called) != _UNKNOWN[self._point]:
            wrong.append(f"the vendor was called {len(called)} times")
        return wrong

    def _ends(self) -> set[str]:
        """How a job may end that was not lost."""
        return {"failed", "succeeded"} if self._point is Point.RELEASING else {"succeeded"}

    async def _consented_again(self, service: Service) -> list[str]:
        """Whether each consent opens the door once, be it before the death or now."""
        async with service.client(RELAY) as client:
            for prompt, quote in self._given.items():
                await generate(client, ask(prompt, wait=30, confirm=quote))
        called = Counter(each.values["prompt"] for each in self._vendor.orders)
        used = Counter(job["quote"] for job in jobs(self._state).values())
        return [
            f"{prompt} was bought {called[prompt]} times, {quote} used {used[quote]} times"
            for prompt, quote in self._given.items()
            if used[quote] != 1 or called[prompt] > 1
        ]

    async def _adjusted_again(self) -> list[str]:
        """Whether every bill is entered once, be it before the death or now."""
        if self._point is not Point.ADJUSTING:
            return []
        await adjust_all(self._settings)
        await adjust_all(self._settings)
        query = "SELECT job FROM ledger WHERE kind = 'adjust'"
        bills = Counter(row["job"] for row in rows(self._state, query))
        wrong = [f"{job}: {bills[job]} bills" for job in jobs(self._state) if bills[job] != 1]
        return wrong + disagreements(self._state)

    async def _asked_again(self, service: Service) -> list[str]:
        """Whether asking again for what is unknown, or done, finds it and buys nothing."""
        calls = self._vendor.calls()
        wrong = []
        whose = RELAY if self._given else ROBOT
        async with service.client(whose) as client:
            for job in jobs(self._state).values():
                if job["state"] == "failed":
                    continue
                plan = json.loads(job["plan"])
                again = await generate(client, ask(plan["prompt"], wait=5))
                if (again["job"], again["state"]) != (job["id"], job["state"]):
                    wrong.append(f"{job['id']} asked again is {again['job']} {again['state']}")
        if self._vendor.calls() != calls:
            wrong.append("asking again bought again")
        return wrong

    async def _audited(self) -> list[str]:
        """Whether the chain of the audit holds, and nothing of it is still open."""
        async with auditor(self._settings) as audit:
            found = await audit.verify()
        wrong = [str(found.broken)] if found.broken else []
        return wrong + [f"{found.waiting} lines wait for a seal"] * bool(found.waiting)


async def once(directory: Path, vendor: FakeOpenAI, point: Point, chance: random.Random) -> Found:
    """One death at a point, with one to four asks, at one of them."""
    asks = chance.randint(1, 4)
    return await Trial(directory / "state", vendor, point).run(asks, chance.randint(1, asks))


async def prove(runs: int, seed: int) -> int:
    """Every point `runs` times; the number of runs that left something wrong."""
    bad = 0
    with FakeOpenAI() as vendor:
        for point in Point:
            chance = random.Random(f"{seed} {point}")
            began, states = time.monotonic(), Counter[str]()
            for run in range(runs):
                with tempfile.TemporaryDirectory() as directory:
                    found = await once(Path(directory), vendor, point, chance)
                states += found.states
                bad += bool(found.wrong)
                for each in found.wrong:
                    print(f"  WRONG in run {run}: {each}")
            counts = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
            print(f"{point}: {runs} deaths, {counts}, {time.monotonic() - began:.0f} s", flush=True)
    return bad


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(2**32)
    print(f"seed {seed}, {runs} runs at each of {len(Point)} points", flush=True)
    began = time.monotonic()
    bad = asyncio.run(prove(runs, seed))
    print(
        f"{bad} of {runs * len(Point)} runs left something wrong, {time.monotonic() - began:.0f} s"
    )
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
