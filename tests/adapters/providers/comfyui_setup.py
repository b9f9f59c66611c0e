"""What the tests of the provider for ComfyUI do again and again."""

from typing import Any

from imagewright.adapters.providers.comfyui import ComfyUI, Config, build
from imagewright.core.secret import Secret
from imagewright.ports.provider import Order, Parts
from tests.fakes.comfyui import KEY, FakeComfyUI
from tests.fakes.orders import order, parts

MODEL = "juggernautXL_v9.safetensors"


def made_for(vendor: FakeComfyUI, given: Parts | None = None, **config: Any) -> ComfyUI:
    values = {"base_url": vendor.origin, "api_key": Secret(KEY), **config}
    return build(Config(**values), given or parts())


def asked(**changes: Any) -> Order:
    return order(**{"upstream": MODEL, **changes})


def sent(vendor: FakeComfyUI) -> Any:
    """The last request for a picture."""
    return [each for each in vendor.received if each.path == "/prompt"][-1].values


def nodes(vendor: FakeComfyUI, kind: str) -> list[Any]:
    """The inputs of the nodes of a kind in the last graph."""
    return [
        each["inputs"] for each in sent(vendor)["prompt"].values() if each["class_type"] == kind
    ]
