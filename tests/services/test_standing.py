"""The ACL less what was revoked: a copy that is young, or decides nothing."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from imagewright.core.errors import Unavailable
from imagewright.core.revocation import Target, Warrant, What
from imagewright.services.revoking import RevokingService
from imagewright.services.standing import Standing
from tests.fakes.clock import HandClock
from tests.fakes.outside import EditedAcl
from tests.fakes.revocations import MemoryRevocations
from tests.services.shop import BOT, grants

TARGET = Target(what=What.TOKEN, key=BOT.credential.id)
WARRANT = Warrant(by="root", reason="lost", at=1)


class Scene:
    def __init__(self) -> None:
        self.clock, self.rows, self.acl = HandClock(), MemoryRevocations(), EditedAcl(grants())
        self.standing = Standing(self.acl, self.rows, self.clock)


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_nothing_is_decided_before_the_first_reading(scene: Scene) -> None:
    with pytest.raises(Unavailable) as raised:
        scene.standing.current()
    assert raised.value.details == {"retry_after": 1}
    await scene.standing.refresh()
    assert scene.standing.current() is scene.acl.acl


async def test_what_is_revoked_stands_in_the_acl_from_the_next_reading(scene: Scene) -> None:
    await scene.standing.refresh()
    await scene.rows.revoke(TARGET, WARRANT)
    assert scene.standing.current().revoked == frozenset()
    await scene.standing.refresh()
    found = scene.standing.current()
    assert found == replace(scene.acl.acl, revoked=frozenset({TARGET}))
    assert scene.standing.current() is found
    scene.acl.acl = grants(read_only=True)
    assert scene.standing.current().read_only
    assert scene.standing.current().revoked == {TARGET}
    await scene.rows.lift(TARGET, WARRANT)
    await scene.standing.refresh()
    assert scene.standing.current() is scene.acl.acl


async def test_a_copy_of_more_than_three_seconds_decides_nothing(scene: Scene) -> None:
    await scene.standing.refresh()
    scene.rows.fault = Unavailable("The database is away.")
    for seconds, good in ((3.0, True), (0.1, False)):
        scene.clock.advance(seconds)
        with pytest.raises(Unavailable, match="away"):
            await scene.standing.refresh()
        if good:
            scene.standing.current()
        else:
            with pytest.raises(Unavailable, match="revoked"):
                scene.standing.current()
    scene.rows.fault = None
    await scene.standing.refresh()
    scene.standing.current()


async def test_a_copy_is_as_old_as_when_its_reading_began(scene: Scene) -> None:
    class Slow(MemoryRevocations):
        async def in_force(self) -> frozenset[Target]:
            scene.clock.advance(2.0)
            return await super().in_force()

    standing = Standing(scene.acl, Slow(), scene.clock)
    await standing.refresh()
    scene.clock.advance(1.1)
    with pytest.raises(Unavailable):
        standing.current()


@asynccontextmanager
async def kept(standing: Standing) -> AsyncIterator[None]:
    keeping = asyncio.create_task(standing.keep())
    try:
        yield
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def until(standing: Standing, revoked: frozenset[Target]) -> None:
    async with asyncio.timeout(10):
        while standing.current().revoked != revoked:  # noqa: ASYNC110 - what is awaited is a copy
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("fault", "code"), [(Unavailable("away"), "unavailable"), (RuntimeError("mine"), "internal")]
)
async def test_it_is_kept_young_and_survives_a_database_that_is_away(
    scene: Scene, fault: Exception, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    await scene.standing.refresh()
    async with kept(scene.standing):
        await scene.rows.revoke(TARGET, WARRANT)
        await until(scene.standing, frozenset({TARGET}))
        await scene.rows.lift(TARGET, WARRANT)
        scene.rows.fault = fault
        with caplog.at_level(logging.ERROR):
            await asyncio.sleep(1.2)
        scene.rows.fault = None
        await until(scene.standing, frozenset())
    told = [each for each in caplog.records if each.message == "revocations not read"]
    assert [each.__dict__["code"] for each in told] == [code]


async def test_revoking_and_restoring_carry_the_name_the_reason_and_the_time(scene: Scene) -> None:
    service = RevokingService(scene.rows, scene.clock)
    made = await service.revoke(TARGET, by="root", reason="lost")
    assert (made.revocation.by, made.revocation.reason, made.ended) == ("root", "lost", 0)
    assert made.revocation.at == scene.clock.now()
    assert await service.list(lifted=False) == (made.revocation,)
    scene.clock.advance(5)
    lifted = await service.restore(TARGET, by="olga", reason="found")
    assert (lifted.lifted_by, lifted.lifted_at) == ("olga", scene.clock.now())
    assert await service.list(lifted=False) == ()
    assert await service.list(lifted=True) == (lifted,)
