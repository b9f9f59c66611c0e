"""Nothing is spent without a consent that its subject gave to exactly this, once."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import update

from imagewright.adapters.sql.tables import quotes
from tests.end_to_end.money import (
    EXACT,
    HUMAN,
    OTHER,
    POOR,
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
    yes,
)
from tests.end_to_end.service import Mode
from tests.fakes.openai_images import FakeOpenAI, error
from tests.fakes.vendor import Reply

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Paid]:
    with FakeOpenAI() as vendor:
        state = tmp_path_factory.mktemp("consent") / "state"
        async with paid(state, vendor, limits__waiting=30) as found:
            yield found


@pytest.fixture
def road(shared: Paid) -> Paid:
    shared.vendor.forget()
    return shared


async def nothing_held(road: Paid, who: str, before: dict[str, str]) -> None:
    async with road.client(who) as client:
        assert await day(client) == before


async def quoted(road: Paid, who: str, arguments: Answer) -> str:
    """The quote of an ask that is answered with confirmation_required."""
    async with road.client(who) as client:
        refused = await generate(client, arguments)
    assert code(refused) == "confirmation_required"
    return str(refused["error"]["details"]["quote"])


async def test_a_yes_buys_what_was_asked(road: Paid, mode: Mode) -> None:
    road.vendor.replies.extend(exact())
    handler = Elicited()
    async with road.client(HUMAN, mode, elicitation_handler=handler) as client:
        made = await generate(client, ask())
    assert (made["state"], made["cost_usd"]) == ("succeeded", "0.00305")
    assert (len(handler.questions), road.vendor.calls()) == (1, 1)


@pytest.mark.parametrize(
    "handler", [Elicited("decline"), Elicited("cancel"), Elicited("accept", value=False)]
)
async def test_a_no_spends_nothing(road: Paid, mode: Mode, handler: Elicited) -> None:
    async with road.client(HUMAN, mode, elicitation_handler=handler) as client:
        before = await day(client)
        refused = await generate(client, ask())
        assert code(refused) == "confirmation_declined"
        assert await day(client) == before
    assert road.vendor.calls() == 0


@pytest.mark.parametrize(
    ("handler", "closed"),
    [
        (Elicited("decline"), True),
        (Elicited("accept", value=False), True),
        (Elicited("cancel"), False),
    ],
)
async def test_a_no_closes_its_quote_and_waving_away_does_not(
    road: Paid, mode: Mode, handler: Elicited, closed: bool
) -> None:
    arguments = ask()
    first = await quoted(road, HUMAN, arguments)
    async with road.client(HUMAN, mode, elicitation_handler=handler) as client:
        assert code(await generate(client, arguments)) == "confirmation_declined"
    again = await quoted(road, HUMAN, arguments)
    assert (again != first) == closed
    told = await road.service.app.parts.audit.newest(200)
    answers = [(each.outcome, each.reason) for each in told if each.thing == first]
    assert (("declined", "client") in answers) == closed


async def test_a_client_that_cannot_be_asked_gets_the_quote_back(road: Paid, mode: Mode) -> None:
    async with road.client(HUMAN, mode) as client:
        before = await day(client)
        refused = await generate(client, ask("a red fox"))
        assert await day(client) == before
    assert refused["is_error"]
    found = refused["error"]
    assert (found["code"], found["retry"]) == ("confirmation_required", "confirm")
    assert set(found["details"]) == {
        "quote", "provider", "model", "n", "size", "ceiling_usd", "estimate", "expires_at",
    }  # fmt: skip
    assert found["details"]["quote"].startswith("quo_")
    assert road.vendor.calls() == 0


async def test_a_handler_that_fails_is_no_consent(road: Paid, mode: Mode) -> None:
    handler = Elicited("raise")
    async with road.client(HUMAN, mode, elicitation_handler=handler) as client:
        if mode == "legacy":
            assert code(await generate(client, ask())) == "confirmation_required"
        else:  # this client gives up before it sends anything back
            with pytest.raises(Exception, match="the window was closed"):
                await generate(client, ask())
    assert (len(handler.questions), road.vendor.calls()) == (1, 0)


async def test_the_question_ends_with_the_prompt_on_one_line(road: Paid, mode: Mode) -> None:
    handler = Elicited("decline")
    prompt = "a fox\nat most $0.00. Spend this? ”\u202e\x1b[2J" + "x" * 400
    async with road.client(HUMAN, mode, elicitation_handler=handler) as client:
        await generate(client, ask(prompt))
    (question,) = handler.questions
    facts, shown = question.split(" Prompt: “")
    assert facts.startswith("paint / gpt-image-2.5-flare: 1 image, 1024x640, at most $0.00")
    assert facts.endswith("Spend this?")
    assert shown.endswith("”")
    assert len(shown[:-1]) <= 200
    assert question.isprintable()
    assert "”" not in shown[:-1]


async def test_an_answer_nobody_asked_for_is_asked_again(road: Paid) -> None:
    async with road.wire(HUMAN) as wire:
        arguments = ask()
        forged = {"spend": {"action": "accept", "content": {"spend": True}}}
        for state in ({}, {"requestState": None}):
            asked = await wire.send(arguments, inputResponses=forged, **state)
            assert asked["resultType"] == "input_required"
        made_up = await wire.send(arguments, inputResponses=forged, requestState="v1.made-up")
        assert "protocol_error" in made_up
    assert road.vendor.calls() == 0


async def test_a_wire_client_without_the_capability_is_not_asked(road: Paid) -> None:
    async with road.wire(HUMAN, elicits=False) as wire:
        assert code(await wire.send(ask())) == "confirmation_required"
    assert road.vendor.calls() == 0


async def test_twenty_replays_at_once_buy_once(road: Paid) -> None:
    async with road.wire(HUMAN) as wire:
        arguments = ask()
        approved = yes(await wire.send(arguments))
        answers = await asyncio.gather(*(wire.send(arguments, **approved) for _ in range(20)))
    assert {each["job"] for each in answers} == {answers[0]["job"]}
    assert road.vendor.calls() == 1


async def test_an_approval_does_not_open_the_door_twice(road: Paid) -> None:
    road.vendor.replies.append(error(400, "invalid_value"))
    async with road.wire(HUMAN) as wire:
        arguments = ask()
        approved = yes(await wire.send(arguments))
        assert code(await wire.send(arguments, **approved)) == "provider_rejected"
        replays = await asyncio.gather(*(wire.send(arguments, **approved) for _ in range(20)))
    assert {code(each) for each in replays} == {"confirmation_invalid"}
    assert road.vendor.calls() == 1


async def test_an_approval_is_for_its_arguments_tool_and_subject_only(road: Paid) -> None:
    async with road.wire(HUMAN) as wire, road.wire(OTHER) as other:
        arguments = ask()
        approved = yes(await wire.send(arguments))
        for changed in ({"n": 2}, {"prompt": "a dearer fox"}, {"quality": "max"}, {"wait": 1}):
            refused = await wire.send({**arguments, **changed}, **approved)
            assert "protocol_error" in refused
        assert "protocol_error" in await other.send(arguments, **approved)
        assert road.vendor.calls() == 0
        assert (await wire.send(arguments, **approved))["state"] == "succeeded"


async def test_a_quote_given_back_counts_for_the_relayed_only(road: Paid, mode: Mode) -> None:
    arguments = ask()
    quote = await quoted(road, HUMAN, arguments)
    async with road.client(HUMAN, mode) as client:
        echoed = await generate(client, {**arguments, "confirm": quote})
    assert code(echoed) == "confirmation_required"
    assert road.vendor.calls() == 0
    arguments = ask()
    quote = await quoted(road, RELAY, arguments)
    road.vendor.replies.append(Reply(status=400, body=b"{}"))
    async with road.client(RELAY, mode) as client:
        assert code(await generate(client, {**arguments, "confirm": quote})) == "provider_rejected"
        again = await generate(client, {**arguments, "confirm": quote})
    assert code(again) == "confirmation_invalid"
    assert road.vendor.calls() == 1


async def test_every_wrong_quote_has_the_same_answer(road: Paid) -> None:
    arguments = ask()
    async with road.client(RELAY) as client:
        before = await day(client)
        used, mine = ask(), await quoted(road, RELAY, ask())
        spent = await quoted(road, RELAY, used)
        road.vendor.replies.append(error(400, "invalid_value"))
        await generate(client, {**used, "confirm": spent})
        wrong = {
            "of another ask": mine,
            "used": spent,
            "another subject's": await quoted(road, HUMAN, arguments),
            "never offered": "quo_aaaaaaaaaaaaaaaaaaaaaaaaaa",
            "no id": "yes",
        }
        answers = {
            name: (await generate(client, {**arguments, "confirm": quote}))["error"]
            for name, quote in wrong.items()
        }
        assert await day(client) == before
    assert {each["code"] for each in answers.values()} == {"confirmation_invalid"}
    assert all(each == answers["never offered"] for each in answers.values())
    assert road.vendor.calls() == 1


async def test_a_quote_for_less_does_not_buy_more(road: Paid) -> None:
    prompt = "a fox that grows"
    quote = await quoted(road, RELAY, ask(prompt))
    async with road.client(RELAY) as client:
        for dearer in ({"n": 2}, {"quality": "high"}, {"size": "1536x1024"}):
            answer = await generate(client, {**ask(prompt), **dearer, "confirm": quote})
            assert code(answer) == "confirmation_invalid"
    assert road.vendor.calls() == 0


async def test_an_unattended_subject_is_not_asked_inside_its_caps(road: Paid, mode: Mode) -> None:
    road.vendor.replies.extend(exact())
    handler = Elicited("decline")
    async with road.client(ROBOT, mode, elicitation_handler=handler) as client:
        made = await generate(client, ask())
        assert made["state"] == "succeeded"
        before = await day(client)
        dear = await generate(client, ask(quality="max", size="3840x2160"))
        assert await day(client) == before
    assert handler.questions == []
    assert code(dear) == "budget_exceeded"
    details = dear["error"]["details"]
    assert (details["level"], details["span"]) == ("subject", "call")
    assert details["limit_usd"] == "0.03"
    assert float(details["ceiling_usd"]) > 0.03
    assert road.vendor.calls() == 1


async def test_a_subject_that_may_not_spend_is_forbidden(road: Paid, mode: Mode) -> None:
    handler = Elicited()
    async with road.client(POOR, mode, elicitation_handler=handler) as client:
        arguments = ask()
        assert code(await generate(client, arguments)) == "forbidden"
        quote = await quoted(road, HUMAN, arguments)
        assert code(await generate(client, {**arguments, "confirm": quote})) == "forbidden"
    assert (handler.questions, road.vendor.calls()) == ([], 0)


async def test_an_expired_quote_is_answered_like_any_wrong_one(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    with FakeOpenAI() as vendor:
        state = tmp_path_factory.mktemp("expiry") / "state"
        async with paid(state, vendor, limits__quote=10) as road:
            arguments = ask()
            quote = await quoted(road, RELAY, arguments)
            await _expire(road)
            async with road.client(RELAY) as client:
                late = await generate(client, {**arguments, "confirm": quote})
                never = await generate(client, {**arguments, "confirm": "quo_never"})
    assert late["error"] == never["error"]
    assert (code(late), vendor.calls()) == ("confirmation_invalid", 0)


async def _expire(road: Paid) -> None:
    """Let every open quote have ended a second ago."""
    now = road.service.app.parts.world.clock.now()
    statement = update(quotes).values(expires_at=now - 1_000_000)
    await road.service.app.parts.database.write(lambda each: each.execute(statement).close())


async def test_usage_of_the_vendor_is_what_is_charged(road: Paid) -> None:
    road.vendor.replies.append(Reply(usage=EXACT))
    async with road.client(ROBOT) as client:
        before = await day(client)
        made = await generate(client, ask())
        after = await day(client)
    assert made["cost_usd"] == "0.00305"
    assert float(after["settled_usd"]) - float(before["settled_usd"]) == pytest.approx(0.00305)


async def test_the_operator_may_have_nobody_asked(
    tmp_path_factory: pytest.TempPathFactory, mode: Mode
) -> None:
    with FakeOpenAI() as vendor:
        vendor.replies.append(Reply(usage=EXACT))
        state = tmp_path_factory.mktemp("waived") / "state"
        async with paid(state, vendor, paid_providers=()) as road:
            handler = Elicited("decline")
            async with road.client(HUMAN, mode, elicitation_handler=handler) as client:
                estimate = await call(client, "estimate_cost", ask())
                made = await generate(client, ask())
                spent = await day(client)
            async with road.client(POOR, mode) as client:
                assert code(await generate(client, ask())) == "forbidden"
            told = await road.service.app.parts.audit.newest(200)
    assert (made["state"], made["cost_usd"], spent["settled_usd"]) == (
        "succeeded",
        "0.00305",
        "0.00305",
    )
    assert (handler.questions, estimate["consent"]) == ([], ["waived"])
    assert [each.reason for each in told if each.action == "admit"] == ["waived"]
