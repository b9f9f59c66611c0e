"""What the tests of the OpenAI provider do again and again."""

import json
import traceback
from typing import Any

import pytest

from imagewright.adapters.providers.openai import Config
from imagewright.core.errors import Fault
from imagewright.core.secret import Secret
from imagewright.ports.provider import Delivery, Provider
from tests.fakes.openai_images import KEY, FakeOpenAI
from tests.fakes.orders import PROMPT, Watched, order
from tests.fakes.vendor import VENDOR_WORDS


def configured(vendor: FakeOpenAI, **config: Any) -> Config:
    return Config(**{"base_url": vendor.base_url, "api_key": Secret(KEY), **config})


async def ask_for(provider: Provider, **changes: Any) -> Delivery:
    return await provider.generate(order(**changes), Watched())


async def failure(provider: Provider) -> Fault:
    """The fault of an order, which holds no word of the vendor's, the key or the prompt."""
    with pytest.raises(Fault) as caught:
        await ask_for(provider)
    shown = "".join(traceback.format_exception(caught.value)) + json.dumps(caught.value.public())
    assert not [word for word in (VENDOR_WORDS, KEY, PROMPT) if word in shown]
    assert caught.value.__context__ is None
    return caught.value
