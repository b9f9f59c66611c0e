import asyncio

import pytest

from imagewright.core.errors import Unavailable
from imagewright.core.oauth import Refused, Trouble
from imagewright.ports.upstream import Answer
from imagewright.services.authorization import Question, Reply, Return
from tests.services.sign_ins import BACK, FROM, ISSUER, SignIns, reply


async def asked(made: SignIns, **changes: str) -> Question:
    client = await made.client()
    return await made.authorization.ask(client, made.request(client, **changes), FROM, "")


async def test_whoever_agrees_and_signs_in_is_sent_back_with_a_code() -> None:
    made = SignIns()
    back = await made.back(await made.client())
    assert back.redirect == BACK
    assert set(back.values) == {"code", "state", "iss"}
    assert (back.values["state"], back.values["iss"]) == ("their-state", ISSUER)


async def test_a_client_is_who_registered_that_redirect() -> None:
    made = SignIns()
    client = await made.client()
    assert await made.authorization.client(made.request(client), FROM) == client


async def test_a_client_without_a_state_gets_none() -> None:
    made = SignIns()
    assert "state" not in (await made.back(await made.client(), state="")).values


async def test_nothing_of_a_sign_in_stands_in_the_store_by_its_own_name() -> None:
    made = SignIns()
    question = await asked(made)
    await made.authorization.decide(reply(question), FROM)
    keys = {place.key for place in made.shelf.rows}
    assert not keys & {question.id, question.token, question.browser, made.upstream.legs[0].state}


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "unknown"},
        {"redirect_uri": "http://localhost:3000/other"},
        {"redirect_uri": ""},
    ],
)
async def test_a_browser_is_sent_nowhere_that_the_client_did_not_register(
    changes: dict[str, str],
) -> None:
    made = SignIns()
    request = made.request(await made.client(), **changes)
    with pytest.raises(Refused):
        await made.authorization.client(request, FROM)


@pytest.mark.parametrize(
    ("changes", "trouble"),
    [
        ({"response_type": "token"}, Trouble.UNSUPPORTED_RESPONSE),
        ({"response_type": ""}, Trouble.UNSUPPORTED_RESPONSE),
        ({"response_mode": "fragment"}, Trouble.INVALID_REQUEST),
        ({"code_challenge_method": "plain"}, Trouble.INVALID_REQUEST),
        ({"code_challenge_method": ""}, Trouble.INVALID_REQUEST),
        ({"code_challenge": ""}, Trouble.INVALID_REQUEST),
        ({"code_challenge": "", "code_challenge_method": ""}, Trouble.INVALID_REQUEST),
        ({"resource": "https://other.example.com/mcp"}, Trouble.INVALID_TARGET),
        ({"scope": "images:read approve"}, Trouble.INVALID_SCOPE),
        ({"state": "x" * 513}, Trouble.INVALID_REQUEST),
    ],
)
async def test_a_request_that_asks_wrongly_is_told_to_its_client(
    changes: dict[str, str], trouble: Trouble
) -> None:
    made = SignIns()
    with pytest.raises(Refused) as refused:
        await asked(made, **changes)
    assert refused.value.trouble is trouble
    back = made.authorization.refusal({"redirect_uri": BACK, "state": "s"}, refused.value)
    assert back.values["error"] == trouble.value
    assert (back.values["state"], back.values["iss"]) == ("s", ISSUER)


async def test_questions_are_bounded() -> None:
    made = SignIns()
    client = await made.client()
    for _ in range(20):
        await made.authorization.ask(client, made.request(client), FROM, "")
    with pytest.raises(Refused) as refused:
        await made.authorization.ask(client, made.request(client), FROM, "")
    assert refused.value.after == 3601


async def test_a_browser_keeps_its_secret_for_the_next_question() -> None:
    made = SignIns()
    client = await made.client()
    question = await made.authorization.ask(client, made.request(client), FROM, "b" * 43)
    assert question.browser == "b" * 43


async def test_a_no_is_told_to_the_client_and_nobody_else() -> None:
    made = SignIns()
    question = await asked(made)
    back = await made.authorization.decide(reply(question, agreed=False), FROM)
    assert isinstance(back, Return)
    assert back.values["error"] == "access_denied"
    assert made.upstream.legs == [] or made.shelf.rows.keys() == {
        place for place in made.shelf.rows if place.collection == "oauth-clients"
    }


