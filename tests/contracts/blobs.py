"""What every implementation of `ports.blobs.Blobs` keeps: subclass, and give it `blobs`."""

import asyncio
import hashlib
from typing import ClassVar

import pytest

from imagewright.core.errors import Fault, InvalidRequest, NotFound, StorageFull
from imagewright.core.picture import Format
from imagewright.ports.blobs import BlobName, Blobs, Stored

OWNER = "user:owner@example.com"
STRANGER = "user:stranger@example.com"
SIDECAR = b'{"id": "img_a1b2", "prompt": "a cat"}'
NO_PATHS = [
    "",
    ".",
    "..",
    "/",
    "images",
    "images/",
    "images//cat.png",
    "/images/cat.png",
    "images/cat",
    "images/cat.json",
    "images/.png",
    "images/.cat.png",
    "images/../images/cat.png",
    "images/./cat.png",
    "../../../etc/passwd",
    "/etc/passwd",
    "previews/img_a1b2.webp",
    "images/cat.png\0",
    "images/cat.png/",
    "images/cat.png/cat.png",
    "images/\ud800.png",
    "images/" + "c" * 300 + ".png",
    "images/" + "c/" * 40 + "cat.png",
    "images\\cat.png",
    "Images/Cat.PNG/x",
]
NO_KEYS = [
    "",
    "img",
    "img_",
    "img_../x",
    "../img_a1",
    "img_A1",
    "img_a1\n",
    "im_a1",
    "img_" + 200 * "a",
]


def name(stem: str = "cat", folder: str = "", form: Format = Format.PNG) -> BlobName:
    return BlobName(folder=folder, stem=stem, format=form)


async def listed(blobs: Blobs, subject: str) -> list[str]:
    return [path async for path in blobs.paths(subject)]


