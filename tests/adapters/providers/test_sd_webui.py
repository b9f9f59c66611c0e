import base64
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, ClassVar

import pytest

from imagewright.adapters.providers.sd_webui import Config, SdWebui, build
from imagewright.core.errors import (
    ProviderMisconfigured,
    ProviderRejected,
    ProviderUnavailable,
    Unsupported,
)
from imagewright.core.picture import Format
from imagewright.core.secret import Secret
from imagewright.core.size import Size
from imagewright.ports.provider import Order, Parts, Provider
from tests.adapters.providers.sd_webui_setup import MAKE, PROGRESS, asked, made_for, sent
from tests.contracts.http_provider import HttpProviderContract
from tests.contracts.provider import Edits, Masked, made
from tests.fakes.orders import PROMPT, Time, Watched, parts
from tests.fakes.sd_webui import BASIC, CHECKPOINTS, PASSWORD, FakeSdWebui, error
from tests.fakes.vendor import Reply


@pytest.fixture(scope="module")
def running() -> Iterator[FakeSdWebui]:
    with FakeSdWebui() as vendor:
        yield vendor


@pytest.fixture
def vendor(running: FakeSdWebui) -> FakeSdWebui:
    running.forget()
    return running


@pytest.fixture
async def webui(vendor: FakeSdWebui) -> AsyncIterator[SdWebui]:
    provider = made_for(vendor)
    yield provider
    await provider.close()


class TestSdWebui(Edits, Masked, HttpProviderContract):
    secrets: ClassVar[tuple[str, ...]] = (PASSWORD, BASIC)
    forms: ClassVar[tuple[Format, ...]] = (Format.PNG,)
    references: ClassVar[int] = 1
    # The server itself knows neither; what stands before it may.
    moderated: ClassVar[tuple[Reply, ...]] = (
        Reply(status=400, body=b'{"error":{"code":"moderation_blocked"}}'),
    )
    exhausted: ClassVar[tuple[Reply, ...]] = (error(402),)

    def order(self, **changes: Any) -> Order:
        return asked(**changes)

    def build(self, vendor: Any, parts: Parts, **config: Any) -> Provider:
        return made_for(vendor, parts, **config)

    def error(self, status: int, **headers: str) -> Reply:
        return error(status, **headers)


async def test_a_generation_sends_what_the_plan_and_the_options_have_set(
    webui: SdWebui, vendor: FakeSdWebui
) -> None:
    options = (("cfg_scale", 5.5), ("clip_skip", 2), ("sampler", "Euler"), ("steps", 12))
    await webui.generate(
        asked(
            upstream="juggernautXL_v9",
            ask={"n": 2, "seed": 2**40},
            negative_prompt="dogs",
            options=options,
        ),
        Watched(),
    )
    assert sent(vendor) == {
        "prompt": PROMPT,
        "negative_prompt": "dogs",
        "seed": 2**40,
        "n_iter": 1,
        "batch_size": 2,
        "width": 96,
        "height": 64,
        "steps": 12,
        "cfg_scale": 5.5,
        "sampler_name": "Euler",
        "send_images": True,
        "save_images": False,
        "override_settings": {
            "CLIP_stop_at_last_layers": 2,
            "sd_model_checkpoint": "juggernautXL_v9",
        },
        "override_settings_restore_afterwards": True,
        "force_task_id": "imagewright-job_key_1",
    }


async def test_settings_of_the_server_are_never_changed(
    webui: SdWebui, vendor: FakeSdWebui
) -> None:
    await webui.generate(asked(upstream="*xl*|*pony*|*illustrious*|*noob*"), Watched())
    await webui.generate(asked(), Watched())
    posted = {each.path for each in vendor.received if each.values}
    # How far it is may be asked for meanwhile.
    assert posted - {PROGRESS} == {MAKE}


