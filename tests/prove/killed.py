"""The service, which kills itself at one point between hold and settlement.

Run as `python -m tests.prove.killed <settings.json> <point> <nth>`: the nth time that it comes
past the point it dies without another instruction. It prints `ready` once it serves.
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

from imagewright.app import App, Parts, build
from imagewright.app.parts import parts_of
from imagewright.app.serving import serve_http
from tests.end_to_end.service import settings_of


class Point(StrEnum):
    """Where it dies, in the order that a job comes past."""

    ADMITTED = "after admit, before claim"
    CLAIMED = "after claim, before start"
    STARTED = "after start, before the vendor is called"
    ANSWERED = "after the vendor answered, before the blob is stored"
    STORED = "after the blob is stored, before settle"


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
    return replace(parts, **changed)


async def tell(_app: App) -> None:
    print("ready", flush=True)


async def main(file: Path, point: Point, nth: int) -> None:
    settings = settings_of(json.loads(file.read_text()))
    parts = deadly_parts(parts_of(settings), point, Death(nth))
    await serve_http(build(settings, parts=parts), tell)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), Point(sys.argv[2]), int(sys.argv[3])))