async def test_only_the_browser_that_was_asked_answers() -> None:
    made = SignIns()
    mine, other = await asked(made), await asked(made)
    for id, token, browser in (
        (mine.id, mine.token, ""),
        (mine.id, mine.token, other.browser),
        (mine.id, other.token, mine.browser),
        (mine.id, "", mine.browser),
        (other.id, mine.token, mine.browser),
        ("", mine.token, mine.browser),
    ):
        with pytest.raises(Refused):
            await made.authorization.decide(
                Reply(id=id, token=token, browser=browser, agreed=True), FROM
            )
    assert made.upstream.legs == []
    assert await made.authorization.decide(reply(mine), FROM)


async def test_a_question_is_answered_once_and_in_time() -> None:
    made = SignIns()
    question = await asked(made)
    answers = await asyncio.gather(
        *(made.authorization.decide(reply(question), FROM) for _ in range(4)),
        return_exceptions=True,
    )
    assert sum(isinstance(each, str) for each in answers) == 1
    late = await asked(made)
    made.clock.advance(600)
    with pytest.raises(Refused):
        await made.authorization.decide(reply(late), FROM)


async def test_while_the_provider_is_away_the_question_stays() -> None:
    made = SignIns()
    question = await asked(made)
    made.upstream.away = True
    with pytest.raises(Unavailable):
        await made.authorization.decide(reply(question), FROM)
    made.upstream.away = False
    await made.authorization.decide(reply(question), FROM)


async def test_only_the_browser_that_left_comes_back_and_once() -> None:
    made = SignIns()
    question = await asked(made)
    await made.authorization.decide(reply(question), FROM)
    state = made.upstream.legs[0].state
    for wrong, browser in ((state, ""), (state, "x" * 43), ("unknown", question.browser)):
        with pytest.raises(Refused):
            await made.authorization.finish(wrong, browser, Answer(code="good"), FROM)
    answers = await asyncio.gather(
        *(
            made.authorization.finish(state, question.browser, Answer(code="good"), FROM)
            for _ in range(4)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(each, Return) for each in answers) == 1


@pytest.mark.parametrize(("code", "error"), [("bad", "access_denied"), (None, "access_denied")])
async def test_whom_the_provider_does_not_vouch_for_gets_no_code(
    code: str | None, error: str
) -> None:
    made = SignIns()
    question = await asked(made)
    await made.authorization.decide(reply(question), FROM)
    state, answer = made.upstream.legs[0].state, Answer(code=code) if code else None
    back = await made.authorization.finish(state, question.browser, answer, FROM)
    assert set(back.values) == {"error", "state", "iss"}
    assert back.values["error"] == error


async def test_a_provider_that_is_away_is_no_denial() -> None:
    made = SignIns()
    question = await asked(made)
    await made.authorization.decide(reply(question), FROM)
    made.upstream.away = True
    back = await made.authorization.finish(
        made.upstream.legs[0].state, question.browser, Answer(code="good"), FROM
    )
    assert back.values["error"] == "temporarily_unavailable"


@pytest.mark.parametrize("reason", ["person", "provider"])
async def test_a_no_is_noted_with_who_said_it(reason: str) -> None:
    made = SignIns()
    question = await asked(made)
    made.notes.clear()
    if reason == "person":
        await made.authorization.decide(reply(question, agreed=False), FROM)
    else:
        await made.authorization.decide(reply(question), FROM)
        state = made.upstream.legs[0].state
        await made.authorization.finish(state, question.browser, None, FROM)
    (note,) = made.notes
    assert (note.action, note.outcome, note.reason) == ("grant", "refused", reason)
    assert (note.subject, note.thing, note.origin) == ("stranger", question.client.id, FROM)


async def test_an_outage_of_the_provider_is_no_refusal() -> None:
    made = SignIns()
    question = await asked(made)
    await made.authorization.decide(reply(question), FROM)
    made.notes.clear()
    made.upstream.away = True
    state = made.upstream.legs[0].state
    await made.authorization.finish(state, question.browser, Answer(code="good"), FROM)
    assert made.notes == []
