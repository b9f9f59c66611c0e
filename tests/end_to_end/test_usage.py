"""What was spent, told by a command beside the service."""

import csv
import io
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from imagewright.core.focus import COLUMNS
from tests.end_to_end.money import EXACT_NANO, MODEL, RELAY, ROBOT, Paid, ask, exact, generate, paid
from tests.end_to_end.program import beside
from tests.fakes.openai_images import FakeOpenAI

EXACT = str(Decimal(EXACT_NANO).scaleb(-9).normalize())


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Paid]:
    with FakeOpenAI() as vendor:
        async with paid(tmp_path / "state", vendor) as found:
            yield found


async def usage(shop: Paid, *words: str) -> str:
    code, said = await beside(shop.state, "usage", *words)
    assert code == 0, said
    return said


async def rows(shop: Paid, *words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(await usage(shop, *words, "--json"))["usage"]
    return found


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


async def bought(shop: Paid, count: int = 1) -> None:
    shop.vendor.replies.extend(exact(count))
    async with shop.client(ROBOT) as robot:
        for _ in range(count):
            assert (await generate(robot, ask()))["state"] == "succeeded"
        await generate(robot, {"prompt": "free", "size": "64x64"})


async def test_every_form_tells_the_same_beside_the_service(shop: Paid) -> None:
    await bought(shop, 2)
    table = await usage(shop, "--by", "provider,model")
    assert table.splitlines()[0].split() == [
        "PROVIDER", "MODEL", "JOBS", "IMAGES", "HELD", "USD", "SETTLED", "USD",
        "ADJUSTED", "USD", "DISPUTED", "USD",
    ]  # fmt: skip
    assert table.splitlines()[-1].split()[:3] == ["total", "-", "3"]
    found = await rows(shop, "--by", "provider", "--by", "model")
    spent = Decimal(EXACT) * 2
    assert [(each["provider"], Decimal(each["settled_usd"])) for each in found] == [
        ("paint", spent),
        ("placeholder", 0),
    ]
    assert [(each["jobs"], each["images"]) for each in found] == [(2, 2), (1, 1)]
    listed = read_csv(await usage(shop, "--by", "provider,model", "--csv"))
    assert listed == [{name: str(value) for name, value in each.items()} for each in found]


async def test_filters_and_days_narrow_what_counts(shop: Paid) -> None:
    await bought(shop)
    assert [each["jobs"] for each in await rows(shop, "--subject", ROBOT)] == [2]
    assert await rows(shop, "--subject", RELAY) == []
    assert [each["jobs"] for each in await rows(shop, "--provider", "paint")] == [1]
    assert [each["jobs"] for each in await rows(shop, "--model", MODEL)] == [1]
    assert await rows(shop, "--until", "2001-01-01") == []
    (each,) = await rows(shop, "--since", "2001-01-01", "--by", "day,subject,token")
    assert (each["subject"], each["token"][:4]) == (ROBOT, "tok_")
    said = await usage(shop, "--since", "9998-01-01")
    assert said == "Nothing was asked for in that time.\n"


async def test_focus_has_its_columns_and_what_was_charged(shop: Paid) -> None:
    await bought(shop)
    found = read_csv(await usage(shop, "--focus"))
    assert list(found[0]) == list(COLUMNS)
    by = {each["ProviderName"]: each for each in found}
    assert Decimal(by["paint"]["BilledCost"]) == Decimal(EXACT)
    assert by["placeholder"]["BilledCost"] == "0.00"
    assert {each["SubAccountId"] for each in found} == {ROBOT}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--by", "colour"], "There are no sums by colour. Sums are by subject, group,"),
        (["--by", ""], "There are no sums by nothing."),
        (["--csv", "--json"], "The sums are printed in one form. Name one of them."),
        (["--focus", "--by", "day"], "FOCUS says itself what its rows are of."),
        (["--since", "2026-11-22", "--until", "2026-11-21"], "The last day, 2026-11-21, comes"),
    ],
)
async def test_what_cannot_be_meant_is_said_in_one_line(
    tmp_path: Path, words: list[str], said: str
) -> None:
    code, told = await beside(tmp_path, "usage", *words)
    assert (code, told.count("\n"), told.startswith(said)) == (2, 1, True), told


async def test_without_a_database_nothing_is_made(tmp_path: Path) -> None:
    code, told = await beside(tmp_path, "usage")
    assert (code, "no database" in told) == (1, True)
    assert not list(tmp_path.iterdir())
