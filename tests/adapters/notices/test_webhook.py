"""Notices to a real server, which answers, fails, hangs or is not there."""

import asyncio
import base64
import hmac
import json
import logging
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from imagewright.adapters.clock import SystemClock
from imagewright.adapters.notices.letter import read_key
from imagewright.adapters.notices.silence import Silence
from imagewright.adapters.notices.webhook import Webhook, WebhookConfig
from imagewright.core.ids import new_id
from imagewright.core.notice import Event, Notice
from imagewright.core.secret import Secret
from imagewright.ports.clock import World
from tests.adapters.notices.receiver import SECRET, Got, Receiver
from tests.contracts.samples import NOON
from tests.fakes.outside import Counted

LINK = "https://images.example.com/ui/approvals/link/capability"
NOTICE = Notice(event=Event.OUTCOME_UNKNOWN, at=NOON, ids={"job": "job_a"}, link=Secret(LINK))
QUICK = (0.01, 0.02)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as found:
        yield found


def config(receiver: Receiver, **changes: object) -> WebhookConfig:
    usual = WebhookConfig(url=Secret(receiver.url), secret=Secret(SECRET), delays=QUICK, grace=1.0)
    return replace(usual, **changes)  # type: ignore[arg-type]  # a test says what it changes


@asynccontextmanager
async def running(wanted: WebhookConfig, counted: Counted) -> AsyncIterator[Webhook]:
    """A webhook at work, ended as the service ends it."""
    world = World(clock=SystemClock(), new_id=lambda kind: new_id(kind, secrets.token_bytes))
    webhook = Webhook(wanted, world, counted)
    working = asyncio.create_task(webhook.run())
    try:
        yield webhook
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
        await webhook.close()


async def ended(counted: Counted, count: int) -> list[tuple[str, str]]:
    async with asyncio.timeout(10):
        while len(counted.notices) < count:  # noqa: ASYNC110 - a list tells nobody
            await asyncio.sleep(0.01)
    return counted.notices


def good(got: Got) -> bool:
    """Whether whoever has the secret takes it for ours."""
    id, at = got.headers["webhook-id"], got.headers["webhook-timestamp"]
    mac = hmac.digest(read_key(SECRET), f"{id}.{at}.".encode() + got.body, "sha256")
    return got.headers["webhook-signature"] == f"v1,{base64.b64encode(mac).decode()}"


async def test_a_notice_is_posted_signed_to_the_operators_address(receiver: Receiver) -> None:
    counted = Counted()
    async with running(config(receiver), counted) as webhook:
        webhook.send(NOTICE)
        (got,) = await receiver.until(1)
        assert await ended(counted, 1) == [("outcome_unknown", "delivered")]
    assert got.target == "POST /hook?key=a+b"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["webhook-id"].startswith("ntc_")
    assert good(got)
    assert json.loads(got.body)["data"] == {"ids": {"job": "job_a"}, "link": LINK}


async def test_what_fails_is_tried_again_under_the_same_id(receiver: Receiver) -> None:
    receiver.statuses.extend([500, 302])
    counted = Counted()
    async with running(config(receiver), counted) as webhook:
        webhook.send(NOTICE)
        assert await ended(counted, 1) == [("outcome_unknown", "delivered")]
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1
    assert len({got.body for got in receiver.got}) == 1
    assert [good(got) for got in receiver.got] == [True] * 3


async def test_what_fails_for_good_is_told_without_its_words(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.statuses.extend([500, 400, 410])
    counted = Counted()
    with caplog.at_level(logging.DEBUG):
        async with running(config(receiver), counted) as webhook:
            webhook.send(NOTICE)
            assert await ended(counted, 1) == [("outcome_unknown", "lost")]
            webhook.send(NOTICE)
            assert (await ended(counted, 2))[1] == ("outcome_unknown", "delivered")
    assert len(receiver.got) == 4
    (line,) = [each for each in caplog.records if each.message == "notice lost"]
    assert (line.levelname, line.reason, line.tries) == ("ERROR", "status 410", 3)  # type: ignore[attr-defined]  # extra
    ours = [each for each in caplog.records if each.name.startswith("imagewright")]
    told = "\n".join(str(each.__dict__) for each in ours)
    assert "capability" not in told
    assert SECRET not in told
    assert "/hook" not in told


async def test_nobody_waits_for_a_receiver_that_hangs(receiver: Receiver) -> None:
    receiver.hang = True
    counted = Counted()
    async with running(config(receiver, seconds=0.05, delays=()), counted) as webhook:
        for _ in range(3):
            webhook.send(NOTICE)
        assert (counted.notices, receiver.got) == ([], [])
        assert await ended(counted, 3) == [("outcome_unknown", "lost")] * 3


async def test_what_finds_no_room_is_lost_and_counted(receiver: Receiver) -> None:
    counted = Counted()
    receiver.hang = True
    async with running(config(receiver, most=2, grace=0.05), counted) as webhook:
        for _ in range(5):
            webhook.send(NOTICE)
        assert counted.notices == [("outcome_unknown", "lost")] * 3
    assert len(counted.notices) == 5


async def test_what_waits_at_the_end_is_tried_once_more(receiver: Receiver) -> None:
    receiver.statuses.append(500)
    counted = Counted()
    async with running(config(receiver, delays=(600.0,)), counted) as webhook:
        webhook.send(NOTICE)
        await receiver.until(1)
        await asyncio.sleep(0.05)
    assert counted.notices == [("outcome_unknown", "delivered")]
    receiver.statuses.extend([500, 500])
    async with running(config(receiver, delays=(600.0,)), counted) as webhook:
        webhook.send(NOTICE)
        await receiver.until(3)
        await asyncio.sleep(0.05)
    assert counted.notices[1:] == [("outcome_unknown", "lost")]


async def test_a_receiver_that_is_not_there_is_tried_again(receiver: Receiver) -> None:
    counted = Counted()
    gone = config(receiver, url=Secret("http://127.0.0.1:1/hook"))
    async with running(gone, counted) as webhook:
        webhook.send(NOTICE)
        assert await ended(counted, 1) == [("outcome_unknown", "lost")]


async def test_only_the_events_that_are_asked_for_are_told(receiver: Receiver) -> None:
    counted = Counted()
    wanted = config(receiver, events=frozenset({Event.BUDGET_ALARM}))
    async with running(wanted, counted) as webhook:
        assert not webhook.wants(Event.OUTCOME_UNKNOWN)
        assert webhook.wants(Event.BUDGET_ALARM)
        webhook.send(NOTICE)
        webhook.send(replace(NOTICE, event=Event.BUDGET_ALARM))
        assert await ended(counted, 1) == [("budget_alarm", "delivered")]
    assert [json.loads(got.body)["type"] for got in receiver.got] == ["budget_alarm"]


def test_without_a_webhook_nothing_is_wanted() -> None:
    silence = Silence()
    assert not any(silence.wants(event) for event in Event)
    silence.send(NOTICE)