class BlobsContract:
    """With a full disk there is no room and previews are lost; all else stays as it is."""

    full: ClassVar[bool] = False

    @pytest.fixture
    async def stored(self, blobs: Blobs) -> Stored:
        return await blobs.put(OWNER, name(), b"bytes of a cat", SIDECAR)

    async def test_stored_bytes_come_back_untouched(self, blobs: Blobs, stored: Stored) -> None:
        assert stored == Stored(
            path="images/cat.png", sha256=hashlib.sha256(b"bytes of a cat").hexdigest(), bytes=14
        )
        assert await blobs.get(OWNER, stored.path) == b"bytes of a cat"

    @pytest.mark.parametrize("form", list(Format))
    async def test_the_ending_follows_the_format(self, blobs: Blobs, form: Format) -> None:
        stored = await blobs.put(OWNER, name(form=form), b"x", SIDECAR)
        assert stored.path == f"images/cat.{form.suffix}"

    async def test_folders_are_kept(self, blobs: Blobs) -> None:
        stored = await blobs.put(OWNER, name(folder="pets/for the site"), b"x", SIDECAR)
        assert stored.path == "images/pets/for the site/cat.png"
        assert await blobs.get(OWNER, stored.path) == b"x"

    async def test_a_taken_name_is_numbered(self, blobs: Blobs) -> None:
        paths = [
            (await blobs.put(OWNER, name(), b"%d" % count, SIDECAR)).path for count in range(12)
        ]
        assert paths[:3] == ["images/cat.png", "images/cat-2.png", "images/cat-3.png"]
        assert [await blobs.get(OWNER, path) for path in paths] == [b"%d" % n for n in range(12)]

    async def test_one_stem_in_two_formats_is_two_pictures(self, blobs: Blobs) -> None:
        png = await blobs.put(OWNER, name(), b"png", SIDECAR)
        webp = await blobs.put(OWNER, name(form=Format.WEBP), b"webp", SIDECAR)
        await blobs.delete(OWNER, png.path)
        assert await blobs.get(OWNER, webp.path) == b"webp"

    async def test_a_folder_never_takes_a_files_name(self, blobs: Blobs) -> None:
        inner = await blobs.put(OWNER, name("dog", folder="cat.png"), b"dog", SIDECAR)
        outer = await blobs.put(OWNER, name(), b"cat", SIDECAR)
        beside = await blobs.put(OWNER, name("dog", folder="cat.JSON"), b"dog 2", SIDECAR)
        assert await blobs.get(OWNER, inner.path) == b"dog"
        assert await blobs.get(OWNER, outer.path) == b"cat"
        assert await blobs.get(OWNER, beside.path) == b"dog 2"

    async def test_many_at_once_under_one_name_are_all_kept(self, blobs: Blobs) -> None:
        stored = await asyncio.gather(
            *(blobs.put(OWNER, name(), b"%d" % count, SIDECAR) for count in range(32))
        )
        assert len({one.path for one in stored}) == 32
        for count, one in enumerate(stored):
            assert await blobs.get(OWNER, one.path) == b"%d" % count

    async def test_a_stranger_meets_the_words_of_a_missing_picture(
        self, blobs: Blobs, stored: Stored
    ) -> None:
        with pytest.raises(NotFound) as strange:
            await blobs.get(STRANGER, stored.path)
        with pytest.raises(NotFound) as missing:
            await blobs.get(OWNER, "images/never.png")
        assert strange.value.public() == missing.value.public()
        await blobs.delete(STRANGER, stored.path)
        assert await blobs.get(OWNER, stored.path) == b"bytes of a cat"
        assert await listed(blobs, STRANGER) == []

    @pytest.mark.parametrize("path", NO_PATHS, ids=ascii)
    async def test_a_path_that_is_none_is_not_found(
        self, blobs: Blobs, stored: Stored, path: str
    ) -> None:
        with pytest.raises(NotFound):
            await blobs.get(OWNER, path)
        await blobs.delete(OWNER, path)
        assert await blobs.get(OWNER, stored.path) == b"bytes of a cat"
        assert blobs.local_path(OWNER, path) is None

    @pytest.mark.parametrize(
        "bad",
        [
            name(".."),
            name(".hidden"),
            name("a/b"),
            name("c" * 300),
            name("\ud800"),
            name(folder=".."),
            name(folder="/etc"),
            name(folder="a//b"),
            name(folder="/".join("abcdefghijklmnopqrstuvwxyz")),
        ],
        ids=lambda bad: f"{bad.folder} {bad.stem}".encode("ascii", "replace")[:40].decode(),
    )
    async def test_a_name_that_was_never_checked_is_refused(
        self, blobs: Blobs, bad: BlobName
    ) -> None:
        with pytest.raises(InvalidRequest):
            await blobs.put(OWNER, bad, b"x", SIDECAR)

    async def test_delete_forgets_picture_sidecar_and_preview(
        self, blobs: Blobs, stored: Stored
    ) -> None:
        await blobs.put_preview(OWNER, "img_a1b2", b"small cat")
        await blobs.delete(OWNER, stored.path)
        await blobs.delete(OWNER, stored.path)
        with pytest.raises(NotFound):
            await blobs.get(OWNER, stored.path)
        assert await blobs.get_preview(OWNER, "img_a1b2") is None
        assert await listed(blobs, OWNER) == []
        assert (await blobs.put(OWNER, name(), b"new", SIDECAR)).path == stored.path

    async def test_delete_of_a_gone_picture_spares_its_namesake(self, blobs: Blobs) -> None:
        await blobs.put(OWNER, name(form=Format.WEBP), b"webp", SIDECAR)
        await blobs.put_preview(OWNER, "img_a1b2", b"small cat")
        await blobs.delete(OWNER, "images/cat.png")
        assert await blobs.get(OWNER, "images/cat.webp") == b"webp"
        assert self.full or await blobs.get_preview(OWNER, "img_a1b2") == b"small cat"

    @pytest.mark.parametrize(
        "sidecar", [b"", b"{", b"[]", b'{"id": 4}', b'{"id": "../x"}', b"\xff"]
    )
    async def test_delete_bears_any_sidecar(self, blobs: Blobs, sidecar: bytes) -> None:
        stored = await blobs.put(OWNER, name(), b"x", sidecar)
        await blobs.delete(OWNER, stored.path)
        assert await listed(blobs, OWNER) == []

    async def test_previews_are_replaced_dropped_and_private(self, blobs: Blobs) -> None:
        assert await blobs.get_preview(OWNER, "job_1") is None
        await blobs.put_preview(OWNER, "job_1", b"first")
        await blobs.put_preview(OWNER, "job_1", b"second")
        assert self.full or await blobs.get_preview(OWNER, "job_1") == b"second"
        await blobs.drop_preview(STRANGER, "job_1")
        assert await blobs.get_preview(STRANGER, "job_1") is None
        assert self.full or await blobs.get_preview(OWNER, "job_1") == b"second"
        assert await listed(blobs, OWNER) == []
        await blobs.drop_preview(OWNER, "job_1")
        await blobs.drop_preview(OWNER, "job_1")
        assert await blobs.get_preview(OWNER, "job_1") is None

    @pytest.mark.parametrize("key", NO_KEYS, ids=ascii)
    async def test_a_preview_needs_an_id(self, blobs: Blobs, key: str) -> None:
        with pytest.raises(InvalidRequest):
            await blobs.put_preview(OWNER, key, b"x")
        assert await blobs.get_preview(OWNER, key) is None
        await blobs.drop_preview(OWNER, key)

    async def test_paths_are_a_subjects_originals(self, blobs: Blobs, stored: Stored) -> None:
        other = await blobs.put(OWNER, name(folder="a/b"), b"x", SIDECAR)
        await blobs.put(STRANGER, name("theirs"), b"x", SIDECAR)
        assert sorted(await listed(blobs, OWNER)) == sorted([other.path, stored.path])

    async def test_an_idle_store_answers_and_knows_its_room(self, blobs: Blobs) -> None:
        if self.full:
            with pytest.raises(StorageFull):
                await blobs.room()
        else:
            await blobs.room()
        await blobs.ping()
        assert await blobs.settle() == 0

    async def test_a_cancelled_put_is_whole_or_nothing(self, blobs: Blobs) -> None:
        data = bytes(range(256)) * 4096
        for pause in range(8):
            put = asyncio.ensure_future(blobs.put(OWNER, name(), data, SIDECAR))
            await asyncio.sleep(pause / 1000)
            put.cancel()
            await asyncio.gather(put, return_exceptions=True)
        for path in await listed(blobs, OWNER):
            assert await blobs.get(OWNER, path) == data

    async def test_every_fault_has_a_sentence(self, blobs: Blobs) -> None:
        with pytest.raises(Fault) as caught:
            await blobs.get(OWNER, "images/never.png")
        assert str(caught.value).endswith(".")
