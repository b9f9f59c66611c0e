"""Attempts at jobs, and the faults that a provider may end them with."""

import asyncio
from typing import Any

import pytest

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
from imagewright.core.job import Job
from imagewright.services.work import Work
from tests.fakes.provider import Hanging
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
