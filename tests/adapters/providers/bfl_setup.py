"""What the tests of Black Forest Labs' provider do again and again."""

from typing import Any

import pytest

from imagewright.adapters.providers.bfl import Config
from imagewright.core.errors import Fault
from imagewright.core.secret import Secret
from imagewright.ports.provider import Delivery, Provider
from tests.contracts.http_provider import shown
from tests.fakes.bfl import KEY, FakeBFL
from tests.fakes.orders import PROMPT, Watched, order
from tests.fakes.vendor import VENDOR_WORDS


def configured(vendor: FakeBFL, **config: Any) -> Config:
    return Config(**{"base_url": vendor.base_url, "api_key": Secret(KEY), **config})


async def ask_for(provider: Provider, **changes: Any) -> Delivery:
    return await provider.generate(order(**changes), Watched())


async def failure(provider: Provider, **changes: Any) -> Fault:
    with pytest.raises(Fault) as caught:
        await ask_for(provider, **changes)
    fault = caught.value
    assert not [word for word in (VENDOR_WORDS, KEY, PROMPT) if word in shown(fault)]
    assert fault.__context__ is None
    return fault
