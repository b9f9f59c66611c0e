import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imagewright.adapters.imaging.config import ImagingConfig
from imagewright.adapters.imaging.process import WorkerProcess
from imagewright.adapters.imaging.vips import VipsImaging
from imagewright.adapters.imaging.workers import Workers
from imagewright.core.errors import ImageTooLarge, InvalidImage, Unavailable
from imagewright.core.picture import Format
from imagewright.core.size import Size
from imagewright.ports.imaging import Preview
from tests.adapters.imaging import samples
from tests.adapters.imaging.samples import LIMITS

PING = {"task": "ping"}
LARGE = {"prompt": "slow", "size": Size(4096, 4096), "format": Format.GIF}


async def opened(**values: Any) -> Workers:
    workers = Workers(ImagingConfig(**values))
    await workers.open()
    return workers


async def start() -> WorkerProcess:
    return await WorkerProcess.start(1 << 30, life=60)


async def test_one_worker_waits_and_more_come_as_needed() -> None:
    workers = await opened(workers=2, idle=0.2)
    try:
        assert workers.count == 1
        await asyncio.gather(*(workers.call(PING) for _ in range(8)))
        assert workers.count == 2
        await asyncio.sleep(0.6)
        assert workers.count == 1
        await workers.call(PING)
    finally:
        await workers.close()
    assert workers.count == 0


async def test_fifty_calls_at_once_are_all_answered() -> None:
    async with VipsImaging(ImagingConfig(workers=2)) as imaging:
        data = samples.picture("png", 200, 100)
        told = await asyncio.gather(*(imaging.inspect(data, LIMITS, Preview()) for _ in range(50)))
    assert {inspected.picture.size for inspected in told} == {Size(200, 100)}


async def test_an_idle_worker_that_was_killed_is_replaced() -> None:
    workers = await opened(workers=1)
    try:
        os.kill(workers.pids()[0], signal.SIGKILL)
        await workers.call(PING)
        assert workers.count == 1
    finally:
        await workers.close()


async def _killed_during(
    imaging: VipsImaging, signals: list[signal.Signals]
) -> bytes | BaseException:
    task = asyncio.create_task(imaging.draw(samples.drawing(**LARGE)))
    killed: set[int] = set()
    for number in signals:
        fresh = await _started(imaging, killed)
        await asyncio.sleep(0.1)
        os.kill(fresh, number)
        killed.add(fresh)
    return (await asyncio.gather(task, return_exceptions=True))[0]


async def _started(imaging: VipsImaging, before: set[int]) -> int:
    for _ in range(1000):
        fresh = set(imaging.workers.pids()) - before
        if fresh:
            return fresh.pop()
        await asyncio.sleep(0.01)
    raise AssertionError("no worker starts")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("signals", "outcome"),
    [
        ([signal.SIGKILL], bytes),
        ([signal.SIGKILL, signal.SIGKILL], Unavailable),
        ([signal.SIGSEGV, signal.SIGSEGV], InvalidImage),
        ([signal.SIGABRT], ImageTooLarge),
        ([signal.SIGXCPU], ImageTooLarge),
    ],
)
async def test_a_worker_that_dies_in_the_middle(
    signals: list[signal.Signals], outcome: type
) -> None:
    async with VipsImaging(ImagingConfig(workers=1)) as imaging:
        assert isinstance(await _killed_during(imaging, signals), outcome)
        await imaging.ping()


@pytest.mark.slow
async def test_a_call_that_takes_too_long_is_ended_with_its_worker() -> None:
    async with VipsImaging(ImagingConfig(workers=1, deadline=0.3)) as imaging:
        before = imaging.workers.pids()
        began = time.perf_counter()
        with pytest.raises(Unavailable):
            await imaging.draw(samples.drawing(**LARGE))
        assert time.perf_counter() - began < 2
        await asyncio.sleep(0.2)
        assert not any(_runs(pid) for pid in before)
        assert imaging.workers.count == 0


