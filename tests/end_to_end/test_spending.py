"""What is held, settled, released or kept, with a vendor that fails in every way."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import pytest
import pytest_asyncio

from tests.end_to_end.books import Row, disagreements, jobs, rows
from tests.end_to_end.money import (
    ACL,
    EXACT,
    EXACT_NANO,
    HUMAN,
    RELAY,
    ROBOT,
    Answer,
    Elicited,
    Paid,
    ask,
    call,
    code,
    day,
    exact,
    generate,
    paid,
)
from tests.end_to_end.service import Mode
from tests.fakes.openai_images import FakeOpenAI, error, moderation
from tests.fakes.pictures import encoded
from tests.fakes.vendor import VENDOR_WORDS, Reply, Way, html

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Paid]:
    with FakeOpenAI() as vendor:
        state = tmp_path_factory.mktemp("spending") / "state"
        timing: dict[str, Any] = {"providers__paint__read_timeout": 1.0}
        limits: dict[str, Any] = {"limits__waiting": 100, "limits__running": 8}
        async with paid(state, vendor, **timing, **limits) as found:
            yield found


@pytest_asyncio.fixture(loop_scope="module")
async def road(shared: Paid) -> AsyncIterator[Paid]:
    shared.vendor.forget()
    yield shared
    assert disagreements(shared.state) == []


async def spend(road: Paid, reply: Reply, mode: Mode = "auto", **more: Any) -> Answer:
    """One ask of the robot, answered by the vendor as scripted."""
    road.vendor.replies.append(reply)
    async with road.client(ROBOT, mode) as client:
        return await generate(client, ask(**more))


def ledger(road: Paid, job: str) -> list[Row]:
    return [row for row in rows(road.state, "SELECT * FROM ledger") if row["job"] == job]


def entries(road: Paid, job: str) -> dict[str, int]:
    return {row["kind"]: row["amount"] for row in ledger(road, job)}


async def test_the_ceiling_is_held_while_the_vendor_works(road: Paid, mode: Mode) -> None:
    road.vendor.replies.append(Reply(usage=EXACT, way=Way.SLOW))
    async with road.client(ROBOT, mode) as client:
        before = await day(client)
        asked = await generate(client, ask(wait=0))
        during = await day(client)
        assert asked["state"] in {"queued", "running"}
        ended = await call(client, "get_job", {"job": asked["job"], "wait": 20})
        after = await day(client)
    assert during["held_usd"] == asked["ceiling_usd"]
    assert during["settled_usd"] == before["settled_usd"]
    assert ended["cost_usd"] == "0.00305"
    assert after["held_usd"] == before["held_usd"]
    assert entries(road, asked["job"])["settle"] == EXACT_NANO


async def test_streamed_pictures_are_kept_and_their_partials_counted(
    road: Paid, mode: Mode
) -> None:
    road.vendor.replies.extend(exact(2))
    async with road.client(ROBOT, mode) as client:
        plain = await call(client, "estimate_cost", ask("a fox in parts"))
        quoted = await call(client, "estimate_cost", ask("a fox in parts", partial_images=1))
        made = await generate(client, ask(n=2, partial_images=1, wait=20))
    assert (made["state"], len(made["images"])) == ("succeeded", 2)
    assert entries(road, made["job"])["settle"] == 2 * EXACT_NANO
    extra = Decimal(quoted["ceiling_usd"]) - Decimal(plain["ceiling_usd"])
    assert extra == 100 * Decimal("0.00003")
    assert [each.values["stream"] for each in road.vendor.received[-2:]] == [True, True]


async def test_without_usage_the_ceiling_is_settled(road: Paid) -> None:
    made = await spend(road, Reply(usage=None))
    assert (made["state"], made["cost_usd"]) == ("succeeded", made["ceiling_usd"])


@pytest.mark.parametrize("tokens", [-1_000_000, 10**9, 10**30])
async def test_usage_that_cannot_be_is_settled_at_the_ceiling(road: Paid, tokens: int) -> None:
    made = await spend(road, Reply(usage={**EXACT, "output_tokens": tokens}))
    assert (made["state"], made["cost_usd"]) == ("succeeded", made["ceiling_usd"])


async def test_what_a_vendor_claims_beyond_the_ceiling_is_kept_as_disputed(road: Paid) -> None:
    made = await spend(road, Reply(usage={**EXACT, "output_tokens": 1_000_000}))
    found = ledger(road, made["job"])
    assert [row["disputed"] for row in found if row["kind"] == "settle"] == [
        10 * 5_000 + 1_000_000 * 30_000
    ]
    assert made["cost_usd"] == made["ceiling_usd"]


@pytest.mark.parametrize(
    "usage", ["lots", [], {"output_tokens": "many"}, {"output_tokens": True}, 7]
)
async def test_usage_that_cannot_be_read_is_no_usage(road: Paid, usage: object) -> None:
    made = await spend(road, Reply(usage=usage))
    assert (made["state"], made["cost_usd"]) == ("succeeded", made["ceiling_usd"])


CERTAIN = {
    "400": (error(400, "invalid_value"), "provider_rejected"),
    "401": (error(401, "invalid_api_key"), "provider_misconfigured"),
    "403": (error(403, "unsupported_country"), "provider_misconfigured"),
    "404": (error(404, "model_not_found"), "provider_misconfigured"),
    "moderation": (moderation(), "moderation_blocked"),
    "quota": (error(429, "insufficient_quota"), "provider_quota"),
    "429": (error(429, "rate_limit_exceeded"), "provider_busy"),
    "500": (error(500, "server_error", type="server_error"), "provider_unavailable"),
}


@pytest.mark.parametrize(("reply", "expected"), CERTAIN.values(), ids=CERTAIN)
async def test_what_surely_made_nothing_costs_nothing(
    road: Paid, mode: Mode, reply: Reply, expected: str
) -> None:
    async with road.client(ROBOT, mode) as client:
        before = await day(client)
        failed = await spend(road, reply, mode)
        assert await day(client) == before
        seen = await call(client, "get_job", {"job": failed["job"]})
        listed = await call(client, "list_jobs", {})
    assert failed["is_error"]
    assert (failed["state"], code(failed)) == ("failed", expected)
    assert failed["cost_usd"] == "0.00"
    assert VENDOR_WORDS not in str([failed, seen, listed])
    assert entries(road, failed["job"]).keys() == {"hold", "release"}
    assert VENDOR_WORDS not in json.dumps(jobs(road.state)[failed["job"]])


UNKNOWN = {
    "hang": Reply(way=Way.HANG),
    "early close": Reply(way=Way.CLOSE_BEFORE_HEADERS),
    "cut off": Reply(way=Way.CLOSE_MID_BODY),
    "HTML": html(200),
    "garbage": Reply(body=b"\x00\xff" * 40),
    "no pictures": Reply(body=b'{"created": 1, "data": []}'),
    "502": html(502),
}


@pytest.mark.parametrize("reply", UNKNOWN.values(), ids=UNKNOWN)
async def test_what_may_have_been_made_keeps_its_hold(road: Paid, reply: Reply) -> None:
    arguments = ask()
    road.vendor.replies.append(reply)
    async with road.client(ROBOT) as client:
        before = await day(client)
        failed = await generate(client, arguments)
        again = await generate(client, arguments)
        after = await day(client)
    assert (failed["state"], code(failed)) == ("outcome_unknown", "outcome_unknown")
    assert failed["error"]["retry"] == "never"
    assert VENDOR_WORDS not in str(failed)
    assert "cost_usd" not in failed
    assert (again["job"], again["state"]) == (failed["job"], "outcome_unknown")
    assert road.vendor.calls() == 1
    held = float(after["held_usd"]) - float(before["held_usd"])
    assert held == pytest.approx(float(failed["ceiling_usd"]))
    assert entries(road, failed["job"]).keys() == {"hold"}


async def test_of_several_pictures_the_readable_are_kept(road: Paid, mode: Mode) -> None:
    picture = base64.b64encode(encoded(1024, 640, "png")).decode()
    broken = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"no picture" * 10).decode()
    body = {"created": 1, "data": [{"b64_json": broken}, {"b64_json": picture}], "usage": EXACT}
    made = await spend(road, Reply(body=json.dumps(body).encode()), mode, n=2)
    assert made["state"] == "succeeded"
    assert len(made["images"]) == 1
    assert made["failures"] == {"0": "invalid_image"}
    assert made["cost_usd"] == "0.00305"


async def test_the_same_ask_twenty_times_at_once_is_bought_once(road: Paid, mode: Mode) -> None:
    road.vendor.replies.extend(exact())
    arguments = ask()
    async with road.client(ROBOT, mode) as client:
        answers = await asyncio.gather(*(generate(client, arguments) for _ in range(20)))
    assert len({each["job"] for each in answers}) == 1
    assert {each["state"] for each in answers} == {"succeeded"}
    assert sum("repeated" not in each for each in answers) == 1
    assert road.vendor.calls() == 1


async def test_sixty_four_asks_at_once_share_a_budget_for_nine(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with FakeOpenAI() as vendor:
        state = tmp_path_factory.mktemp("nine") / "state"
        acl = ACL.replace('day = "1000"', 'day = "0.0345"')
        limits: dict[str, Any] = {"limits__waiting": 100, "limits__running": 8}
        async with paid(state, vendor, acl, **limits) as road, road.client(ROBOT) as client:
            answers = await asyncio.gather(*(generate(client, ask()) for _ in range(64)))
        made = [each for each in answers if each.get("state") == "succeeded"]
        refused = [each for each in answers if code(each) == "budget_exceeded"]
        assert (len(made), len(refused), vendor.calls()) == (9, 55, 9)
        details = refused[0]["error"]["details"]
        assert (details["level"], details["span"], details["limit_usd"]) == (
            "subject", "day", "0.0345",
        )  # fmt: skip
        assert 0.03 < float(details["used_usd"]) <= 0.0345
        now = road.service.app.parts.world.clock.now() // 1_000_000
        assert 0 < details["resets_at"] - now <= 86_400
        assert disagreements(state) == []


async def test_an_answer_says_what_was_quoted_what_it_cost_and_what_is_left(
    road: Paid, mode: Mode
) -> None:
    road.vendor.replies.extend(exact(2))
    arguments = ask()
    async with road.client(ROBOT, mode) as client:
        quoted = await call(client, "estimate_cost", arguments)
        made = await generate(client, arguments)
        later = await call(client, "get_job", {"job": made["job"]})
        again = await generate(client, arguments)
        batch = await call(client, "batch", {"items": [ask()], "wait": 20})
        free = await generate(client, {"prompt": "a fox", "provider": "placeholder"})
    assert quoted["ceiling_usd"] == made["ceiling_usd"]
    assert made["cost_usd"] == "0.00305"
    assert made["quote"].startswith("quo_")
    names = {"level": "subject", "span": "day"}
    assert names.items() <= made["left"].items()
    left = Decimal(quoted["left"]["left_usd"]) - Decimal(made["left"]["left_usd"])
    assert left == Decimal("0.00305")
    money = f"Quote {made['quote']}: at most ${made['ceiling_usd']}, cost $0.00305; $"
    for answer in (made, later, again):
        text = answer["content"][0].text
        assert money in text
        assert "left of the subject budget of this day." in text
    assert "at no cost" in again["content"][0].text
    assert (again["quote"], again["left"], again["repeated"]) == (
        made["quote"], made["left"], True,
    )  # fmt: skip
    assert Decimal(made["left"]["left_usd"]) - Decimal(batch["left"]["left_usd"]) == left
    assert "left" not in free


async def test_an_estimate_names_the_question_that_is_open(road: Paid, mode: Mode) -> None:
    arguments = ask()
    async with road.client(RELAY, mode) as client:
        assert "quote" not in await call(client, "estimate_cost", arguments)
        asked = await generate(client, arguments)
        quote = asked["error"]["details"]["quote"]
        assert (await call(client, "estimate_cost", arguments))["quote"] == quote
        road.vendor.replies.extend(exact())
        made = await generate(client, {**arguments, "confirm": quote})
        assert (made["state"], made["quote"]) == ("succeeded", quote)
        assert "quote" not in await call(client, "estimate_cost", arguments)


async def test_consent_and_budget_meet_in_one_transaction(road: Paid) -> None:
    """A person says yes to three asks at once, and each is bought once."""
    road.vendor.replies.extend(exact(3))
    handler = Elicited()
    async with road.client(HUMAN, elicitation_handler=handler) as client:
        answers = await asyncio.gather(*(generate(client, ask()) for _ in range(3)))
    assert {each["state"] for each in answers} == {"succeeded"}
    assert road.vendor.calls() == 3