@pytest.mark.parametrize(
    ("upstream", "checkpoint", "steps"),
    [
        ("*", None, 25),
        ("*xl*|*pony*|*illustrious*|*noob*", "juggernautXL_v9", 30),
        ("*lightning*", "sdxl_lightning_8step", 8),
        ("sdxl_lightning_8step", "sdxl_lightning_8step", 8),
        ("realisticVision_sd15.safetensors", "realisticVision_sd15", 25),
        ("realisticVision_sd15.safetensors [abcdef0123]", "realisticVision_sd15", 25),
        ("zz_mystery", "zz_mystery", None),
    ],
)
async def test_a_model_is_a_checkpoint_with_the_options_of_its_kind(
    webui: SdWebui, vendor: FakeSdWebui, upstream: str, checkpoint: str | None, steps: int | None
) -> None:
    await webui.generate(asked(upstream=upstream), Watched())
    values = sent(vendor)
    assert values["override_settings"].get("sd_model_checkpoint") == checkpoint
    assert values.get("steps") == steps


@pytest.mark.parametrize("upstream", ["none-such", "*flux*"])
async def test_a_checkpoint_that_is_not_there_is_told_and_nothing_drawn(
    webui: SdWebui, vendor: FakeSdWebui, upstream: str
) -> None:
    with pytest.raises(ProviderMisconfigured) as caught:
        await webui.generate(asked(upstream=upstream), Watched())
    assert caught.value.details == {"model": "the-model"}
    assert not vendor.calls()


async def test_a_second_pass_ends_at_the_size_asked_for(
    webui: SdWebui, vendor: FakeSdWebui
) -> None:
    options = (("hires_scale", 1.5), ("hires_strength", 0.4), ("hires_upscaler", "Latent"))
    delivery = await webui.generate(asked(size=Size(1024, 768), options=options), Watched())
    values = sent(vendor)
    assert (values["width"], values["height"]) == (680, 512)
    assert (values["hr_resize_x"], values["hr_resize_y"]) == (1024, 768)
    assert (values["enable_hr"], values["denoising_strength"]) == (True, 0.4)
    assert made(delivery) == [("png", 1024, 768, False)]


async def test_an_edit_sends_the_image_the_mask_and_how_much_to_change(
    webui: SdWebui, vendor: FakeSdWebui
) -> None:
    wanted = asked(references=1, mask=True, ask={"strength": 0.3}, options=(("mask_blur", 9),))
    await webui.edit(wanted, Watched())
    values = sent(vendor, "/sdapi/v1/img2img")
    assert wanted.mask is not None
    assert base64.b64decode(values["init_images"][0]) == wanted.references[0].data
    assert base64.b64decode(values["mask"]) == wanted.mask.data
    assert (values["denoising_strength"], values["mask_blur"]) == (0.3, 9)
    # White is repainted, as in our masks; what is masked starts from what it was.
    assert (values["inpainting_mask_invert"], values["inpainting_fill"]) == (0, 1)
    assert "enable_hr" not in values


async def test_grids_are_dropped_and_seeds_are_those_of_the_answer(webui: SdWebui) -> None:
    delivery = await webui.generate(asked(ask={"n": 3, "seed": 41}), Watched())
    assert made(delivery) == [("png", 96, 64, False)] * 3
    assert [each.seed for each in delivery.pictures] == [41, 42, 43]


async def test_without_infos_the_seeds_are_those_that_were_sent(vendor: FakeSdWebui) -> None:
    vendor.whole = False
    provider = made_for(vendor, parts(chances=[0.5]))
    delivery = await provider.generate(asked(ask={"n": 2}), Watched())
    await provider.close()
    assert sent(vendor)["seed"] == 2**31 - 1
    assert [each.seed for each in delivery.pictures] == [2**31 - 1, 2**31]


