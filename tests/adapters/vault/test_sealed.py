"""Values under seal: the contract on a shelf in memory, and what a thief of the store can do."""

import secrets
from dataclasses import replace

import pytest
from cryptography.fernet import Fernet
from key_value.aio.adapters.pydantic import PydanticAdapter
from key_value.aio.protocols import AsyncKeyValue
from key_value.aio.stores.memory import MemoryStore
from key_value.aio.wrappers.encryption import FernetEncryptionWrapper
from pydantic import BaseModel

from imagewright.adapters.vault.sealed import SealedVault
from imagewright.adapters.vault.shelf import Place
from tests.contracts.vault import VaultContract
from tests.fakes.clock import HandClock
from tests.fakes.shelf import MemoryShelf

KEY = bytes(range(32))


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def shelf(clock: HandClock) -> MemoryShelf:
    return MemoryShelf(clock)


@pytest.fixture
def vault(shelf: MemoryShelf, clock: HandClock) -> SealedVault:
    return SealedVault(shelf, KEY, clock, secrets.token_bytes)


class TestVault(VaultContract):
    pass


@pytest.mark.parametrize("to", [Place("one", "mallory"), Place("two", "alice")])
async def test_a_value_that_was_moved_is_refused(
    vault: SealedVault, shelf: MemoryShelf, to: Place, caplog: pytest.LogCaptureFixture
) -> None:
    await vault.put("alice", {"rich": True}, collection="one", ttl=60)
    await vault.put("mallory", {"rich": False}, collection="one", ttl=60)
    shelf.rows[to] = shelf.rows[Place("one", "alice")]
    assert await vault.get(to.key, collection=to.collection) is None
    assert await vault.get("alice", collection="one") == {"rich": True}
    assert caplog.messages == ["sealed value refused"]
    assert "alice" not in caplog.text


async def test_the_frameworks_own_wrapper_takes_a_moved_value() -> None:
    """The reason for a wrapper of ours; once this fails, theirs may do."""
    store = MemoryStore()
    theirs = FernetEncryptionWrapper(key_value=store, fernet=Fernet(Fernet.generate_key()))
    await theirs.put("alice", {"rich": True})
    raw = await store.get("alice")
    assert raw is not None
    await store.put("mallory", raw)
    assert await theirs.get("mallory") == {"rich": True}


async def test_a_longer_life_is_refused(
    vault: SealedVault, shelf: MemoryShelf, clock: HandClock
) -> None:
    await vault.put("key", {"n": 1}, ttl=10)
    place = Place("default", "key")
    shelf.rows[place] = replace(shelf.rows[place], expires_at=clock.now() + 10**12)
    assert await vault.get("key") is None
    shelf.rows[place] = replace(shelf.rows[place], expires_at=None)
    assert await vault.get("key") is None


async def test_every_changed_bit_is_refused(vault: SealedVault, shelf: MemoryShelf) -> None:
    await vault.put("key", {"n": 1})
    place = Place("default", "key")
    whole = shelf.rows[place].data
    assert b"n" not in whole.replace(b"\x01", b"")[-5:] or b'{"n":1}' not in whole
    for at in range(len(whole)):
        changed = bytearray(whole)
        changed[at] ^= 1
        shelf.rows[place] = replace(shelf.rows[place], data=bytes(changed))
        assert await vault.get("key") is None, at
    for length in range(len(whole)):
        shelf.rows[place] = replace(shelf.rows[place], data=whole[:length])
        assert await vault.get("key") is None, length
    shelf.rows[place] = replace(shelf.rows[place], data=b'{"n":1}')
    assert await vault.get("key") is None


async def test_another_master_key_opens_nothing(
    vault: SealedVault, shelf: MemoryShelf, clock: HandClock
) -> None:
    await vault.put("key", {"n": 1})
    other = SealedVault(shelf, bytes(32), clock, secrets.token_bytes)
    assert await other.get("key") is None


async def test_no_value_is_stored_in_clear_and_no_two_alike(
    vault: SealedVault, shelf: MemoryShelf
) -> None:
    await vault.put("one", {"secret": "upstream-token"})
    await vault.put("two", {"secret": "upstream-token"})
    stored = [sealed.data for sealed in shelf.rows.values()]
    assert all(b"upstream" not in data for data in stored)
    assert stored[0][1:13] != stored[1][1:13]


class Note(BaseModel):
    text: str


async def test_it_serves_wherever_the_framework_takes_a_store(vault: SealedVault) -> None:
    store: AsyncKeyValue = vault
    notes = PydanticAdapter[Note](key_value=store, pydantic_model=Note, default_collection="notes")
    await notes.put("key", Note(text="kept"), ttl=60)
    assert await notes.get("key") == Note(text="kept")
    assert await vault.count("notes") == 1
