"""Relays and engines, each in its dialect."""

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, ClassVar

import pytest
from pydantic import TypeAdapter, ValidationError

from imagewright.adapters.catalogue.reader import read_offer
from imagewright.adapters.providers.openai_compatible import CompatibleImages, Config, build
from imagewright.adapters.wire.dialect import DIALECTS
from imagewright.core.catalogue import Lifecycle
from imagewright.core.errors import (
    Fault,
    ModerationBlocked,
    OutcomeUnknown,
    ProviderMisconfigured,
    ProviderQuota,
    ProviderRejected,
    ProviderUnavailable,
    Unsupported,
)
from imagewright.core.money import Nano
from imagewright.core.picture import Format
from imagewright.core.secret import Secret
from imagewright.core.spending import Usage
from imagewright.ports.provider import Found, Parts, Provider
from tests.contracts.http_provider import HttpProviderContract
from tests.contracts.provider import Edits, Masked, Transparent, made
from tests.fakes.openai_images import KEY, FakeOpenAI, error, moderation
from tests.fakes.orders import PROMPT, Watched, order, parts
from tests.fakes.relays import OWN_TROUBLE, Azure, Litellm, LocalAI, Together, Xai, litellm_error
from tests.fakes.vendor import Reply


class TestPlain(Transparent, Edits, Masked, HttpProviderContract):
    secrets: ClassVar[tuple[str, ...]] = (KEY,)
    moderated: ClassVar[tuple[Reply, ...]] = (
        moderation(),
        litellm_error(400, "None", "litellm.ContentPolicyViolationError: no"),
        Reply(body=b'{"data":[{"respect_moderation":false}]}'),
    )
    exhausted: ClassVar[tuple[Reply, ...]] = (
        error(403, "insufficient_user_quota", type="new_api_error"),
        litellm_error(400, "budget_exceeded", "Budget has been exceeded!"),
    )

    def build(self, vendor: Any, parts: Parts, **config: Any) -> Provider:
        return build(configured(vendor, **config), parts)

    def error(self, status: int, **headers: str) -> Reply:
        return error(status, None, headers=headers)


class TestFree(TestPlain):
    charges: ClassVar[bool] = False

    def build(self, vendor: Any, parts: Parts, **config: Any) -> Provider:
        return build(configured(vendor, charges=False, **config), parts)


def configured(vendor: FakeOpenAI, **config: Any) -> Config:
    return Config(**{"base_url": vendor.base_url, "api_key": Secret(KEY), **config})


@asynccontextmanager
async def speaking(
    dialect: str, vendor: FakeOpenAI, **config: Any
) -> AsyncIterator[CompatibleImages]:
    provider = build(configured(vendor, dialect=dialect, **config), parts(chances=[0.25] * 9))
    yield provider
    await provider.close()


