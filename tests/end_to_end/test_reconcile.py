"""A vendor's bill held against the ledger by a command beside the service."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from tests.end_to_end.books import disagreements, rows
from tests.end_to_end.money import EXACT_NANO, MODEL, ROBOT, Paid, ask, day, exact, generate, paid
from tests.end_to_end.program import beside
from tests.fakes.openai_images import FakeOpenAI

EXACT = Decimal(EXACT_NANO).scaleb(-9)


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Paid]:
    with FakeOpenAI() as vendor:
        vendor.replies.extend(exact(2))
        async with paid(tmp_path / "state", vendor) as found:
            async with found.client(ROBOT) as robot:
                for _ in range(2):
                    assert (await generate(robot, ask()))["state"] == "succeeded"
            yield found


def billed(shop: Paid, amount: Decimal, model: str = MODEL) -> Path:
    file = shop.state.parent / "november.csv"
    today = datetime.now(UTC).date()
    file.write_text(f"day,model,amount_usd\n{today},{model},{amount}\n")
    return file


async def reconciled(shop: Paid, file: Path, *words: str) -> tuple[int, str]:
    return await beside(shop.state, "usage", "reconcile", str(file), "--provider", "paint", *words)


async def test_a_right_bill_exits_with_0_and_a_drift_with_3(shop: Paid) -> None:
    code, said = await reconciled(shop, billed(shop, 2 * EXACT), "--json")
    found = json.loads(said)
    assert (code, found["within"], found["drift_usd"]) == (0, True, "0.00")
    code, said = await reconciled(shop, billed(shop, 2 * EXACT + 1))
    assert code == 3
    assert said.splitlines()[0].split()[:3] == ["DAY", "MODEL", "BILLED"]
    assert said.splitlines()[1].split()[-1] == "1.00"
    assert (await reconciled(shop, billed(shop, 2 * EXACT + 1), "--tolerance", "1"))[0] == 0
    assert (await reconciled(shop, billed(shop, 2 * EXACT), "--model", MODEL))[0] == 0
    renamed = billed(shop, 2 * EXACT, "theirs")
    assert (await reconciled(shop, renamed, "--tolerance", "0"))[0] == 3
    assert (await reconciled(shop, renamed, "--tolerance", "0", "--rename", f"theirs={MODEL}"))[
        0
    ] == 0


async def test_a_higher_bill_is_entered_once_beside_the_service(shop: Paid) -> None:
    higher = 2 * EXACT + Decimal("0.5")
    for _ in range(2):
        code, said = await reconciled(shop, billed(shop, higher), "--adjust", "--json")
        assert (code, json.loads(said)["drift_usd"]) == (0, "0.00")
    assert disagreements(shop.state) == []
    async with shop.client(ROBOT) as robot:
        assert Decimal((await day(robot))["settled_usd"]) == higher
    found = rows(shop.state, "SELECT reason FROM audit WHERE action = 'adjust'")
    assert [each["reason"] for each in found] == ["bill november.csv"] * 2
    found = rows(shop.state, "SELECT thing, outcome FROM audit WHERE action = 'reconcile'")
    assert found == [{"thing": "paint", "outcome": "compared"}] * 2


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        ("day,model,cost\n2026-11-21,a,1\n", [], 'Line 2: the column "cost" is not known. Say'),
        ("day,model,amount_usd\n2026-11-21,a,-\n", [], 'Line 2: amount_usd is "-", which is no'),
        ("day,model,amount_usd\n2026-11-21,a,1\n", ["--tolerance", "some"], "The tolerance is"),
        ("day,model,amount_usd\n2026-11-21,a,1\n", ["--rename", "a"], "A name is not given as"),
        ("day,model,amount_usd\n2026-11-21,a,1\n", ["--columns", "a=b"], "The columns are not"),
        ("day,model,amount_usd\n2026-11-21,a,1\n", ["--adjust", "--note", "a\nb"], "The reason is"),
        ("day,model,amount_usd\n2026-11-21,a,1\n", ["--model", "b"], "No line of the bill counts"),
        ("day,model,amount_usd\n\xff", [], "Line 2 is not UTF-8. Export the file anew."),
    ],
)
async def test_what_is_not_understood_is_said_in_one_line(
    shop: Paid, text: str, words: list[str], said: str
) -> None:
    file = shop.state.parent / "bill.csv"
    file.write_bytes(text.encode("latin-1"))
    code, told = await reconciled(shop, file, *words)
    assert (code, told.count("\n"), told.startswith(said)) == (2, 1, True), told
    assert rows(shop.state, "SELECT * FROM audit WHERE action IN ('reconcile', 'adjust')") == []


async def test_what_is_not_there_is_said(tmp_path: Path, shop: Paid) -> None:
    code, told = await reconciled(shop, tmp_path / "none.csv")
    assert (code, told) == (1, f"{tmp_path}/none.csv: No such file or directory\n")
    file = billed(shop, EXACT)
    code, told = await beside(shop.state, "usage", "reconcile", str(file), "--provider", "nobody")
    assert (code, 'No provider is called "nobody"' in told) == (2, True)
    code, told = await beside(
        tmp_path / "other", "usage", "reconcile", str(file), "--provider", "a"
    )
    assert (code, "no database" in told) == (1, True)
