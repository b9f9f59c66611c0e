"""What another process revokes beside a running service: next requests, streams, links, jobs."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from imagewright.adapters.clock import SystemClock
from imagewright.adapters.sql.database import Database, SqlConfig
from imagewright.adapters.sql.revocations import SqlRevocations
from imagewright.core.errors import Unavailable
from imagewright.core.revocation import EVERYBODY, Target, What
from imagewright.services.revoking import RevokingService
from tests.end_to_end.books import disagreements
from tests.end_to_end.browser import Browser, Page
from tests.end_to_end.money import (
    CAST,
    HUMAN,
    OTHER,
    ROBOT,
    Paid,
    ask,
    call,
    code,
    exact,
    generate,
    paid,
)
from tests.end_to_end.pages import SESSION, House, signed_in
from tests.end_to_end.program import beside
from tests.end_to_end.service import OWNER, STRANGER, Mode, Service
from tests.end_to_end.wire import Peer
from tests.fakes.openai_images import FakeOpenAI
from tests.fakes.vendor import Reply, Way

TOKEN = Target(what=What.TOKEN, key="tok_0")
SUBJECT = Target(what=What.SUBJECT, key=OWNER)


class Elsewhere:
    """Another process: a database connection of its own on the same file."""

    def __init__(self, state: Path) -> None:
        self._database = Database(SqlConfig(url=f"sqlite:///{state}/imagewright.db"))
        self._service = RevokingService(SqlRevocations(self._database), SystemClock())

    async def revoke(self, target: Target) -> int:
        await self._database.open()
        try:
            return (await self._service.revoke(target, by="root", reason="lost")).ended
        finally:
            await self._database.close()

    async def restore(self, target: Target) -> None:
        await self._database.open()
        try:
            await self._service.restore(target, by="root", reason="found")
        finally:
            await self._database.close()


async def until(true: Callable[[], Awaitable[bool]], seconds: float = 10.0) -> float:
    """How long it took."""
    began = time.monotonic()
    async with asyncio.timeout(seconds):
        while not await true():  # noqa: ASYNC110 - another process sets no event of ours
            await asyncio.sleep(0.02)
    return time.monotonic() - began


@pytest.fixture
def elsewhere(service: Service) -> Elsewhere:
    return Elsewhere(service.app.settings.state)


@pytest.mark.parametrize("target", [TOKEN, SUBJECT], ids=str)
async def test_the_next_request_is_refused_and_others_go_on(
    service: Service, elsewhere: Elsewhere, target: Target
) -> None:
    async with service.http(OWNER) as mine, service.http(STRANGER) as theirs:
        before = (await mine.get("/ready")).status_code
        await elsewhere.revoke(target)

        async def refused() -> bool:
            return (await mine.get("/ready")).status_code == 401

        await until(refused)
        answer = await Peer(mine, "auto").ask("tools/list")
        invalid = await theirs.get("/ready", headers={"Authorization": "Bearer iw_none"})
        assert answer.status == 401
        assert answer.headers["www-authenticate"] == invalid.headers["www-authenticate"]
        assert (await Peer(theirs, "auto").ask("tools/list")).status == 200
        await elsewhere.restore(target)

        async def back() -> bool:
            return (await mine.get("/ready")).status_code == before

        await until(back)


@pytest.mark.parametrize("target", [TOKEN, SUBJECT], ids=str)
async def test_an_open_stream_ends(service: Service, elsewhere: Elsewhere, target: Target) -> None:
    async with service.http(OWNER) as mine, service.http(STRANGER) as theirs:
        streams = []
        for http in (mine, theirs):
            peer = Peer(http, "legacy")
            await peer.open()
            headers = {**peer.session, "accept": "text/event-stream"}
            request = http.build_request("GET", "/mcp", headers=headers)
            streams.append(await http.send(request, stream=True))
        assert [each.status_code for each in streams] == [200, 200]
        ended = [asyncio.create_task(_read(each)) for each in streams]
        await asyncio.sleep(1.2)
        assert not any(task.done() for task in ended)
        await elsewhere.revoke(target)
        async with asyncio.timeout(10):
            await ended[0]
        await asyncio.sleep(1.2)
        assert not ended[1].done()
        await streams[1].aclose()
        await asyncio.gather(ended[1], return_exceptions=True)
    assert (await _alive(service)).status_code == 200


async def _read(stream: httpx.Response) -> bytes:
    return await stream.aread()


async def _alive(service: Service) -> httpx.Response:
    async with service.http(None) as http:
        return await http.get("/health")


async def test_a_stream_ends_whose_every_grant_was_taken_out_of_the_file(service: Service) -> None:
    async with service.http(OWNER) as http:
        peer = Peer(http, "legacy")
        await peer.open()
        headers = {**peer.session, "accept": "text/event-stream"}
        request = http.build_request("GET", "/mcp", headers=headers)
        stream = await http.send(request, stream=True)
        (service.app.settings.state / "acl.toml").unlink()
        service.app.refresh()
        async with asyncio.timeout(10):
            await stream.aread()


async def test_links_stop_and_come_back(service: Service, elsewhere: Elsewhere) -> None:
    async with service.http(OWNER) as http:
        made = await Peer(http, "auto").call("generate_image", prompt="a hill", size="64x64")
    (shown,) = made.result["structuredContent"]["images"]
    image = await service.app.services.library.get(OWNER, shown["id"])
    link = service.app.services.links.make(OWNER, image)
    async with service.http(None) as http:

        async def answers(status: int) -> bool:
            return (await http.get(link.path)).status_code == status

        assert await answers(200)
        await elsewhere.revoke(SUBJECT)
        await until(lambda: answers(404))
        await elsewhere.restore(SUBJECT)
        await until(lambda: answers(200))


async def test_while_it_cannot_be_told_nobody_is_let_in(service: Service) -> None:
    rows = service.app.parts.revocations

    async def away() -> frozenset[Target]:
        raise Unavailable("The database is away.")

    there, rows.in_force = rows.in_force, away  # type: ignore[method-assign]  # one part broken
    async with service.http(OWNER) as http:

        async def status(wanted: int) -> bool:
            answer = await Peer(http, "auto").ask("tools/list")
            assert answer.status in {200, 503}
            return answer.status == wanted

        took = await until(lambda: status(503))
        assert took > 1
        refused = await Peer(http, "auto").ask("tools/list")
        assert refused.headers["retry-after"] == "1"
        rows.in_force = there  # type: ignore[method-assign]  # whole again
        await until(lambda: status(200))


@pytest.mark.parametrize("what", [("token", "tok_0"), ("subject", OWNER)], ids=" ".join)
async def test_an_open_page_ends_for_good(
    house: House, browser: Browser, what: tuple[str, str]
) -> None:
    await browser.sign_in(house.token())
    held = browser.own[SESSION]
    assert OWNER in (await browser.get("/ui")).text
    async with house.browser() as other:
        await other.sign_in(house.token(STRANGER))
        code, words = await beside(house.state, "acl", "revoke", *what, "--reason", "left")
        assert code == 0, words

        async def out() -> bool:
            return not await signed_in(browser)

        await until(out)
        assert SESSION not in browser.own
        shown = await browser.follow(await browser.get("/ui"))
        assert (shown.url.path, OWNER in shown.text) == ("/ui/sign-in", False)
        assert Page(shown.text).forms
        assert (await browser.sign_in(house.token())).status_code == 403
        assert await signed_in(other)
    code, words = await beside(house.state, "acl", "restore", *what, "--reason", "back")
    assert code == 0, words

    async def again() -> bool:
        return (await browser.sign_in(house.token())).status_code == 303

    await until(again)
    browser.own[SESSION] = held
    assert not await signed_in(browser)


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Paid]:
    with FakeOpenAI() as vendor:
        async with paid(tmp_path / "state", vendor) as found:
            yield found


async def test_a_kill_switch_stops_everybodys_spending_at_once(shop: Paid) -> None:
    elsewhere = Elsewhere(shop.state)
    shop.vendor.replies.extend(exact(1))
    async with shop.client(ROBOT) as robot:
        assert code(await generate(robot, ask())) is None
        await elsewhere.revoke(EVERYBODY)
        refused = await generate(robot, ask())
        assert (code(refused), shop.vendor.calls()) == ("forbidden", 1)
        made = await call(robot, "generate_image", {"prompt": "free", "size": "64x64"})
        assert made["state"] == "succeeded"
    async with shop.client(OTHER) as other:
        assert code(await generate(other, ask())) == "forbidden"
    assert shop.vendor.calls() == 1


async def test_a_subject_revoked_mid_job_spends_nothing_more(shop: Paid) -> None:
    elsewhere = Elsewhere(shop.state)
    shop.vendor.slow_seconds = 1.5
    shop.vendor.replies.extend([Reply(way=Way.SLOW)] * 2)
    async with shop.client(ROBOT) as robot:
        jobs = [await generate(robot, {**ask(), "wait": 0}) for _ in range(5)]

        async def two_at_work() -> bool:
            return shop.vendor.calls() == 2

        await until(two_at_work)
        ended = await elsewhere.revoke(Target(what=What.SUBJECT, key=ROBOT))
    assert ended == 3
    service = shop.service.app.services

    async def settled() -> bool:
        return not await service.jobs.list(ROBOT, open_only=True, limit=9, before=None)

    await until(settled)
    states = [(await service.jobs.get(ROBOT, job["job"])).state.value for job in jobs]
    assert sorted(states) == ["canceled"] * 3 + ["succeeded"] * 2
    assert shop.vendor.calls() == 2
    async with shop.client(HUMAN) as human:
        assert code(await call(human, "list_images", {})) is None


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_call_that_waits_ends_and_what_it_waited_for_is_kept(
    shop: Paid, mode: Mode
) -> None:
    shop.vendor.slow_seconds = 4.0
    shop.vendor.replies.append(Reply(way=Way.SLOW))
    async with shop.service.http(ROBOT) as http:
        peer = Peer(http, mode)
        await peer.ask("tools/list")
        waiting = asyncio.create_task(peer.call("generate_image", **ask(), wait=30))

        async def at_work() -> bool:
            return shop.vendor.calls() == 1

        await until(at_work)
        await Elsewhere(shop.state).revoke(Target(what=What.SUBJECT, key=ROBOT))
        answer = await waiting
    assert '"result"' not in answer.body
    service = shop.service.app.services
    (job,) = await service.jobs.list(ROBOT, open_only=False, limit=9, before=None)
    assert not job.state.ended

    async def ended() -> bool:
        return (await service.jobs.get(ROBOT, job.id)).state.ended

    await until(ended)
    assert len(await service.library.of_job(ROBOT, job.id)) == 1


KILLS = (
    Target(what=What.TOKEN, key="tok_3"),
    Target(what=What.SUBJECT, key=ROBOT),
    Target(what=What.SPENDING_BY, key=ROBOT),
    Target(what=What.SPENDING_AT, key="paint"),
    EVERYBODY,
)


@pytest.mark.parametrize("target", KILLS, ids=str)
async def test_a_running_batch_spends_on_no_later_item(shop: Paid, target: Target) -> None:
    assert CAST[3] == ROBOT
    elsewhere = Elsewhere(shop.state)
    shop.vendor.slow_seconds = 4.0
    shop.vendor.replies.extend([Reply(way=Way.SLOW)] * 2)
    async with shop.client(ROBOT) as robot:
        begun = await call(robot, "batch", {"items": [ask() for _ in range(6)], "wait": 0})

    async def two_at_work() -> bool:
        return shop.vendor.calls() == 2

    await until(two_at_work)
    assert await elsewhere.revoke(target) == 4
    service = shop.service.app.services

    async def settled() -> bool:
        return not await service.jobs.list(ROBOT, open_only=True, limit=9, before=None)

    await until(settled)
    found = await service.batches.get(ROBOT, begun["job"])
    states = [item.job.state.value for item in found.items]
    assert sorted(states) == ["canceled"] * 4 + ["succeeded"] * 2
    assert shop.vendor.calls() == 2
    assert disagreements(shop.state) == []
    await elsewhere.restore(target)
    await service.standing.refresh()
    shop.vendor.replies.extend(exact(1))
    async with shop.client(ROBOT) as robot:
        assert "error" not in await generate(robot, ask())
