"""What other gateways are known to get wrong with the money of images, each by its name.

Tiers priced flat, n images billed once, sizes in the wrong bucket, endpoints that do not count,
first requests that pass together, doors that open when the price or the store is away, a price
made up for a model that has none, relays believed whatever they report, keys far over their
budgets, image tools inside of other APIs unbilled, and lost calls billed twice.
"""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.end_to_end.books import disagreements, rows
from tests.end_to_end.money import Answer, call, code
from tests.end_to_end.service import Service, configured, running
from tests.fakes.openai_images import KEY, FakeOpenAI
from tests.fakes.openai_responses import FakeResponses
from tests.fakes.vendor import Reply, Way

pytestmark = pytest.mark.asyncio(loop_scope="module")

RICH, LEAN, FIRST, EVERY, LIAR = (
    f"service:{name}" for name in ("rich", "lean", "first", "every", "liar")
)
CAST = (RICH, LEAN, FIRST, EVERY, LIAR)
LIMITS = {RICH: "1000", LEAN: "0.12", FIRST: "0.04", EVERY: "0.16", LIAR: "0.30"}
ACL = "\n".join(
    f'[subjects."{who}"]\nscopes = ["images:read", "images:write", "spend:unattended"]\n'
    f'budget = {{ per_call = "5", day = "{most}" }}'
    for who, most in LIMITS.items()
)
TIERS = {"low/64x64": "0.01", "high/64x64": "0.04", "low/128x128": "0.02", "high/128x128": "0.10"}
SIZES = {"listed": ["64x64", "128x128"]}
TIERED = {
    "id": "tiered",
    "sizes": SIZES,
    "qualities": ["low", "medium", "high"],
    "references": 2,
    "count": 4,
    "price": {"per": "image", "prices": TIERS},
}
FLAT = {**TIERED, "id": "flat", "qualities": [], "price": {"per": "image", "prices": {"*": "0.04"}}}
OPEN = {**TIERED, "id": "open", "qualities": ["low", "high"], "sizes": {**SIZES, "auto": True}}
RIDDLE = {key: each for key, each in FLAT.items() if key != "price"} | {"id": "riddle"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    service: Service
    vendor: FakeOpenAI
    responses: FakeResponses
    state: Path

    async def ask(self, who: str, prompt: str, **more: Any) -> Answer:
        """One ask of the flat model, or of what is said."""
        usual = {"prompt": prompt, "provider": "paint", "model": "flat", "size": "64x64"}
        async with self.service.client(who) as client:
            return await call(client, "generate_image", {**usual, "wait": 30, **more})

    async def quoted(self, **more: Any) -> Answer:
        async with self.service.client(RICH) as client:
            ask = {"prompt": "a fox", "provider": "paint", "model": "tiered", **more}
            return await call(client, "estimate_cost", ask)

    def ledger(self, job: str) -> dict[str, int]:
        return {
            row["kind"]: row["amount"]
            for row in rows(self.state, "SELECT job, kind, amount FROM ledger")
            if row["job"] == job
        }

    def used(self, level: str, key: str) -> Decimal:
        """What is held and settled on a level this day, in dollars."""
        query = (
            "SELECT b.level, b.held + b.settled AS used, coalesce(s.name, b.key) AS key"
            " FROM budgets b LEFT JOIN subjects s"
            " ON b.level = 'subject' AND cast(s.number AS text) = b.key"
            " WHERE length(b.period) = 10"
        )
        whose = (level, key)
        found = [r["used"] for r in rows(self.state, query) if (r["level"], r["key"]) == whose]
        return Decimal(sum(found)) / 10**9


@pytest.fixture(scope="module")
def vendors() -> Iterator[tuple[FakeOpenAI, FakeResponses]]:
    with FakeOpenAI() as vendor, FakeResponses() as responses:
        yield vendor, responses


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(
    tmp_path_factory: pytest.TempPathFactory, vendors: tuple[FakeOpenAI, FakeResponses]
) -> AsyncIterator[Gateway]:
    vendor, responses = vendors
    state = tmp_path_factory.mktemp("gateway") / "state"
    common = {"discover": False, "api_key": KEY, "retries": 0, "read_timeout": 1.0}
    settings, tokens = configured(
        state,
        ACL,
        CAST,
        providers__paint={
            **common,
            "kind": "openai",
            "base_url": vendor.base_url,
            "models": [TIERED, FLAT, OPEN, RIDDLE],
        },
        providers__thinker={
            **common,
            "kind": "openai_responses",
            "base_url": responses.base_url,
            "text_model": "gpt-5.6-luna",
            "text_in": "1.25",
            "text_out": "10",
            "models": [{"id": "gpt-image-2"}],
        },
        limits__waiting=100,
        limits__running=8,
        **{"routing.failures": 10_000},
    )
    async with running(settings, tokens) as service:
        yield Gateway(service=service, vendor=vendor, responses=responses, state=state)


@pytest_asyncio.fixture(loop_scope="module")
async def gateway(shared: Gateway) -> AsyncIterator[Gateway]:
    shared.vendor.forget()
    shared.responses.forget()
    yield shared
    assert disagreements(shared.state) == []


@pytest.mark.parametrize(("tier", "price"), TIERS.items())
async def test_each_tier_has_its_own_price(gateway: Gateway, tier: str, price: str) -> None:
    quality, size = tier.split("/")
    assert (await gateway.quoted(quality=quality, size=size))["ceiling_usd"] == price
    made = await gateway.ask(RICH, tier, model="tiered", quality=quality, size=size)
    assert (made["state"], made["ceiling_usd"], made["cost_usd"]) == ("succeeded", price, price)


async def test_a_tier_without_a_price_is_refused_and_not_passed_unreserved(
    gateway: Gateway,
) -> None:
    refused = await gateway.ask(RICH, "none", model="tiered", quality="medium", size="64x64")
    assert code(refused) == "unpriced_model"
    assert gateway.vendor.calls() == 0


async def test_a_size_left_to_the_model_is_in_the_dearest_bucket(gateway: Gateway) -> None:
    """Nobody knows yet which it will be, so none cheaper is taken for granted."""
    assert (await gateway.quoted(model="open"))["ceiling_usd"] == "0.10"
    assert (await gateway.quoted(model="open", quality="low"))["ceiling_usd"] == "0.02"
    assert (await gateway.quoted(model="open", size="64x64"))["ceiling_usd"] == "0.04"


@pytest.mark.parametrize("n", [1, 3, 4])
async def test_n_images_are_billed_n_times(gateway: Gateway, n: int) -> None:
    made = await gateway.ask(RICH, f"{n} foxes", n=n)
    assert (len(made["images"]), gateway.vendor.calls()) == (n, 1)
    assert Decimal(made["cost_usd"]) == n * Decimal("0.04")
    assert gateway.ledger(made["job"])["settle"] == n * 40_000_000


async def test_every_way_of_making_counts_on_the_same_budget(gateway: Gateway) -> None:
    """Making, editing, refining and a batch share 0.16, and none of them finds a fifth place."""
    flat = {"provider": "paint", "model": "flat", "size": "64x64"}
    async with gateway.service.client(EVERY) as client:
        made = await gateway.ask(EVERY, "a fox")
        image = made["images"][0]["id"]
        asks = {
            "edit_image": {"prompt": "in snow", "images": [image], **flat},
            "refine_image": {"prompt": "at night", "image": image, "provider": "paint"},
            "batch": {"items": [{"prompt": "an owl", **flat}]},
        }
        for place, (tool, arguments) in enumerate(asks.items(), start=2):
            answer = await call(client, tool, {**arguments, "wait": 30})
            assert answer["state"] == "succeeded", answer
            assert gateway.used("subject", EVERY) == place * Decimal("0.04"), tool
            assert answer["left"]["left_usd"] == f"{Decimal('0.16') - place * Decimal('0.04')}"
        calls = gateway.vendor.calls()
        await client.read_resource(f"image://{image}/metadata")
        asks["generate_image"] = {"prompt": "another fox", **flat}
        for tool, arguments in asks.items():
            fresh = {**arguments, **({} if tool == "batch" else {"prompt": f"{tool} again"})}
            if tool == "batch":
                fresh = {"items": [{"prompt": "another owl", **flat}]}
            assert code(await call(client, tool, fresh)) == "budget_exceeded", tool
    assert (calls, gateway.vendor.calls()) == (4, 4)


async def test_first_requests_at_once_do_not_pass_together(gateway: Gateway) -> None:
    """No account of the subject's is there yet, and there is room for one ask."""
    answers = await asyncio.gather(*(gateway.ask(FIRST, f"fox {n}") for n in range(20)))
    states = [each.get("state") or code(each) for each in answers]
    assert sorted(map(str, states)) == ["budget_exceeded"] * 19 + ["succeeded"]
    assert (gateway.vendor.calls(), gateway.used("subject", FIRST)) == (1, Decimal("0.04"))


async def test_a_model_without_a_price_is_refused_and_no_price_is_made_up(
    gateway: Gateway,
) -> None:
    refused = await gateway.ask(RICH, "a riddle", model="riddle")
    assert (code(refused), gateway.vendor.calls()) == ("unpriced_model", 0)
    assert code(await gateway.quoted(model="riddle")) == "unpriced_model"


async def test_while_the_store_is_away_nothing_is_bought(gateway: Gateway) -> None:
    with closing(sqlite3.connect(gateway.state / "imagewright.db", isolation_level=None)) as held:
        held.execute("BEGIN IMMEDIATE")
        refused = await gateway.ask(RICH, "a fox behind a lock")
        held.execute("ROLLBACK")
    assert (code(refused), gateway.vendor.calls()) == ("unavailable", 0)
    made = await gateway.ask(RICH, "a fox behind a lock")
    assert (made["state"], gateway.vendor.calls()) == ("succeeded", 1)


LIES: dict[str, object] = {
    "negative": {"input_tokens": 1, "output_tokens": -(10**9), "total_tokens": 1},
    "absent": None,
    "absurd": {"input_tokens": 10**12, "output_tokens": 10**18, "total_tokens": 10**18},
    "of no tokens": {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0},
}


@pytest.mark.parametrize("usage", LIES.values(), ids=LIES)
async def test_tokens_that_a_relay_reports_do_not_move_a_price_per_image(
    gateway: Gateway, usage: object
) -> None:
    gateway.vendor.replies.append(Reply(usage=usage))
    made = await gateway.ask(RICH, f"a lie: {usage}")
    assert (made["state"], made["cost_usd"]) == ("succeeded", "0.04")


IMAGE_GEN = {
    "input_tokens": 50,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
    "output_tokens": 1756,
    "total_tokens": 1806,
}


@pytest.mark.parametrize("output", [-(10**9), 10**18])
async def test_a_lie_about_tokens_settles_the_ceiling_and_is_kept(
    gateway: Gateway, output: int
) -> None:
    told = {"image_gen": {**IMAGE_GEN, "output_tokens": output}}
    gateway.responses.replies.append(Reply(usage=told))
    made = await gateway.ask(
        RICH, f"a lie of {output}", provider="thinker", model="gpt-image-2", size="1024x1024"
    )
    assert (made["state"], made["cost_usd"]) == ("succeeded", made["ceiling_usd"])
    (kept,) = [
        row["disputed"]
        for row in rows(gateway.state, "SELECT job, disputed FROM ledger WHERE kind = 'settle'")
        if row["job"] == made["job"]
    ]
    assert kept is None or kept < 0 or kept > Decimal(made["ceiling_usd"]) * 10**9


async def test_an_image_tool_inside_of_another_api_is_billed(gateway: Gateway) -> None:
    """The picture's tokens, and what the text model read and wrote to order it."""
    made = await gateway.ask(
        RICH, "a fox by words", provider="thinker", model="gpt-image-2", size="1024x1024"
    )
    pictures = 10 * 5_000 + 40 * 8_000 + 1756 * 30_000
    words = 900 * 1_250 + 60 * 10_000
    assert gateway.ledger(made["job"])["settle"] == pictures + words


async def test_no_key_comes_far_over_its_budget_however_it_is_billed(gateway: Gateway) -> None:
    """Twenty asks of a relay that reports a thousand times what it may cost."""
    lie = {**IMAGE_GEN, "output_tokens": 10**9}
    gateway.responses.replies.extend([Reply(usage={"image_gen": lie})] * 20)
    thinker = {"provider": "thinker", "model": "gpt-image-2", "quality": "low", "size": "1024x1024"}
    answers = [await gateway.ask(LIAR, f"fox {n}", **thinker) for n in range(20)]
    made = [each for each in answers if each.get("state") == "succeeded"]
    assert 0 < len(made) == gateway.responses.calls() < 20
    ceiling = Decimal(made[0]["ceiling_usd"])
    used = gateway.used("subject", LIAR)
    assert used == len(made) * ceiling
    assert Decimal("0.30") - ceiling < used <= Decimal("0.30")
    (details,) = {str(each["error"]["details"]) for each in answers if code(each)}
    assert f"'used_usd': '{used}'" in details


async def test_a_lost_call_is_not_billed_twice_by_asking_again(gateway: Gateway) -> None:
    gateway.vendor.replies.append(Reply(way=Way.HANG))
    lost = await gateway.ask(LEAN, "a lost fox")
    again = await gateway.ask(LEAN, "a lost fox")
    assert (code(lost), code(again), again["job"]) == (
        "outcome_unknown", "outcome_unknown", lost["job"],
    )  # fmt: skip
    assert gateway.vendor.calls() == 1
    assert gateway.ledger(lost["job"]) == {"hold": 40_000_000}
    assert gateway.used("subject", LEAN) == Decimal("0.04")
