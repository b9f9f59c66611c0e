"""One worker process, as its parent sees it. Parent side."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from imagewright.adapters.imaging import frames

_MODULE = "imagewright.adapters.imaging.worker"
_FONTS = Path(__file__).with_name("font") / "fonts.conf"


class Died(Exception):
    """The worker ended, or spoke nonsense, before it answered; `signal` is 0 if none ended it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = number


class WorkerProcess:
    """A started worker: one call at a time, in step with its answers."""

    def __init__(
        self,
        process: Process,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        life: int,
    ) -> None:
        self._process = process
        self._life = life
        self._reader = reader
        self._writer = writer
        self._seconds = 0.0
        self._killed = False
        self.held: dict[str, str] = {}
        self.rested = 0.0

    @classmethod
    async def start(cls, memory: int, life: int) -> "WorkerProcess":
        """Start one and wait until it is in its jail. Raises Died or OSError.

        `memory` is in bytes, `life` in seconds of processor time.
        """
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-S", "-P", "-B", "-m", _MODULE, str(memory), str(life)),
                    stdin=theirs.fileno(),
                    stdout=DEVNULL,
                    env=environment(),
                    # A terminal's Ctrl-C is for the service, which may still need its workers.
                    start_new_session=True,
                )
            reader, writer = await asyncio.open_connection(sock=ours)
        except BaseException:
            ours.close()
            raise
        worker = cls(process, reader, writer, life)
        try:
            head, _ = await worker._receive()
            worker.held = {str(name): str(held) for name, held in head["held"].items()}
        except (KeyError, AttributeError):
            await worker.end()
            raise Died(0) from None
        except BaseException:
            # A process that outlives the loop is reported by asyncio when it ends.
            await worker.end()
            raise
        return worker

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    @property
    def worn(self) -> bool:
        """Whether it has used up so much of its processor time that another should take over."""
        return self._seconds > self._life / 2

    async def call(
        self, head: dict[str, Any], blobs: Sequence[bytes]
    ) -> tuple[dict[str, Any], list[bytes]]:
        """Ask and wait. Raises Died. Whoever gives up waiting must kill the worker."""
        try:
            self._writer.writelines((frames.pack(head, blobs), *blobs))
            await self._writer.drain()
        except OSError:
            raise Died(await self._ended()) from None
        answer, made = await self._receive()
        seconds = answer.get("seconds")
        self._seconds = float(seconds) if isinstance(seconds, int | float) else self._life
        return answer, made

    def kill(self) -> None:
        """End it now; nothing is waited for."""
        if self.alive and not self._killed:
            self._killed = True
            # Popen's own `kill` looks first whether the process is gone, and would take its exit
            # status away from the loop, which waits for it.
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self._writer.close()

    async def end(self) -> None:
        """End it and wait until it is gone."""
        self.kill()
        await self._process.wait()

    async def _receive(self) -> tuple[dict[str, Any], list[bytes]]:
        try:
            length = frames.head_length(await self._reader.readexactly(frames.PREFIX.size))
            head, lengths = frames.unpack(await self._reader.readexactly(length))
            return head, [await self._reader.readexactly(length) for length in lengths]
        except (asyncio.IncompleteReadError, OSError):
            raise Died(await self._ended()) from None
        except ValueError:
            # What a taken-over worker says is not believed, and it says no more.
            self.kill()
            raise Died(0) from None

    async def _ended(self) -> int:
        """The signal that ended it; the socket is closed, so the process is about to be gone."""
        try:
            async with asyncio.timeout(2):
                code = await self._process.wait()
        except TimeoutError:
            self.kill()
            return 0
        return -code if code < 0 else 0


def environment() -> dict[str, str]:
    """All that a worker's environment holds: where code and font are, and how libraries behave."""
    return {
        "PYTHONPATH": os.pathsep.join(place for place in sys.path if place),
        "FONTCONFIG_FILE": str(_FONTS),
        "HOME": "/nonexistent",
        "LC_ALL": "C.UTF-8",
        # The workers are the parallelism; pictures never go to disc, whatever their size.
        "VIPS_CONCURRENCY": "1",
        "VIPS_DISC_THRESHOLD": str(1 << 40),
        "VIPS_BLOCK_UNTRUSTED": "1",
        # One arena, and what is large given back at once: an idle worker stays small. Below 8 MiB
        # it is kept, or a third of a drawing's time goes into having pages zeroed anew.
        "MALLOC_ARENA_MAX": "1",
        "MALLOC_MMAP_THRESHOLD_": str(1 << 23),
        "MALLOC_TRIM_THRESHOLD_": str(1 << 23),
    }


EXHAUSTED: dict[int, str] = {
    signal.SIGABRT: "memory",
    signal.SIGTRAP: "memory",
    signal.SIGXCPU: "processor",
}
CRASHED: frozenset[int] = frozenset(
    {signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGSYS}
)
