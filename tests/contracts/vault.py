"""What every vault promises. A suite gives the fixtures `vault` and `clock`."""

import asyncio

from imagewright.adapters.vault.sealed import SealedVault
from tests.fakes.clock import HandClock

VALUE = {"text": "größer\x00", "list": [1, None, {"deep": True}], "none": None}


class VaultContract:
    async def test_a_value_comes_back_as_it_was_put(self, vault: SealedVault) -> None:
        await vault.put("key", VALUE, collection="one")
        assert await vault.get("key", collection="one") == VALUE
        assert await vault.ttl("key", collection="one") == (VALUE, None)

    async def test_a_name_is_collection_and_key(self, vault: SealedVault) -> None:
        await vault.put("key", {"n": 1}, collection="one")
        await vault.put("key", {"n": 2}, collection="two")
        await vault.put("key", {"n": 3})
        assert await vault.get("key", collection="one") == {"n": 1}
        assert await vault.get("key", collection="two") == {"n": 2}
        assert await vault.get("key") == {"n": 3}
        assert await vault.get("other", collection="one") is None

    async def test_what_is_put_again_stands_in_the_place_of_the_first(
        self, vault: SealedVault
    ) -> None:
        await vault.put("key", {"n": 1}, ttl=1)
        await vault.put("key", {"n": 2})
        assert await vault.ttl("key") == ({"n": 2}, None)

    async def test_a_value_ends_with_its_time(self, vault: SealedVault, clock: HandClock) -> None:
        await vault.put("key", VALUE, collection="one", ttl=10)
        clock.advance(9)
        assert await vault.ttl("key", collection="one") == (VALUE, 1.0)
        assert await vault.count("one") == 1
        clock.advance(1)
        assert await vault.get("key", collection="one") is None
        assert await vault.count("one") == 0
        assert not await vault.delete("key", collection="one")
        assert not await vault.replace("key", VALUE, collection="one")
        assert await vault.get("key", collection="one") is None

    async def test_only_what_stands_is_replaced(self, vault: SealedVault, clock: HandClock) -> None:
        assert not await vault.replace("key", {"n": 1}, ttl=5)
        await vault.put("key", {"n": 2}, ttl=5)
        assert await vault.replace("key", {"n": 3}, ttl=50)
        clock.advance(10)
        assert await vault.get("key") == {"n": 3}
        await vault.delete("key")
        assert not await vault.replace("key", {"n": 4})
        assert await vault.get("key") is None

    async def test_of_several_who_delete_one_is_told(self, vault: SealedVault) -> None:
        for number in range(20):
            await vault.put(f"key-{number}", VALUE)
            told = await asyncio.gather(*(vault.delete(f"key-{number}") for _ in range(8)))
            assert sorted(told) == [False] * 7 + [True]

    async def test_a_deletion_is_not_undone_by_a_replacement(self, vault: SealedVault) -> None:
        for number in range(20):
            key = f"key-{number}"
            await vault.put(key, VALUE)
            await asyncio.gather(
                vault.delete(key), *(vault.replace(key, {"n": 1}) for _ in range(4))
            )
            assert await vault.get(key) is None

    async def test_several_at_once(self, vault: SealedVault) -> None:
        await vault.put_many(["a", "b"], [{"n": 1}, {"n": 2}], collection="many", ttl=9)
        assert await vault.get_many(["b", "c", "a"], collection="many") == [
            {"n": 2},
            None,
            {"n": 1},
        ]
        assert await vault.ttl_many(["a", "c"], collection="many") == [
            ({"n": 1}, 9.0),
            (None, None),
        ]
        assert await vault.count("many") == 2
        assert await vault.delete_many(["a", "b", "c"], collection="many") == 2
        assert await vault.count("many") == 0

    async def test_all_of_a_collection_are_told_with_their_keys(
        self, vault: SealedVault, clock: HandClock
    ) -> None:
        await vault.put_many(["a", "b:*", "ü"], [{"n": 1}, {"n": 2}, {"n": 3}], collection="all")
        await vault.put("soon", {"n": 4}, collection="all", ttl=5)
        await vault.put("a", {"n": 5}, collection="others")
        assert len(await vault.items("all")) == 4
        clock.advance(5)
        assert dict(await vault.items("all")) == {"a": {"n": 1}, "b:*": {"n": 2}, "ü": {"n": 3}}
        assert await vault.items("none") == ()

    async def test_odd_names_are_names(self, vault: SealedVault) -> None:
        for key in ("", "'; DROP TABLE sealed; --", "ü" * 500, "a:b", "a b\n*?[x]"):
            await vault.put(key, {"key": key}, collection="odd:*")
            assert await vault.get(key, collection="odd:*") == {"key": key}
        assert await vault.count("odd:*") == 5
        assert await vault.count("odd") == 0
