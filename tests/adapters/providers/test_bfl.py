import base64
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from pydantic import TypeAdapter, ValidationError

from imagewright.adapters.providers.bfl import BlackForestLabs, Config, build
from imagewright.core.errors import (
    ModerationBlocked,
    ProviderMisconfigured,
    ProviderRejected,
    Unsupported,
)
from imagewright.core.money import Nano
from imagewright.core.picture import Format
from imagewright.core.secret import Secret
from imagewright.core.size import Size
from imagewright.core.spending import Usage
from imagewright.ports.provider import Order, Parts, Provider
from tests.adapters.providers.bfl_setup import ask_for, configured
from tests.contracts.http_provider import HttpProviderContract
from tests.contracts.provider import Edits, Masked, made
from tests.fakes.bfl import KEY, FakeBFL, Task, error
from tests.fakes.orders import PROMPT, Time, Watched, order, parts
from tests.fakes.vendor import Reply

FILL = (("image", "image"), ("steps", 50))


@pytest.fixture(scope="module")
def running() -> Iterator[FakeBFL]:
    with FakeBFL() as vendor:
        yield vendor


@pytest.fixture
def vendor(running: FakeBFL) -> FakeBFL:
    running.forget()
    return running


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
async def bfl(vendor: FakeBFL, time: Time) -> AsyncIterator[BlackForestLabs]:
    provider = build(configured(vendor, total_timeout=200.0), parts(time))
    yield provider
    await provider.close()


class TestBlackForestLabs(Masked, Edits, HttpProviderContract):
    secrets: ClassVar[tuple[str, ...]] = (KEY,)
    forms: ClassVar[tuple[Format, ...]] = (Format.PNG, Format.JPEG)
    per_call: ClassVar[int] = 1
    moderated: ClassVar[tuple[Reply, ...]] = (
        Task(looks=("Request Moderated",)),
        Task(looks=("Pending", "Content Moderated")),
    )
    exhausted: ClassVar[tuple[Reply, ...]] = (error(402),)

    def build(self, vendor: Any, parts: Parts, **config: Any) -> Provider:
        return build(configured(vendor, **config), parts)

    def error(self, status: int, **headers: str) -> Reply:
        return error(status, headers)

    def order(self, **changes: Any) -> Order:
        fill = {"options": FILL} if changes.get("mask") else {}
        return order(**{"per_call": 1, **fill, **changes})


async def test_a_generation_sends_what_the_plan_has_set(
    bfl: BlackForestLabs, vendor: FakeBFL
) -> None:
    options = (("prompt_upsampling", False), ("safety_tolerance", 2))
    await ask_for(bfl, ask={"seed": 7}, form=Format.JPEG, options=options)
    sent = vendor.received[0]
    assert sent.path == "/v1/the-upstream"
    assert sent.headers["x-key"] == KEY
    assert sent.values == {
        "prompt": PROMPT,
        "width": 96,
        "height": 64,
        "seed": 7,
        "output_format": "jpeg",
        "prompt_upsampling": False,
        "safety_tolerance": 2,
    }


async def test_a_size_with_a_name_is_sent_as_its_ratio(
    bfl: BlackForestLabs, vendor: FakeBFL
) -> None:
    delivery = await ask_for(bfl, size=Size(1248, 832), size_name="3:2/1K")
    assert made(delivery) == [("png", 1248, 832, False)]
    sent = vendor.received[0].values
    assert (sent["aspect_ratio"], "width" in sent) == ("3:2", False)


@pytest.mark.parametrize(
    ("shape", "ask", "sent"),
    [
        (Size(4032, 3024), {}, (1168, 880)),
        (Size(300, 400), {}, (880, 1168)),
        (Size(4032, 3024), {"size": "1024x1024"}, (1024, 1024)),
        (Size(4032, 3024), {"aspect_ratio": "1:1"}, (1024, 1024)),
        (Size(20, 6000), {}, (64, 17728)),
    ],
)
async def test_an_edit_keeps_the_shape_of_its_image_unless_another_is_asked(
    bfl: BlackForestLabs, vendor: FakeBFL, shape: Size, ask: dict[str, Any], sent: tuple[int, int]
) -> None:
    asked = order(references=1, size=Size(1024, 1024), ask=ask)
    first = replace(asked.plan.ask.references[0], size=shape)
    plan = replace(asked.plan, ask=replace(asked.plan.ask, references=(first,)))
    vendor.replies.append(error(422))
    with pytest.raises(ProviderRejected):
        await bfl.edit(replace(asked, plan=plan), Watched())
    values = vendor.received[0].values
    assert (values["width"], values["height"]) == sent


