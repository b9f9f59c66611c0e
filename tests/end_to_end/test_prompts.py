"""The guide, the prompts and their completion, each as one caller may see it."""

import json
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.end_to_end.books import rows
from tests.end_to_end.service import OWNER, STRANGER, Mode, Service, configured, running
from tests.end_to_end.wire import Answer, Peer

pytestmark = pytest.mark.asyncio(loop_scope="module")

NOBODY = "user:nora@example.com"
ACL = f"""
[subjects]
"{OWNER}" = ["*"]

[subjects."{STRANGER}"]
scopes = ["images:read"]
models = ["placeholder", "hidden-not-*"]
"""
WANTED = "a heliotrope zeppelin over a salt lake"
AUDIT = """
SELECT subjects.name AS who, audit.* FROM audit JOIN subjects ON subjects.number = audit.subject
WHERE thing = 'prompt' ORDER BY outcome
"""
SIZES = {"listed": ["64x64"]}
PAID = {"per": "image", "prices": {"*": "0.04"}}
MODELS: tuple[dict[str, Any], ...] = (
    {"id": "placeholder"},
    {
        "id": "secret-model",
        "title": "The Secret One",
        "sizes": SIZES,
        "price": PAID,
        "references": 3,
        "mask": True,
        "negative_prompt": True,
        "profile": {
            "strengths": ["zeppelins"],
            "weaknesses": ["trains"],
            "grammar": "Always in rhyme.",
            "kinds": ["art"],
            "good": "A zeppelin, bright as day, above a bay.",
            "bad": "zeppelin 8k",
        },
    },
    {"id": "plain", "sizes": SIZES},
    {
        "id": "gone",
        "sizes": SIZES,
        "lifecycle": "ended",
        "ends": date(2020, 1, 1),
        "successor": "plain",
    },
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    settings, tokens = configured(
        tmp_path_factory.mktemp("prompts") / "state",
        ACL,
        (OWNER, STRANGER, NOBODY),
        providers__placeholder__models=MODELS,
    )
    async with running(settings, tokens) as found:
        yield found


async def ask(shared: Service, mode: Mode, who: str, method: str, **params: Any) -> Answer:
    async with shared.http(who) as http:
        return await Peer(http, mode).ask(method, **params)


async def words(shared: Service, mode: Mode, name: str, who: str = OWNER, **given: str) -> str:
    answer = await ask(shared, mode, who, "prompts/get", name=name, arguments=given)
    (message,) = answer.result["messages"]
    assert message["role"] == "user"
    text: str = message["content"]["text"]
    return text


async def guide(shared: Service, mode: Mode, who: str) -> list[dict[str, Any]]:
    answer = await ask(shared, mode, who, "resources/read", uri="info://prompt-guide")
    (content,) = answer.result["contents"]
    assert content["mimeType"] == "application/json"
    found: list[dict[str, Any]] = json.loads(content["text"])["models"]
    return found


async def test_the_guide_tells_of_the_models_that_are_open(shared: Service, mode: Mode) -> None:
    found = {each["models"][0]: each for each in await guide(shared, mode, OWNER)}
    assert list(found) == [
        "placeholder/placeholder",
        "placeholder/secret-model",
        "placeholder/plain",
    ]
    assert found["placeholder/secret-model"] == {
        "models": ["placeholder/secret-model"],
        "kinds": ["art"],
        "strengths": ["zeppelins"],
        "weaknesses": ["trains"],
        "takes": ["3 input images", "a mask", "a negative prompt"],
        "cost": "paid",
        "grammar": "Always in rhyme.",
        "good": "A zeppelin, bright as day, above a bay.",
        "bad": "zeppelin 8k",
    }
    assert found["placeholder/placeholder"]["cost"] == "nothing"
    assert found["placeholder/plain"]["cost"] == "no price, so refused"
    (theirs,) = await guide(shared, mode, STRANGER)
    assert theirs["models"] == ["placeholder/placeholder"]


async def test_prompts_are_listed_with_what_they_need(shared: Service, mode: Mode) -> None:
    listed = (await ask(shared, mode, OWNER, "prompts/list")).result["prompts"]
    assert {each["name"]: [arg["name"] for arg in each["arguments"]] for each in listed} == {
        "select_provider": ["wanted"],
        "write_prompt": ["wanted", "model"],
    }
    for each in listed:
        assert each["title"]
        assert each["description"]
        assert all(arg["required"] and arg["description"] for arg in each["arguments"])


async def test_selecting_shows_what_is_open_and_nothing_else(shared: Service, mode: Mode) -> None:
    text = await words(shared, mode, "select_provider", wanted=WANTED)
    assert WANTED in text
    for line in (
        "- placeholder/secret-model",
        "  right for: art",
        "  good at: zeppelins",
        "  weak at: trains",
        "  takes: 3 input images, a mask, a negative prompt",
        "  cost: paid",
    ):
        assert line in text.splitlines()
    assert "gone" not in text
    theirs = await words(shared, mode, "select_provider", STRANGER, wanted=WANTED)
    assert "placeholder/placeholder" in theirs
    assert "secret" not in theirs
    assert "zeppelins" not in theirs


async def test_writing_follows_the_models_profile(shared: Service, mode: Mode) -> None:
    found = [
        await words(shared, mode, "write_prompt", wanted=WANTED, model=name)
        for name in ("secret-model", "placeholder/secret-model")
    ]
    assert found[0] == found[1]
    for part in (
        WANTED,
        "The Secret One (placeholder/secret-model)",
        "Always in rhyme.",
        "Good at: zeppelins.",
        "Weak at: trains.",
        "> A zeppelin, bright as day, above a bay.",
        "> zeppelin 8k",
        "goes into negative_prompt",
        "up to 3 input images and a mask",
        "generate_image or edit_image with provider placeholder and model secret-model",
    ):
        assert part in found[0]
    plain = await words(shared, mode, "write_prompt", wanted=WANTED, model="plain")
    assert "Nothing is known of how this model wants to be asked" in plain
    assert "takes no input images" in plain
    assert "takes no negative prompt" in plain


async def test_what_is_wanted_is_not_read_as_a_template(shared: Service, mode: Mode) -> None:
    tricky = "{{ entries }} {% raw %} ${title} <b>&amp;</b>"
    for name, more in (("select_provider", {}), ("write_prompt", {"model": "plain"})):
        assert tricky in await words(shared, mode, name, wanted=tricky, **more)


@pytest.mark.parametrize("model", ["secret-model", "placeholder/secret-model", "never-was", ""])
async def test_a_model_that_is_not_open_is_none(shared: Service, mode: Mode, model: str) -> None:
    given = {"wanted": WANTED, "model": model}
    answer = await ask(shared, mode, STRANGER, "prompts/get", name="write_prompt", arguments=given)
    fault = answer.error["data"]
    assert (fault["code"], fault["details"]) == (
        "unknown_model",
        {"models": ["placeholder/placeholder"]},
    )
    assert "zeppelin" not in answer.body


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("select_provider", {}),
        ("select_provider", {"wanted": ""}),
        ("select_provider", {"wanted": " \n"}),
        ("select_provider", {"wanted": "heliotrope" * 3201}),
        ("select_provider", {"wanted": WANTED, "model": "plain"}),
        ("write_prompt", {"wanted": WANTED}),
        ("write_prompt", {"model": "plain"}),
        ("write_prompt", {"wanted": WANTED, "model": "plain", "ctx": "heliotrope"}),
    ],
)
async def test_arguments_that_do_not_fit_are_one_clear_error(
    shared: Service, mode: Mode, name: str, given: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    answer = await ask(shared, mode, OWNER, "prompts/get", name=name, arguments=given)
    fault = answer.error["data"]
    assert (fault["code"], fault["retry"]) == ("invalid_request", "changed")
    assert fault["hint"]
    assert "heliotrope" not in answer.body + caplog.text


async def test_a_prompt_that_is_not_there(shared: Service, mode: Mode) -> None:
    seen = {
        (
            await ask(shared, mode, who, "prompts/get", name=name, arguments={"wanted": "x"})
        ).body.replace(name, "NAME")
        for who, name in (
            (OWNER, "no_such"),
            (NOBODY, "no_such"),
            (NOBODY, "select_provider"),
            (NOBODY, "write_prompt"),
        )
    }
    assert len(seen) == 1
    assert not (await ask(shared, mode, NOBODY, "prompts/list")).result["prompts"]


async def completed(
    shared: Service, mode: Mode, who: str, begun: str, argument: str = "model", **ref: str
) -> list[str]:
    answer = await ask(
        shared,
        mode,
        who,
        "completion/complete",
        ref={"type": "ref/prompt", "name": "write_prompt", **ref},
        argument={"name": argument, "value": begun},
    )
    values: list[str] = answer.result["completion"]["values"]
    return values


async def test_models_are_completed_as_far_as_they_are_open(shared: Service, mode: Mode) -> None:
    assert await completed(shared, mode, OWNER, "") == [
        "placeholder/placeholder",
        "placeholder/secret-model",
        "placeholder/plain",
        "placeholder",
        "secret-model",
        "plain",
    ]
    assert await completed(shared, mode, OWNER, "SEC") == ["secret-model"]
    assert await completed(shared, mode, OWNER, "placeholder/s") == ["placeholder/secret-model"]
    assert await completed(shared, mode, OWNER, "x") == []
    assert await completed(shared, mode, STRANGER, "sec") == []
    assert await completed(shared, mode, STRANGER, "") == [
        "placeholder/placeholder",
        "placeholder",
    ]
    assert await completed(shared, mode, NOBODY, "") == []


async def test_nothing_else_is_completed(shared: Service, mode: Mode) -> None:
    assert await completed(shared, mode, OWNER, "a", "wanted") == []
    assert await completed(shared, mode, OWNER, "", "no_such") == []
    assert await completed(shared, mode, OWNER, "", name="no_such") == []
    assert await completed(shared, mode, OWNER, "", name="select_provider") == []


async def test_who_gets_a_prompt_is_told_to_the_audit(tmp_path: Path) -> None:
    settings, tokens = configured(tmp_path / "state", ACL, (OWNER, NOBODY), audit__reads=True)
    async with running(settings, tokens) as service:
        await words(service, "auto", "select_provider", wanted=WANTED)
        arguments = {"wanted": WANTED}
        asked = {"name": "select_provider", "arguments": arguments}
        await ask(service, "auto", NOBODY, "prompts/get", **asked)
    found = [
        (each["who"], each["thing"], each["outcome"]) for each in rows(tmp_path / "state", AUDIT)
    ]
    assert found == [(OWNER, "prompt", "allowed"), (NOBODY, "prompt", "denied")]
