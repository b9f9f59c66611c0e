import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pydantic import TypeAdapter, ValidationError

from imagewright.adapters.providers.comfyui import ComfyUI, Config, Template, build
from imagewright.core.errors import (
    ProviderBadAnswer,
    ProviderMisconfigured,
    ProviderRejected,
    ProviderUnavailable,
    Unsupported,
)
from imagewright.core.picture import Format
from imagewright.core.secret import Secret
from imagewright.ports.provider import Order, Parts, Provider
from tests.adapters.providers.comfyui_setup import MODEL, asked, made_for, nodes, sent
from tests.contracts.http_provider import HttpProviderContract
from tests.contracts.provider import Edits, Masked, made
from tests.fakes.comfyui import CHECKPOINTS, KEY, FakeComfyUI, error
from tests.fakes.orders import PROMPT, Time, Watched, parts
from tests.fakes.vendor import Reply


@pytest.fixture(scope="module")
def running() -> Iterator[FakeComfyUI]:
    with FakeComfyUI() as vendor:
        yield vendor


@pytest.fixture
def vendor(running: FakeComfyUI) -> FakeComfyUI:
    running.forget()
    return running


@pytest.fixture
async def comfyui(vendor: FakeComfyUI) -> AsyncIterator[ComfyUI]:
    provider = made_for(vendor)
    yield provider
    await provider.close()


class TestComfyUI(Edits, Masked, HttpProviderContract):
    secrets: ClassVar[tuple[str, ...]] = (KEY,)
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


async def test_a_generation_fills_the_workflow(comfyui: ComfyUI, vendor: FakeComfyUI) -> None:
    options = (("cfg_scale", 5.5), ("sampler", "euler"), ("steps", 12), ("strength", 0.5))
    wanted = asked(ask={"n": 2, "seed": 41}, negative_prompt="dogs", options=options)
    delivery = await comfyui.generate(wanted, Watched())
    assert made(delivery) == [("png", 96, 64, False)] * 2
    assert nodes(vendor, "CheckpointLoaderSimple") == [{"ckpt_name": MODEL}]
    assert [each["text"] for each in nodes(vendor, "CLIPTextEncode")] == [PROMPT, "dogs"]
    assert nodes(vendor, "EmptyLatentImage") == [{"width": 96, "height": 64, "batch_size": 2}]
    (sampler,) = nodes(vendor, "KSampler")
    values = {name: sampler[name] for name in ("seed", "steps", "cfg", "sampler_name", "denoise")}
    assert values == {
        "seed": 41,
        "steps": 12,
        "cfg": 5.5,
        "sampler_name": "euler",
        "denoise": 1.0,
    }
    assert sampler["scheduler"] == "normal"


async def test_a_prompt_is_only_ever_a_value(comfyui: ComfyUI, vendor: FakeComfyUI) -> None:
    prompt = 'a "cat", "seed": 7}, {{prompt}} #seed \\ \n'
    await comfyui.generate(asked(prompt=prompt), Watched())
    assert nodes(vendor, "CLIPTextEncode")[0]["text"] == prompt


@pytest.mark.parametrize(
    ("upstream", "checkpoint", "steps"),
    [
        (MODEL, MODEL, 30),
        ("juggernautXL_v9", MODEL, 30),
        ("dreamshaper_sd15", "sub/dreamshaper_sd15.safetensors", 25),
        ("*lightning*", "sdxl_lightning_8step.safetensors", 8),
        ("*xl*|*pony*|*illustrious*|*noob*", MODEL, 30),
        ("zz_mystery.safetensors", "zz_mystery.safetensors", 20),
    ],
)
async def test_a_model_is_a_checkpoint_with_the_options_of_its_kind(
    comfyui: ComfyUI, vendor: FakeComfyUI, upstream: str, checkpoint: str, steps: int
) -> None:
    await comfyui.generate(asked(upstream=upstream), Watched())
    assert nodes(vendor, "CheckpointLoaderSimple") == [{"ckpt_name": checkpoint}]
    assert nodes(vendor, "KSampler")[0]["steps"] == steps


async def test_every_call_has_a_seed_of_its_own(vendor: FakeComfyUI) -> None:
    provider = made_for(vendor, parts(chances=[0.5, 0.1, 0.25, 0.1]))
    delivery = await provider.generate(asked(ask={"n": 2}, per_call=1), Watched())
    await provider.close()
    assert [each.seed for each in delivery.pictures] == [2**52, 2**51]
    assert nodes(vendor, "KSampler")[0]["seed"] == 2**51