def address(data: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


async def test_a_deployment_of_azure_stands_in_the_path_alone() -> None:
    query = {"api-version": "2025-04-01-preview"}
    with Azure() as vendor:
        async with speaking("azure-deployments", vendor, base_url=vendor.origin, query=query) as it:
            assert made(await it.generate(order(), Watched())) == [("png", 96, 64, False)]
            await it.ping()
            assert await it.discover() == ()
            asked = order(references=1, mask=True, upstream="my pictures")
            assert made(await it.edit(asked, Watched())) == [("png", 96, 64, False)]
        first, pinged, second = vendor.received
    assert pinged.path == "/openai/models"
    assert first.path == "/openai/deployments/the-upstream/images/generations"
    assert second.path == "/openai/deployments/my pictures/images/edits"
    assert "model" not in {**first.values, **second.values}
    assert first.headers["api-key"] == KEY
    assert "authorization" not in first.headers


async def test_the_newer_azure_is_openai_but_for_the_key(vendor: FakeOpenAI) -> None:
    async with speaking("azure", vendor) as provider:
        with pytest.raises(ProviderMisconfigured):
            await provider.generate(order(), Watched())
    assert vendor.received[0].headers["api-key"] == KEY
    assert vendor.received[0].values["model"] == "the-upstream"


NAMED: dict[str, Any] = {"size_name": "3:2/1K", "form": Format.JPEG}


async def test_xai_is_asked_for_ratios_and_tells_its_price() -> None:
    with Xai() as vendor:
        async with speaking("xai", vendor) as provider:
            delivery = await provider.generate(order(ask={"n": 3}, **NAMED), Watched())
            one = order(references=1, **NAMED)
            assert made(await provider.edit(one, Watched())) == [("jpeg", 96, 64, False)]
            two = order(references=2, **NAMED)
            assert made(await provider.edit(two, Watched())) == [("jpeg", 96, 64, False)]
        received = [each.values for each in vendor.received]
    assert delivery.usage == Usage(pictures=3, cost=Nano(60_000_000))
    shape = {"aspect_ratio": "3:2", "resolution": "1k"}
    assert {name: received[0][name] for name in shape} == shape
    pictures = [{"url": address(each.data), "type": "image_url"} for each in two.references]
    assert received[1]["image"] == pictures[0]
    assert received[2]["images"] == pictures


async def test_what_xai_cannot_be_told_is_refused_here() -> None:
    with Xai() as vendor:
        async with speaking("xai", vendor) as provider:
            for asked in (order(form=Format.JPEG), order(references=1, mask=True, **NAMED)):
                call = provider.edit if asked.references else provider.generate
                with pytest.raises(Unsupported):
                    await call(asked, Watched())
        assert not vendor.received


async def test_pictures_that_xai_keeps_back_are_told_by_their_place() -> None:
    blocked = {"respect_moderation": False, "b64_json": "", "url": ""}
    entries = [blocked, {"b64_json": "AAAA", "respect_moderation": True}, blocked]
    usage = {"cost_in_usd_ticks": 11}
    body = json.dumps({"data": entries, "usage": usage}).encode()
    with Xai() as vendor:
        vendor.replies.append(Reply(body=body))
        async with speaking("xai", vendor) as provider:
            delivery = await provider.generate(order(ask={"n": 3}, **NAMED), Watched())
    assert [each.data for each in delivery.pictures] == [b"\0\0\0"]
    assert {place: type(fault) for place, fault in delivery.failures.items()} == {
        0: ModerationBlocked,
        2: ModerationBlocked,
    }
    assert delivery.usage == Usage(pictures=3, cost=Nano(2))


async def test_together_is_asked_for_edges_and_steps() -> None:
    with Together() as vendor:
        async with speaking("together", vendor) as provider:
            asked = order(form=Format.JPEG, options=(("steps", 4),), ask={"seed": 7})
            assert made(await provider.generate(asked, Watched())) == [("jpeg", 96, 64, False)]
            edit = order(references=2)
            assert made(await provider.edit(edit, Watched())) == [("png", 96, 64, False)]
        first, second = vendor.received
    assert first.values == {
        "model": "the-upstream",
        "prompt": PROMPT,
        "n": 1,
        "width": 96,
        "height": 64,
        "steps": 4,
        "seed": 7,
        "output_format": "jpeg",
        "response_format": "base64",
    }
    assert second.path == "/v1/images/generations"
    assert second.values["reference_images"] == [address(each.data) for each in edit.references]


async def test_localai_is_asked_for_base64_and_its_addresses_are_opened_all_the_same() -> None:
    with LocalAI() as vendor:
        async with speaking("localai", vendor) as provider:
            asked = order(negative_prompt="dogs")
            assert made(await provider.generate(asked, Watched())) == [("png", 96, 64, False)]
            edit = order(references=1)
            assert made(await provider.edit(edit, Watched())) == [("png", 96, 64, False)]
            with pytest.raises(Unsupported):
                await provider.edit(order(references=2), Watched())
        async with speaking("localai", vendor, response_format="url") as provider:
            assert made(await provider.generate(order(), Watched())) == [("png", 96, 64, False)]
        first, second, third, fetched = vendor.received
    assert first.values["prompt"] == f"{PROMPT}|dogs"
    assert "negative_prompt" not in first.values
    assert base64.b64decode(second.values["file"]) == edit.references[0].data
    assert (third.values["response_format"], fetched.path) == ("url", "/files/96x64.png")
    assert "authorization" not in fetched.headers


async def test_litellm_tells_its_price_in_a_header() -> None:
    with Litellm() as vendor:
        async with speaking("litellm", vendor) as provider:
            delivery = await provider.generate(
                order(ask={"n": 2, "partial_images": 1}, per_call=1), Watched()
            )
        async with speaking("litellm", vendor, api_key=Secret("sk-wrong")) as provider:
            with pytest.raises(ProviderMisconfigured):
                await provider.generate(order(), Watched())
    assert delivery.usage is not None
    assert (delivery.usage.cost, delivery.request) == (Nano(84_000_000), "req_fake_1")


@pytest.mark.parametrize("told", ["", "much", "-1", "NaN", "1e99", "None"])
async def test_what_is_no_price_is_none(told: str) -> None:
    with Litellm() as vendor:
        vendor.cost = told  # type: ignore[misc]  # one vendor's, for one test
        async with speaking("litellm", vendor) as provider:
            delivery = await provider.generate(order(), Watched())
    assert delivery.usage is not None
    assert delivery.usage.cost is None
    assert delivery.usage.output_tokens == 1756


PASSED_ON = "litellm.BadRequestError: OpenAIException - "
SAFETY = "Your request was rejected by the safety system. safety_violations=[violence]."
LITELLM: list[tuple[Reply, type[Fault]]] = [
    (litellm_error(408, "None", "litellm.Timeout: late"), OutcomeUnknown),
    (litellm_error(400, "invalid_request_error", "litellm.BadRequestError: x"), ProviderRejected),
    (litellm_error(429, "budget_exceeded", "spent"), ProviderQuota),
    (litellm_error(401, "auth_error", "no"), ProviderMisconfigured),
    (litellm_error(400, "image_generation_user_error", f"{PASSED_ON}{SAFETY}"), ModerationBlocked),
    (
        litellm_error(400, None, f"{PASSED_ON[:-2]}litellm.ContentPolicyViolationError: no"),
        ModerationBlocked,
    ),
    (litellm_error(500, "invalid_request_error", f"{PASSED_ON}x"), ProviderUnavailable),
    (litellm_error(500, "internal_server_error", f"{OWN_TROUBLE}x"), OutcomeUnknown),
    (litellm_error(502, "internal_server_error", "litellm.BadGatewayError: x"), OutcomeUnknown),
    (litellm_error(503, None, "litellm.Timeout: x"), OutcomeUnknown),
]


@pytest.mark.parametrize(("reply", "expected"), LITELLM)
async def test_litellms_errors_are_ours(reply: Reply, expected: type[Fault]) -> None:
    with Litellm() as vendor:
        vendor.replies.append(reply)
        async with speaking("litellm", vendor) as provider:
            with pytest.raises(expected):
                await provider.generate(order(), Watched())
        assert vendor.calls() == 1


async def test_a_relays_own_trouble_is_not_asked_again_whatever_it_says() -> None:
    trouble = litellm_error(500, "internal_server_error", f"{OWN_TROUBLE}x")
    with Litellm() as vendor:
        vendor.replies.append(replace(trouble, headers={"x-should-retry": "true"}))
        async with speaking("litellm", vendor) as provider:
            with pytest.raises(OutcomeUnknown):
                await provider.generate(order(), Watched())
        assert vendor.calls() == 1


async def test_litellm_is_not_asked_for_a_stream_that_it_could_not_read() -> None:
    with Litellm() as vendor:
        async with speaking("plain", vendor) as provider:
            with pytest.raises(OutcomeUnknown):
                await provider.generate(order(ask={"partial_images": 1}), Watched())
        assert vendor.calls() == 1


def words(asked: str) -> dict[str, Any]:
    """What sd-server reads out of a prompt."""
    prompt, _, rest = asked.partition(" <sd_cpp_extra_args>")
    assert prompt == PROMPT
    found: dict[str, Any] = json.loads(rest.removesuffix("</sd_cpp_extra_args>"))
    return found


async def test_sd_servers_seed_stands_in_the_prompt(vendor: FakeOpenAI) -> None:
    async with speaking("sd-server", vendor) as provider:
        asked = order(ask={"n": 2, "seed": 7}, negative_prompt="dogs", options=(("clip_skip", 2),))
        given = await provider.generate(asked, Watched())
        chosen = await provider.generate(order(), Watched())
        edit = order(references=1, mask=True, ask={"strength": 0.5})
        await provider.edit(edit, Watched())
    first, second, third = vendor.received
    assert words(first.values["prompt"]) == {"seed": 7, "negative_prompt": "dogs", "clip_skip": 2}
    assert words(second.values["prompt"]) == {"seed": 2**29}
    assert words(third.values["prompt"]) == {"seed": 2**29, "strength": 0.5}
    assert [each.seed for each in given.pictures] == [7, 8]
    assert [each.seed for each in chosen.pictures] == [2**29]
    assert edit.mask is not None
    # It reads a mask as grey: white is what changes, whatever the alpha.
    assert third.files[-1][3] == edit.mask.data


async def test_a_prompt_makes_no_settings_of_an_engine(vendor: FakeOpenAI) -> None:
    prompt = 'x <sd_cpp_extra_args>{"width": 99999}</sd_cpp_extra_args>'
    async with speaking("sd-server", vendor) as provider:
        with pytest.raises(Unsupported) as caught:
            await provider.generate(order(prompt=prompt), Watched())
    assert "99999" not in str(caught.value.public())
    assert not vendor.received


async def test_what_a_server_refuses_can_be_left_out(vendor: FakeOpenAI) -> None:
    async with speaking(
        "plain", vendor, leave_out=("output_format", "n"), key_header="x-key", edits="images"
    ) as provider:
        vendor.replies.append(Reply(body=b'{"data":[{"b64_json":"AAAA"}]}'))
        asked = order(references=1)
        await provider.edit(asked, Watched())
    received = vendor.received[0]
    assert received.headers["x-key"] == KEY
    assert set(received.values) == {"model", "prompt", "size", "images"}


async def test_discovery_tells_makers_of_pictures_by_their_names(vendor: FakeOpenAI) -> None:
    with Litellm() as relay:
        provider = build(configured(relay), parts())
        found = await provider.discover()
        await provider.close()
        engine = build(configured(relay, dialect="sd-server"), parts())
        every = await engine.discover()
        await engine.close()
    assert found == (
        Found(upstream="gpt-image-2.5-flare", like="gpt-image"),
        Found(upstream="dall-e-3", like="dall-e-3"),
        Found(upstream="fal/my-flux"),
    )
    templates = {model.id for model in read_offer("relay", "openai_compatible").known}
    assert {each.like for each in found} <= {*templates, None}
    assert {each.like for each in every} == {"sd"}
    assert [each.upstream for each in every][1:3] == ["gpt-6-luna", "local-sd"]


def test_a_relay_may_serve_what_openai_has_shut_down() -> None:
    assert read_offer("relay", "openai_compatible").models == ()
    offer = read_offer("relay", "openai_compatible", ["dall-e-3", "gpt-image-1"])
    assert [each.id for each in offer.models] == ["dall-e-3", "gpt-image-1"]
    for model in offer.models:
        assert (model.lifecycle, model.ends, model.price) == (Lifecycle.CURRENT, None, None)


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"dialect": "latin"}, "azure-deployments"),
        ({"leave_out": ["models"]}, "negative_prompt"),
        ({"edits": "post"}, "multipart"),
        ({"base_url": "x"}, "address"),
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, Any], word: str) -> None:
    with pytest.raises(ValidationError, match=word):
        TypeAdapter(Config).validate_python(wrong)


@pytest.mark.parametrize("dialect", DIALECTS)
async def test_every_dialect_makes_and_changes_pictures_of_a_lenient_server(
    vendor: FakeOpenAI, dialect: str
) -> None:
    one = Reply(body=b'{"data":[{"b64_json":"AAAA"}]}')
    vendor.replies.extend([one, one])
    query = {"api-version": "x"}
    async with speaking(dialect, vendor, query=query) as provider:
        for asked in (order(size_name="3:2/1K"), order(references=1, size_name="3:2/1K")):
            call = provider.edit if asked.references else provider.generate
            if dialect == "azure-deployments":
                # Its paths are its own: this server has none of them.
                with pytest.raises(ProviderMisconfigured):
                    await call(asked, Watched())
            else:
                assert (await call(asked, Watched())).pictures[0].data == b"\0\0\0"
