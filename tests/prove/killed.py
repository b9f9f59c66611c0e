"""The service, which kills itself at one point on the money's road.

Run as `python -m tests.prove.killed <settings.json> <point> <nth>`: the nth time that it comes
past the point it dies without another instruction. It prints `ready` once it serves. A command
that adjusts every settled job stands in for it where that is what dies.
"""

import asyncio
import json
import os
import signal
import sys
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event, text

from imagewright.adapters.sql.books import SqlBooks
from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.app import App, Parts, build
from imagewright.app.parts import database_url, parts_of
from imagewright.app.serving import serve_http
from imagewright.core.adjustment import Adjustment
from imagewright.core.money import Nano
from imagewright.core.revocation import Warrant
from imagewright.settings import Settings
from tests.end_to_end.service import settings_of


class Point(StrEnum):
    """Where it dies, in the order that a job comes past."""

    HOLDING = "before the hold is committed"
    CONSENTED = "after the consent is used, before the hold"
    ADMITTED = "after admit, before claim"
    CLAIMED = "after claim, before start"
    STARTED = "after start, before the vendor is called"
    ANSWERED = "after the vendor answered, before the blob is stored"
    STORED = "after the blob is stored, before settle"
    SETTLING = "before the settlement is committed"
    RELEASING = "before a release is committed"
    SETTLED = "after the settlement is committed"
    RECOVERING = "before what is recovered is committed"
    ADJUSTING = "before an adjustment is committed"


class Death:
    """Comes the nth time it is met."""

    def __init__(self, nth: int) -> None:
        self._left = nth

    def meet(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


class Wrapped:
    """A real part, with one method that meets death before or after it does its work."""

    def __init__(self, real: Any, method: str, death: Death, *, after: bool) -> None:
        self._real = real
        self._method = method
        self._death = death
        self._after = after

    async def open(self) -> None:
        # Said outright: from 3.12 on a protocol's isinstance does not ask `__getattr__`.
        if hasattr(self._real, "open"):
            await self._real.open()

    async def close(self) -> None:
        if hasattr(self._real, "close"):
            await self._real.close()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if name != self._method:
            return found

        async def deadly(*args: Any, **kwargs: Any) -> Any:
            if not self._after:
                self._death.meet()
            result = await found(*args, **kwargs)
            if self._after and result not in {None, False}:
                self._death.meet()
            return result

        return deadly


class Unclaimed:
    """Jobs of which none is ever claimed, so that what is admitted stays so."""

    def __init__(self, real: Any) -> None:
        self._real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    async def claim(self, *_: Any) -> None:
        return None


def deadly_parts(parts: Parts, point: Point, death: Death) -> Parts:
    """The real parts with one of them wrapped."""
    changed: dict[str, Any]
    match point:
        case Point.ADMITTED:
            books = Wrapped(parts.books, "admit", death, after=True)
            changed = {"books": books, "jobs": Unclaimed(parts.jobs)}
        case Point.CLAIMED:
            changed = {"jobs": Wrapped(parts.jobs, "claim", death, after=True)}
        case Point.STARTED:
            changed = {"jobs": Wrapped(parts.jobs, "start", death, after=True)}
        case Point.ANSWERED:
            changed = {"blobs": Wrapped(parts.blobs, "put", death, after=False)}
        case Point.STORED:
            changed = {"books": Wrapped(parts.books, "settle", death, after=False)}
        case Point.SETTLED:
            changed = {"books": Wrapped(parts.books, "settle", death, after=True)}
        case _:
            changed = {}
    return replace(parts, **changed)


_IN_A_TRANSACTION = {
    Point.HOLDING: ("INSERT INTO ledger", "hold"),
    Point.SETTLING: ("INSERT INTO ledger", "settle"),
    Point.RELEASING: ("INSERT INTO ledger", "release"),
    Point.ADJUSTING: ("INSERT INTO ledger", "adjust"),
    Point.RECOVERING: ("INSERT INTO audit", "recover"),
}
"""The statement, and one of its values, by which a transaction that dies at its end is known."""


def die_in_transaction(point: Point, death: Death) -> None:
    """Meet death between a transaction's statements and its end, if the point is there."""
    if point is Point.CONSENTED:
        event.listen(Engine, "after_cursor_execute", _at_once("UPDATE quotes SET", "job=", death))
    elif point in _IN_A_TRANSACTION:
        words, value = _IN_A_TRANSACTION[point]

        def note(connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
            if words in statement and f"'{value}'" in repr(values):
                connection.info["doomed"] = True

        def meet(connection: Any) -> None:
            if connection.info.pop("doomed", False):
                death.meet()

        event.listen(Engine, "after_cursor_execute", note)
        event.listen(Engine, "commit", meet)


def _at_once(words: str, column: str, death: Death) -> Any:
    def meet(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if words in statement and column in statement:
            death.meet()

    return meet


async def adjust_all(settings: Settings) -> None:
    """Add a nano-dollar to what every settled job has cost."""
    database = Database(SqlConfig(url=database_url(settings)))
    await database.open()
    books = SqlBooks(database)
    query = text("SELECT id FROM jobs WHERE actual IS NOT NULL ORDER BY id")
    found = await database.read(lambda sql: list(sql.scalars(query)))
    warrant = Warrant(by="proof", reason="the bill", at=1)
    for job in found:
        amount = Nano(1)
        await books.adjust(Adjustment(job=job, amount=amount, reference="bill", warrant=warrant))
    await database.close()


async def tell(_app: App) -> None:
    print("ready", flush=True)


async def main(file: Path, point: Point, nth: int) -> None:
    settings = settings_of(json.loads(file.read_text()))
    death = Death(nth)
    die_in_transaction(point, death)
    if point is Point.ADJUSTING:
        await adjust_all(settings)
        return
    parts = deadly_parts(parts_of(settings), point, death)
    await serve_http(build(settings, parts=parts), tell)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Point(sys.argv[2]), int(sys.argv[3])))
