"""Jobs of unknown outcome: listed, alarmed and resolved beside the service that has them."""

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.books import disagreements, rows
from tests.end_to_end.money import OTHER, ROBOT, Paid, ask, call, code, day, exact, generate, paid
from tests.end_to_end.program import beside
from tests.fakes.openai_images import FakeOpenAI
from tests.fakes.vendor import Reply, Way

NOTE = ("--note", "their usage page says so")


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Paid]:
    with FakeOpenAI() as vendor:
        async with paid(tmp_path / "state", vendor) as found:
            yield found


async def jobs(shop: Paid, *words: str) -> tuple[int, str]:
    return await beside(shop.state, "jobs", *words)


async def listed(shop: Paid, *words: str) -> list[dict[str, Any]]:
    status, said = await jobs(shop, "list", "--json", *words)
    assert status == 0, said
    found: list[dict[str, Any]] = json.loads(said)["jobs"]
    return found


async def lost(shop: Paid, arguments: dict[str, Any]) -> str:
    """The id of a job whose answer never came."""
    shop.vendor.replies.append(Reply(way=Way.CLOSE_AFTER_HEADERS))
    async with shop.client(ROBOT) as robot:
        answer = await generate(robot, arguments)
    assert (code(answer), answer["state"]) == ("outcome_unknown", "outcome_unknown")
    return str(answer["job"])


@pytest.mark.parametrize("verdict", [["--charged"], ["--not-charged"], ["--amount", "0.011"]])
async def test_it_is_resolved_beside_the_service_and_its_ask_is_new(
    shop: Paid, verdict: list[str]
) -> None:
    arguments = ask("a fox that was lost")
    job = await lost(shop, arguments)
    (found,) = await listed(shop, "--state", "outcome_unknown")
    assert (found["id"], found["subject"], found["can_be_asked"]) == (job, ROBOT, False)
    assert "fox" not in json.dumps(found)
    ceiling = Decimal(found["ceiling_usd"])
    spent = {"--charged": ceiling, "--not-charged": Decimal(0)}.get(verdict[0], Decimal("0.011"))
    status, said = await jobs(shop, "resolve", job, *verdict, *NOTE, "--by", "Olga")
    assert (status, said.startswith(f"Resolved: {job}. Spent: $")) == (0, True), said
    assert await listed(shop, "--state", "outcome_unknown") == []
    assert disagreements(shop.state) == []
    async with shop.client(ROBOT) as robot:
        own = await day(robot)
        assert (Decimal(own["held_usd"]), Decimal(own["settled_usd"])) == (Decimal(0), spent)
        told = await call(robot, "get_job", {"job": job})
        assert (told["state"], code(told)) == ("failed", "resolved")
        shop.vendor.replies.extend(exact())
        again = await generate(robot, arguments)
        assert (again["state"], again["job"] == job) == ("succeeded", False)
    (line,) = rows(shop.state, "SELECT * FROM audit WHERE action = 'resolve'")
    assert (line["reason"], line["shape"]) == (NOTE[1], '{"by":"Olga"}')
    status, said = await jobs(shop, "resolve", job, "--charged", *NOTE)
    assert (status, said.startswith("The job is failed: only what became of an")) == (2, True)


async def test_the_service_counts_them(shop: Paid) -> None:
    job = await lost(shop, ask())
    figures, registry = shop.service.app.services.figures, shop.service.app.parts.metrics.registry

    def count() -> float | None:
        return registry.get_sample_value("imagewright_jobs_outcome_unknown", {"provider": "paint"})

    await figures.turn()
    assert count() == 1
    await jobs(shop, "resolve", job, "--not-charged", *NOTE)
    await figures.turn()
    assert count() == 0


async def test_everybodys_jobs_are_listed_for_people_too(shop: Paid) -> None:
    shop.vendor.replies.extend(exact())
    async with shop.client(ROBOT) as robot, shop.client(OTHER) as other:
        await generate(robot, ask())
        await generate(other, {"prompt": "free", "size": "64x64"})
    status, said = await jobs(shop, "list")
    heading, newest, oldest = said.splitlines()
    assert (status, heading.split()[:3]) == (0, ["ID", "STATE", "SUBJECT"])
    assert (OTHER in newest, ROBOT in oldest) == (True, True)
    assert [each["subject"] for each in await listed(shop, "--limit", "1")] == [OTHER]
    assert [each["subject"] for each in await listed(shop, "--subject", ROBOT)] == [ROBOT]
    assert (await jobs(shop, "list", "--state", "queued"))[1] == "There is no such job.\n"


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["list", "--state", "lost"], 2, "No job can be 'lost'. A job is one of: queued, "),
        (["resolve", "job_1", *NOTE], 2, "Say one thing that became of it. Give --charged,"),
        (["resolve", "job_1", "--ask", "--charged", *NOTE], 2, "Say one thing that became"),
        (["resolve", "job_1", "--amount", "-1", *NOTE], 2, "The amount is not a decimal number"),
        (["resolve", "job_1", "--charged", "--note", ""], 2, "The reason is not one line of 1"),
        (["resolve", "job_1", "--charged", *NOTE, "--by", "a\nb"], 2, "The name of who does it"),
        (["resolve", "job_1", "--charged", *NOTE], 1, "There is no such job. List them with: im"),
        (["resolve", "job_1", "--ask", *NOTE], 1, "There is no such job. List them with: imagew"),
    ],
)
async def test_what_cannot_be_done_is_said_in_one_line(
    shop: Paid, words: list[str], status: int, said: str
) -> None:
    found, told = await jobs(shop, *words)
    assert (found, told.count("\n"), told.startswith(said)) == (status, 1, True), told


async def test_without_a_database_nothing_is_made(tmp_path: Path) -> None:
    for words in (["list"], ["resolve", "job_1", "--charged", *NOTE]):
        status, told = await beside(tmp_path, "jobs", *words)
        assert (status, "no database" in told) == (1, True)
    assert not list(tmp_path.iterdir())
