"""What the tests of the Gemini provider do again and again."""

from typing import Any

from imagewright.adapters.providers.gemini import Config
from imagewright.core.secret import Secret
from imagewright.core.size import Size
from imagewright.ports.provider import Order
from tests.fakes.gemini import KEY, MODEL, FakeGemini
from tests.fakes.orders import order

WIDE = Size(1264, 848)
SENT_SIZE = {"aspectRatio": "3:2", "imageSize": "1K"}


def configured(vendor: FakeGemini, **config: Any) -> Config:
    return Config(**{"base_url": vendor.origin, "api_key": Secret(KEY), **config})


def on_vertex(vendor: FakeGemini, **config: Any) -> Config:
    return Config(**{"base_url": vendor.origin, "project": "my-project", **config})


def gemini_order(**changes: Any) -> Order:
    """An order for 3:2 at 1K."""
    usual = {"size": WIDE, "size_name": "3:2/1K", "upstream": MODEL, "per_call": 1}
    return order(**{**usual, **changes})