async def test_an_edit_uploads_its_inputs_into_a_folder_of_the_job(
    comfyui: ComfyUI, vendor: FakeComfyUI
) -> None:
    wanted = asked(references=1, mask=True, ask={"strength": 0.3})
    await comfyui.edit(wanted, Watched())
    image, mask = vendor.uploads
    assert wanted.mask is not None
    assert (vendor.uploads[image], vendor.uploads[mask]) == (
        wanted.references[0].data,
        wanted.mask.data,
    )
    assert image.rpartition("/")[0] == mask.rpartition("/")[0]
    assert wanted.key not in image
    assert nodes(vendor, "LoadImage") == [{"image": image}]
    # White is changed, as in our masks.
    assert nodes(vendor, "LoadImageMask") == [{"image": mask, "channel": "red"}]
    assert nodes(vendor, "KSampler")[0]["denoise"] == 0.3


@pytest.mark.parametrize("upstream", ["none-such", "*flux*"])
async def test_a_checkpoint_that_is_not_there_is_told(
    comfyui: ComfyUI, vendor: FakeComfyUI, upstream: str
) -> None:
    with pytest.raises(ProviderMisconfigured) as caught:
        await comfyui.generate(asked(upstream=upstream), Watched())
    assert caught.value.details == {"model": "the-model"}
    assert not vendor.calls()


OWN: dict[str, Any] = {
    "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": CHECKPOINTS[0]}},
    "2": {"class_type": "CLIPTextEncode", "inputs": {"text": "", "clip": ["1", 1]}},
    "3": {"class_type": "LoadImage", "inputs": {"image": ""}, "_meta": {"title": "Base #image"}},
    "4": {"class_type": "LoadImage", "inputs": {"image": ""}, "_meta": {"title": "#image_2"}},
    "5": {"class_type": "SaveImage", "inputs": {"images": ["3", 0], "filename_prefix": "x"}},
    "6": {"class_type": "PreviewImage", "inputs": {"images": ["4", 0]}},
}
MAP: dict[str, Any] = {"prompt": "2.inputs.text"}


def own(vendor: FakeComfyUI, graph: Any = None, **named: Any) -> ComfyUI:
    return made_for(vendor, workflows={"blend": Template(graph=graph or OWN, map={**MAP, **named})})


async def test_a_workflow_of_the_operators_is_a_model(vendor: FakeComfyUI) -> None:
    provider = own(vendor)
    await provider.edit(asked(upstream="blend", references=2), Watched())
    assert nodes(vendor, "CLIPTextEncode")[0]["text"] == PROMPT
    assert nodes(vendor, "CheckpointLoaderSimple") == [{"ckpt_name": CHECKPOINTS[0]}]
    first, second = (each["image"] for each in nodes(vendor, "LoadImage"))
    assert (first.rpartition("/")[2], second.rpartition("/")[2]) == ("image_1.png", "image_2.png")
    await provider.close()


async def test_a_workflow_may_be_named_by_a_models_options(
    vendor: FakeComfyUI, tmp_path: Path
) -> None:
    file = tmp_path / "blend.json"
    file.write_text(json.dumps(OWN))
    workflows = {"blend": Template(file=str(file), map={**MAP, "checkpoint": "1.inputs.ckpt_name"})}
    provider = made_for(vendor, workflows=workflows)
    wanted = asked(upstream=CHECKPOINTS[3], references=2, options=(("edit_workflow", "blend"),))
    await provider.edit(wanted, Watched())
    assert nodes(vendor, "CheckpointLoaderSimple") == [{"ckpt_name": CHECKPOINTS[3]}]
    with pytest.raises(ProviderMisconfigured, match="not there"):
        await provider.generate(asked(options=(("workflow", "none-such"),)), Watched())
    await provider.close()


async def test_a_workflow_without_a_count_makes_one_picture_a_call(vendor: FakeComfyUI) -> None:
    provider = own(vendor)
    wanted = asked(upstream="blend", references=2, ask={"n": 2})
    delivery = await provider.edit(wanted, Watched())
    assert (len(delivery.pictures), vendor.calls()) == (2, 2)
    await provider.close()


@pytest.mark.parametrize(("output", "temp"), [(None, False), ("6", True)])
async def test_saved_pictures_are_meant_unless_a_node_is_named(
    vendor: FakeComfyUI, output: str | None, temp: bool
) -> None:
    provider = own(vendor, **({"output": output} if output else {}))
    await provider.edit(asked(upstream="blend", references=2), Watched())
    await provider.close()
    views = [each.query for each in vendor.received if each.path == "/view"]
    assert ["type=temp" in each for each in views] == [temp]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"references": 1},
        {"references": 3},
        {"references": 2, "mask": True},
        {"references": 2, "negative_prompt": "dogs"},
        {"references": 2, "ask": {"strength": 0.5}},
    ],
)
async def test_what_a_workflow_has_no_place_for_is_refused(
    vendor: FakeComfyUI, changes: dict[str, Any]
) -> None:
    provider = own(vendor)
    with pytest.raises(Unsupported):
        await provider.edit(asked(upstream="blend", **changes), Watched())
    assert not vendor.received
    await provider.close()


