"""What the tests of the provider for Stable Diffusion WebUI do again and again."""

from typing import Any

from imagewright.adapters.providers.sd_webui import Config, SdWebui, build
from imagewright.core.secret import Secret
from imagewright.ports.provider import Order, Parts
from tests.fakes.orders import order, parts
from tests.fakes.sd_webui import PASSWORD, USER, FakeSdWebui

MAKE = "/sdapi/v1/txt2img"
PROGRESS = "/internal/progress"


def made_for(vendor: FakeSdWebui, given: Parts | None = None, **config: Any) -> SdWebui:
    values = {
        "base_url": vendor.origin,
        "user": USER,
        "api_key": Secret(PASSWORD),
        "poll": 0.05,
        **config,
    }
    return build(Config(**values), given or parts())


def asked(**changes: Any) -> Order:
    return order(**{"upstream": "*", **changes})


def sent(vendor: FakeSdWebui, path: str = MAKE) -> Any:
    """The values of the last request for a picture."""
    return [each for each in vendor.received if each.path == path][-1].values