async def test_an_edit_by_ratio_leaves_the_shape_to_the_model(
    bfl: BlackForestLabs, vendor: FakeBFL
) -> None:
    named: dict[str, Any] = {"references": 1, "size_name": "1:1/1K"}
    await bfl.edit(order(**named), Watched())
    await bfl.edit(order(**named, ask={"aspect_ratio": "1:1"}), Watched())
    assert [each.values.get("aspect_ratio") for each in vendor.received if each.values] == [
        None,
        "1:1",
    ]


async def test_what_the_plan_leaves_open_is_not_sent(bfl: BlackForestLabs, vendor: FakeBFL) -> None:
    await ask_for(bfl, size=None)
    assert vendor.received[0].values == {"prompt": PROMPT, "output_format": "png"}


async def test_input_images_are_numbered_and_bare(bfl: BlackForestLabs, vendor: FakeBFL) -> None:
    asked = order(references=3)
    await bfl.edit(asked, Watched())
    sent = vendor.received[0].values
    names = ("input_image", "input_image_2", "input_image_3")
    assert [base64.b64decode(sent[name]) for name in names] == [
        each.data for each in asked.references
    ]


async def test_a_mask_goes_with_its_image_as_it_is(bfl: BlackForestLabs, vendor: FakeBFL) -> None:
    asked = order(references=1, mask=True, options=FILL)
    delivery = await bfl.edit(asked, Watched())
    assert made(delivery) == [("png", 96, 64, False)]
    sent = vendor.received[0].values
    assert asked.mask is not None
    assert base64.b64decode(sent["mask"]) == asked.mask.data
    assert set(sent) == {"prompt", "image", "mask", "steps", "output_format"}


@pytest.mark.parametrize(
    "changes",
    [
        {"references": 1, "mask": True},
        {"references": 1, "options": FILL},
        {"references": 1, "mask": True, "options": FILL, "size": Size(128, 128)},
        {"options": FILL},
    ],
)
async def test_what_a_model_cannot_do_is_refused_before_anything_is_sent(
    bfl: BlackForestLabs, vendor: FakeBFL, changes: dict[str, Any]
) -> None:
    asked = order(**changes)
    with pytest.raises(Unsupported):
        await (bfl.edit if asked.references else bfl.generate)(asked, Watched())
    assert not vendor.received


async def test_the_seed_that_was_drawn_with_is_told(bfl: BlackForestLabs) -> None:
    assert (await ask_for(bfl)).pictures[0].seed == 4711
    several = await ask_for(bfl, ask={"seed": 7, "n": 3}, per_call=1)
    assert [each.seed for each in several.pictures] == [7, 8, 9]


@pytest.mark.parametrize(
    ("told", "cost"),
    [
        (3.0, Nano(30_000_000)),
        (1.45, Nano(14_500_000)),
        (0, Nano(0)),
        (0.00000001, Nano(1)),
        (None, None),
        ("3", None),
        (True, None),
        (-1, None),
        (1e9, None),
        (float("nan"), None),
    ],
)
async def test_credits_are_cents(
    bfl: BlackForestLabs, vendor: FakeBFL, told: object, cost: Nano | None
) -> None:
    vendor.replies.append(Task(usage=told))
    assert (await ask_for(bfl)).usage == Usage(pictures=1, cost=cost)


async def test_a_refusal_among_several_is_told_by_its_index(
    vendor: FakeBFL,
) -> None:
    vendor.replies.extend([Task(), Task(looks=("Content Moderated",)), Task()])
    provider = build(configured(vendor, concurrency=1), parts(Time()))
    delivery = await ask_for(provider, ask={"n": 3}, per_call=1)
    await provider.close()
    assert len(delivery.pictures) == 2
    assert {index: type(fault) for index, fault in delivery.failures.items()} == {
        1: ModerationBlocked
    }
    assert delivery.usage == Usage(pictures=2, cost=Nano(60_000_000))


async def test_a_ping_asks_for_the_credits(bfl: BlackForestLabs, vendor: FakeBFL) -> None:
    await bfl.ping()
    assert [each.path for each in vendor.received] == ["/v1/credits"]
    stranger = build(configured(vendor, api_key=Secret("wrong")), parts())
    with pytest.raises(ProviderMisconfigured):
        await stranger.ping()
    await stranger.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"base_url": "https://user:pa55@x/v1"},
        {"base_url": "https://x/v1?key=pa55"},
        {"concurrency": 0},
        {"retries": -1},
        {"poll": 0.4},
        {"poll": float("nan")},
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # sentences differ; none quotes a value
        Config(**wrong)
    assert "pa55" not in str(caught.value)


def test_settings_make_a_config_from_text() -> None:
    made = TypeAdapter(Config).validate_python({"api_key": KEY, "poll": 2})
    assert KEY not in repr(made)
    with pytest.raises(ValidationError, match="pol"):
        TypeAdapter(Config).validate_python({"pol": 2})