async def test_nodes_that_the_server_lacks_are_told_before_anything_is_asked(
    comfyui: ComfyUI, vendor: FakeComfyUI
) -> None:
    vendor.hides = "KSampler"
    with pytest.raises(ProviderMisconfigured, match="KSampler"):
        await comfyui.generate(asked(), Watched())
    assert not vendor.calls()
    vendor.hides = None
    await comfyui.generate(asked(), Watched())
    looked = vendor.calls("/object_info/KSampler")
    await comfyui.generate(asked(), Watched())
    assert vendor.calls("/object_info/KSampler") == looked


@pytest.mark.parametrize("place", ["1.inputs.ckpt_name", "5.inputs.none_such"])
async def test_places_that_cannot_be_set_are_told(vendor: FakeComfyUI, place: str) -> None:
    provider = own(vendor, prompt=place)
    with pytest.raises(ProviderMisconfigured, match="cannot be the prompt"):
        await provider.edit(asked(upstream="blend", references=2), Watched())
    await provider.close()


async def test_refused_values_are_told_by_the_names_of_ours(
    comfyui: ComfyUI, vendor: FakeComfyUI
) -> None:
    with pytest.raises(ProviderRejected, match="because of steps"):
        await comfyui.generate(asked(options=(("steps", 0),)), Watched())
    broken = {**OWN, "5": {"class_type": "SaveImage", "inputs": {"images": ["3", 0]}}}
    provider = own(vendor, broken)
    with pytest.raises(ProviderMisconfigured, match="refuses the workflow"):
        await provider.edit(asked(upstream="blend", references=2), Watched())
    await provider.close()
    unknown = {**OWN, "1": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "x"}}}
    provider = own(vendor, unknown)
    with pytest.raises(ProviderMisconfigured, match="ckpt_name of node 1"):
        await provider.edit(asked(upstream="blend", references=2), Watched())
    await provider.close()


async def test_options_that_mean_nothing_are_told(comfyui: ComfyUI, vendor: FakeComfyUI) -> None:
    with pytest.raises(ProviderMisconfigured, match="setps"):
        await comfyui.generate(asked(options=(("setps", 3),)), Watched())
    assert not vendor.calls()


async def test_a_ping_asks_how_the_server_is(comfyui: ComfyUI, vendor: FakeComfyUI) -> None:
    await comfyui.ping()
    assert [each.path for each in vendor.received] == ["/system_stats"]
    stranger = made_for(vendor, api_key=Secret("wrong"))
    with pytest.raises(ProviderMisconfigured):
        await stranger.ping()
    await stranger.close()
    away = build(Config(base_url="http://127.0.0.1:1"), parts(Time()))
    with pytest.raises(ProviderUnavailable):
        await away.ping()
    await away.close()
    other = made_for(vendor, base_url=f"{vendor.origin}/view?filename=a_8x8".split("?")[0])
    with pytest.raises((ProviderBadAnswer, ProviderMisconfigured)):
        await other.ping()
    await other.close()


async def test_it_finds_the_checkpoints_with_their_kinds(comfyui: ComfyUI) -> None:
    found = {each.upstream: each.like for each in await comfyui.discover()}
    assert found == dict(zip(CHECKPOINTS, ["sdxl", "sd15", "sdxl-lightning", None], strict=True))


async def test_an_id_of_ours_goes_with_the_prompt(comfyui: ComfyUI, vendor: FakeComfyUI) -> None:
    delivery = await comfyui.generate(asked(), Watched())
    assert sent(vendor)["prompt_id"] == delivery.request


@pytest.mark.parametrize(
    "config",
    [
        {"base_url": "ftp://host"},
        {"poll": 0},
        {"retries": -1},
        {"picture_bytes": 0},
    ],
)
def test_a_config_that_cannot_be_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        Config(**config)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ({}, "either a file or a graph"),
        ({"file": "x.json", "graph": OWN}, "either a file or a graph"),
        ({"graph": {"nodes": [], "links": []}}, "Export \\(API\\)"),
        ({"graph": OWN}, "no place for the prompt"),
        ({"graph": OWN, "map": {**MAP, "promt": "2.inputs.text"}}, "no role"),
        ({"graph": OWN, "maps": MAP}, "Unexpected keyword"),
        ({"file": "/none/such.json"}, "cannot be read"),
    ],
)
def test_the_settings_tell_what_is_wrong_with_a_workflow(
    template: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValidationError, match=words):
        TypeAdapter(Config).validate_python({"workflows": {"blend": template}})


@pytest.mark.parametrize(
    ("text", "words"),
    [("{", "not JSON"), ("[" * 100_000, "not JSON|be read"), (" " * 5_000_000, "too large")],
)
def test_a_file_that_is_no_workflow_is_told(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "blend.json"
    file.write_text(text)
    with pytest.raises(ValueError, match=words):
        Template(file=str(file), map=MAP)
