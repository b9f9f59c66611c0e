"""The disk fills up while the vendor works: what is paid for is kept and settled."""

import asyncio
from typing import Any

from tests.adapters.blobs import conftest as small_disks
from tests.adapters.blobs.conftest import MIB, Disk
from tests.end_to_end.books import disagreements, jobs
from tests.end_to_end.money import EXACT, ROBOT, ask, call, code, day, generate, paid
from tests.fakes.openai_images import FakeOpenAI
from tests.fakes.vendor import Reply, Way

disk = small_disks.disk
SMALL: dict[str, Any] = {
    "storage__spool_bytes": 4 * MIB,
    "storage__ballast_bytes": 2 * MIB,
    "limits__output_bytes": MIB,
}


async def test_a_picture_that_arrives_on_a_full_disk_is_kept_and_settled(disk: Disk) -> None:
    with FakeOpenAI() as vendor:
        vendor.slow_seconds = 1.0
        vendor.replies.append(Reply(usage=EXACT, way=Way.SLOW))
        async with paid(disk.state, vendor, **SMALL) as road, road.client(ROBOT) as client:
            asked = await generate(client, ask(wait=0))
            while vendor.calls() == 0:  # noqa: ASYNC110 - it serves from a thread of its own
                await asyncio.sleep(0.02)
            disk.fill()
            assert disk.free() == 0
            made = await call(client, "get_job", {"job": asked["job"], "wait": 20})
            assert (made["state"], made["cost_usd"]) == ("succeeded", "0.00305")
            (image,) = made["images"]
            shown = await client.read_resource(image["uri"])
            assert shown
            seen = await call(client, "get_image", {"image": image["id"]})
            assert not seen["is_error"]
            before = await day(client)
            refused = await generate(client, ask())
            assert code(refused) == "storage_full"
            assert await day(client) == before
            assert vendor.calls() == 1

            disk.clear()
            await _until_in_place(disk)
            assert disagreements(disk.state) == []
            assert await client.read_resource(image["uri"]) == shown
            vendor.replies.append(Reply(usage=EXACT))
            assert (await generate(client, ask()))["state"] == "succeeded"
        assert len(jobs(disk.state)) == 2


async def _until_in_place(disk: Disk) -> None:
    async with asyncio.timeout(20):
        while disagreements(disk.state):  # noqa: ASYNC110 - files do not tell
            await asyncio.sleep(0.2)
