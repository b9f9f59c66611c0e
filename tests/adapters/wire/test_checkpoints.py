import pytest

from imagewright.adapters.wire.checkpoints import Checkpoint, read_kinds
from imagewright.core.errors import ProviderMisconfigured

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