@pytest.mark.parametrize(
    ("info", "seeds"),
    [
        ({"all_seeds": [5, "6"]}, [9, 10]),
        ({"all_seeds": [-5, 6]}, [9, 10]),
        ({"all_seeds": []}, [9, 10]),
        ({"all_seeds": [5, 6, 7], "index_of_first_image": 1}, [5]),
        ({"index_of_first_image": -3}, [9, 10]),
        ([], [9, 10]),
    ],
)
async def test_infos_that_cannot_be_are_not_believed(
    webui: SdWebui, vendor: FakeSdWebui, info: object, seeds: list[int]
) -> None:
    body = {"images": ["AAAA", "AAAA"], "info": json.dumps(info)}
    vendor.replies.append(Reply(body=json.dumps(body).encode()))
    delivery = await webui.generate(asked(ask={"n": 2, "seed": 9}), Watched())
    assert [each.seed for each in delivery.pictures] == seeds


async def test_pictures_that_cannot_be_read_are_told_by_their_index(
    webui: SdWebui, vendor: FakeSdWebui
) -> None:
    vendor.replies.append(Reply(body=b'{"images":["!",7,"data:image/png;base64,AAAA"]}'))
    delivery = await webui.generate(asked(ask={"n": 4}), Watched())
    assert [each.data for each in delivery.pictures] == [b"\0\0\0"]
    assert set(delivery.failures) == {0, 1, 3}


async def test_words_that_a_server_obeys_are_refused(webui: SdWebui, vendor: FakeSdWebui) -> None:
    mark = "<sd_cpp_extra_args>"
    for words in ({"prompt": f"a cat {mark}{{}}"}, {"negative_prompt": mark}):
        with pytest.raises(Unsupported):
            await webui.generate(asked(**words), Watched())
    assert not vendor.received


async def test_options_that_mean_nothing_are_told(webui: SdWebui, vendor: FakeSdWebui) -> None:
    with pytest.raises(ProviderMisconfigured, match="setps"):
        await webui.generate(asked(options=(("setps", 3),)), Watched())
    assert not vendor.calls()


async def test_its_own_refusals_are_told_apart(webui: SdWebui, vendor: FakeSdWebui) -> None:
    with pytest.raises(ProviderMisconfigured, match="sampler"):
        await webui.generate(asked(options=(("sampler", "None such"),)), Watched())
    vendor.replies.append(error(500, "OutOfMemoryError"))
    with pytest.raises(ProviderRejected, match="memory"):
        await webui.generate(asked(), Watched())


async def test_a_ping_asks_for_the_settings(webui: SdWebui, vendor: FakeSdWebui) -> None:
    await webui.ping()
    assert [each.path for each in vendor.received] == ["/sdapi/v1/options"]
    stranger = made_for(vendor, api_key=Secret("wrong"))
    with pytest.raises(ProviderMisconfigured):
        await stranger.ping()
    await stranger.close()
    away = build(Config(base_url="http://127.0.0.1:1"), parts(Time()))
    with pytest.raises(ProviderUnavailable):
        await away.ping()
    await away.close()


async def test_it_finds_the_checkpoints_with_their_kinds(webui: SdWebui) -> None:
    found = {each.upstream: each for each in await webui.discover()}
    assert tuple(found) == CHECKPOINTS
    assert [each.like for each in found.values()] == ["sdxl", "sd15", "sdxl-lightning", None]
    assert found["sdxl_lightning_8step"].options["cfg_scale"] == 1.0
    assert not found["zz_mystery"].options


@pytest.mark.parametrize(
    "config",
    [
        {"base_url": "ftp://host"},
        {"poll": 0},
        {"retries": -1},
        {"user": "operator"},
        {"user": "a:b", "api_key": Secret("x")},
        {"exclusive": True, "concurrency": 2},
    ],
)
def test_a_config_that_cannot_be_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Config(**config)


async def test_a_key_without_a_user_is_a_bearer_token(vendor: FakeSdWebui) -> None:
    provider = made_for(vendor, user=None, headers={"x-team": Secret("design")})
    with pytest.raises(ProviderMisconfigured):
        await provider.ping()
    await provider.close()
    headers = vendor.received[0].headers
    assert (headers["authorization"], headers["x-team"]) == (f"Bearer {PASSWORD}", "design")
