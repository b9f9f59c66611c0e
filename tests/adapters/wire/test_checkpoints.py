import pytest

from imagewright.adapters.catalogue.reader import read_offer
from imagewright.adapters.wire.checkpoints import Checkpoint, read_kinds
from imagewright.core.errors import ProviderMisconfigured
from imagewright.services.catalogue import merged

THERE = tuple(Checkpoint(name=each) for each in ("b_xl", "a_XL_Lightning", "a_xl", "odd"))


@pytest.mark.parametrize("adapter", ["sd_webui", "comfyui"])
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("sd_xl_base_1.0.safetensors", "sdxl"),
        ("ponyDiffusionV6.safetensors", "sdxl"),
        ("sdxl_lightning_4step.safetensors", "sdxl-lightning"),
        ("Juggernaut_XL_Lightning.safetensors", "sdxl-lightning"),
        ("flux1-schnell-fp8.safetensors", "flux-schnell"),
        ("flux1-dev-fp8.safetensors", "flux"),
        ("sd3.5_large.safetensors", "sd3"),
        ("v1-5-pruned-emaonly.safetensors", "sd15"),
        ("flux/qwen_image.safetensors", None),
        ("flux\\qwen_image.safetensors", None),
        ("", None),
    ],
)
def test_a_name_tells_the_kind(adapter: str, name: str, kind: str | None) -> None:
    found = read_kinds(adapter).of(name)
    assert (found.id if found else None) == kind


def test_a_pattern_is_the_first_by_name_of_its_own_kind() -> None:
    kinds = read_kinds("sd_webui")
    upstream = {each.id: each.upstream for each in kinds.models}
    assert kinds.choose(upstream["sdxl"], THERE, "m").name == "a_xl"
    assert kinds.choose(upstream["sdxl-lightning"], THERE, "m").name == "a_XL_Lightning"
    assert kinds.choose("*", THERE, "m").name == "a_XL_Lightning"


@pytest.mark.parametrize(("upstream", "there"), [("*", ()), ("*flux*", THERE), ("a", THERE)])
def test_none_is_told(upstream: str, there: tuple[Checkpoint, ...]) -> None:
    with pytest.raises(ProviderMisconfigured):
        read_kinds("sd_webui").choose(upstream, there, "m")


@pytest.mark.parametrize("adapter", ["sd_webui", "comfyui"])
def test_what_is_found_is_offered_with_the_keys_of_its_kind(adapter: str) -> None:
    there = (Checkpoint(name="juggernautXL_v9"), Checkpoint(name="sdxl_lightning_8step"))
    offer = merged(read_offer("mine", adapter), read_kinds(adapter).found((*there, THERE[-1])))
    kinds = {model.id: model for model in offer.models}
    for each, kind in zip(there, ("sdxl", "sdxl-lightning"), strict=True):
        model = kinds[each.name]
        assert (model.upstream, model.free) == (each.name, True)
        assert (model.sizes, model.negative_prompt, model.options) == (
            kinds[kind].sizes,
            kinds[kind].negative_prompt,
            kinds[kind].options,
        )
    assert "odd" not in kinds