async def test_a_wait_for_a_place_ends_too() -> None:
    async with VipsImaging(ImagingConfig(workers=1, deadline=0.3)) as imaging:
        slow = [imaging.draw(samples.drawing(**LARGE)) for _ in range(3)]
        ended = await asyncio.gather(*slow, return_exceptions=True)
    assert [type(one) for one in ended] == [Unavailable] * 3


@pytest.mark.slow
async def test_a_cancelled_call_leaves_nothing_out_of_step() -> None:
    async with VipsImaging(ImagingConfig(workers=1)) as imaging:
        before = imaging.workers.pids()
        task = asyncio.create_task(imaging.draw(samples.drawing(**LARGE)))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        inspected = await imaging.inspect(samples.picture("jpeg", 90, 70), LIMITS)
        assert inspected.picture.size == Size(90, 70)
        assert imaging.workers.pids() != before
        assert not any(_runs(pid) for pid in before)


async def test_closing_ends_every_process_and_every_call() -> None:
    imaging = VipsImaging(ImagingConfig(workers=2))
    await imaging.open()
    task = asyncio.create_task(imaging.draw(samples.drawing(**LARGE)))
    await asyncio.sleep(0.1)
    pids = imaging.workers.pids()
    await imaging.close()
    with pytest.raises(Unavailable):
        await task
    assert not any(_runs(pid) for pid in pids)
    with pytest.raises(Unavailable):
        await imaging.ping()


async def test_a_worker_that_does_not_start_is_told() -> None:
    with pytest.raises(Unavailable):
        await opened(memory=1 << 70)


async def test_a_worn_worker_is_replaced_between_calls() -> None:
    drawing = samples.drawing(prompt="worn", size=Size(1024, 1024), format=Format.GIF)
    async with VipsImaging(ImagingConfig(workers=1, life=10)) as imaging:
        before = imaging.workers.pids()
        # Some fifty of these use up half of a life of ten seconds, and no one of them the rest.
        while imaging.workers.count:
            await imaging.draw(drawing)
        await imaging.ping()
        assert before not in (imaging.workers.pids(), [])


async def test_a_worker_that_ended_unseen_is_ended_without_a_complaint(
    caplog: pytest.LogCaptureFixture,
) -> None:
    worker = await start()
    os.kill(worker.pid, signal.SIGKILL)
    # The loop stands still, so that it cannot notice.
    time.sleep(0.2)
    worker.kill()
    await worker.end()
    assert caplog.records == []


async def test_a_terminals_ctrl_c_does_not_reach_a_worker() -> None:
    worker = await start()
    try:
        assert os.getpgid(worker.pid) != os.getpgid(0)
    finally:
        await worker.end()


@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="Linux tells this")
async def test_an_idle_worker_is_small() -> None:
    worker = await start()
    try:
        lines = dict(
            line.split(":", 1)
            for line in Path(f"/proc/{worker.pid}/smaps_rollup").read_text().splitlines()[1:]
        )
        assert int(lines["Pss"].split()[0]) < 48 << 10
        assert worker.held
    finally:
        await worker.end()


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    changes=st.lists(
        st.tuples(
            st.sampled_from(list(samples.SAVERS)),
            st.lists(st.tuples(st.integers(12, 3000), st.integers(0, 255)), min_size=1, max_size=8),
        ),
        min_size=4,
        max_size=10,
    )
)
def test_damaged_pictures_are_answered_and_end_nobody(
    changes: list[tuple[str, list[tuple[int, int]]]],
) -> None:
    asyncio.run(_damaged(changes))


async def _damaged(changes: list[tuple[str, list[tuple[int, int]]]]) -> None:
    async with VipsImaging(ImagingConfig(workers=1, deadline=10)) as imaging:
        for kind, places in changes:
            data = bytearray(SMALL[kind])
            for at, value in places:
                data[at % len(data)] = value
            with suppress(InvalidImage, ImageTooLarge):
                await imaging.inspect(bytes(data), LIMITS, Preview())
        await imaging.ping()


SMALL = {kind: samples.picture(kind, 60, 44) for kind in samples.SAVERS}


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_parent_never_loads_libvips() -> None:
    program = "import sys, imagewright.adapters.imaging.vips; print('pyvips' in sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout.strip() == "False"
