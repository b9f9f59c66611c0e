"""Attempts at jobs, and the faults that a provider may end them with."""

import asyncio
from typing import Any

import pytest

from imagewright.core.ask import Ask
from imagewright.core.errors import (
    Internal,
    ModerationBlocked,
    OutcomeUnknown,
    ProviderBadAnswer,
    ProviderBusy,
    ProviderMisconfigured,
    ProviderQuota,
    ProviderRejected,
    ProviderUnavailable,
    StorageFull,
    Unavailable,
    Unsupported,
)
from imagewright.core.job import Job, State
from imagewright.services.work import Work
from tests.fakes.provider import Hanging, accepts, fails
from tests.services.shop import (
    Shop,
)

CERTAIN = (
    ModerationBlocked,
    ProviderBadAnswer,
    ProviderBusy,
    ProviderMisconfigured,
    ProviderQuota,
    ProviderRejected,
    ProviderUnavailable,
    Unsupported,
)
UNCERTAIN = (OutcomeUnknown, Unavailable, StorageFull, Internal)


async def done(shop: Shop, job: Job, **bench: Any) -> Job:
    """The job after its attempt."""
    await shop.work(**bench).carry_out(job)
    return await shop.look(job)


async def begun(work: Work, job: Job, hanging: Hanging) -> asyncio.Task[None]:
    """The attempt, once its provider was called."""
    task = asyncio.create_task(work.carry_out(job))
    await hanging.begun.wait()
    return task


async def canceled(task: asyncio.Task[None]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def aside(shop: Shop, ask: Ask | None = None) -> Job:
    """A job that was put aside when its call broke off, and that is due."""
    shop.provider.script = [accepts(fails(OutcomeUnknown("The line was cut.")))]
    job = await done(shop, await shop.claimed(ask))
    assert job.state is State.RUNNING
    shop.clock.advance(60)
    return job


async def resumed(shop: Shop, ask: Ask | None = None) -> Job:
    """Such a job, taken up again."""
    await aside(shop, ask)
    job = await shop.claim()
    assert job is not None
    return job


async def again_later(shop: Shop, job: Job) -> Job:
    shop.clock.advance(60)
    found = await shop.claim()
    assert found is not None
    assert found.id == job.id
    return await done(shop, found)
