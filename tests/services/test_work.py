"""One attempt: whatever happens, what was spent is entered once."""

import json
from dataclasses import replace
from typing import Any

import pytest

from imagewright.core.ask import Action
from imagewright.core.budget import Budget
from imagewright.core.caller import Credential
from imagewright.core.errors import (
    Fault,
    ModerationBlocked,
    OutcomeUnknown,
    ProviderRejected,
    Unavailable,
)
from imagewright.core.image import Origin, Role
from imagewright.core.job import Job, State
from imagewright.core.money import Nano
from imagewright.core.policy import Maximum
from imagewright.core.spending import Usage
from imagewright.ports.board import News
from imagewright.ports.provider import Delivery, Order, Watch
from tests.adapters.auth.tokens_by_hand import oidc
from tests.fakes.pictures import encoded, facts, half_changed
from tests.fakes.provider import Hanging, delivery, fails, returns, sends_partials
from tests.services.attempts import CERTAIN, UNCERTAIN, begun, done
from tests.services.shop import (
    BOT,
    BRUSH,
    OFFERS,
    ORIGIN,
    POOR,
    PRICE,
    Shop,
    entry,
    free,
    grants,
    model,
    paid,
)


async def test_pictures_are_kept_and_the_reported_cost_is_entered(shop: Shop) -> None:
    shop.provider.act = returns(usage=Usage(pictures=2))
    job = await done(shop, await shop.claimed(paid(n=2, tags=("x",), folder="pets")))
    assert (job.state, job.error_code) == (State.SUCCEEDED, None)
    assert await shop.money() == (0, 2)
    images = await shop.library.of_job(BOT.subject, job.id)
    assert [(each.index, each.seed, each.origin) for each in images] == [
        (0, 0, Origin.GENERATED),
        (1, 1, Origin.GENERATED),
    ]
    assert images[0].tags == ("x",)
    assert images[0].path.startswith("images/pets/")
    assert shop.telemetry.jobs == [("painter", "succeeded")]
    assert json.loads(job.outcome or "")["request"] == "vendor-request-1"


async def test_the_order_has_the_same_key_on_every_attempt(shop: Shop) -> None:
    job = await shop.claimed()
    await done(shop, job)
    assert shop.provider.generated[0].key == job.id


async def edit(shop: Shop, shade: int = 1) -> tuple[Job, list[str]]:
    """A claimed edit of one image under a mask, and the two images."""
    sources = [
        await shop.library.bring_in(BOT, encoded(shade=shade + more, alpha=bool(more)), ORIGIN)
        for more in (0, 1)
    ]
    first, mask = await shop.inputs.references(BOT, tuple(each.id for each in sources), ORIGIN)
    ask = paid(action=Action.EDIT, references=(first,), mask=mask)
    return await shop.claimed(ask), [each.id for each in sources]


async def test_an_edit_hands_over_its_inputs_and_remembers_them(shop: Shop) -> None:
    job, sources = await edit(shop)
    assert (await done(shop, job)).state is State.SUCCEEDED
    (order,) = shop.provider.edited
    assert order.references[0].data == encoded(shade=1)
    assert order.mask is not None
    assert order.mask.data == half_changed()
    (image,) = await shop.library.of_job(BOT.subject, job.id)
    assert image.origin is Origin.EDITED
    assert [(each.image, each.role, each.position) for each in image.parents] == [
        (sources[0], Role.REFERENCE, 0),
        (sources[1], Role.MASK, 1),
    ]


async def test_an_input_of_a_format_the_model_does_not_take_is_sent_as_png(shop: Shop) -> None:
    source = await shop.library.bring_in(BOT, encoded(form="webp"), ORIGIN)
    shop.offer(replace(OFFERS[0], models=(model("brush", {"*": 1}, inputs=()),)))
    references = await shop.inputs.references(BOT, (source.id,), ORIGIN)
    await done(shop, await shop.claimed(paid(action=Action.EDIT, references=references)))
    assert facts(shop.provider.edited[0].references[0].data)[0] == "png"


async def test_an_input_deleted_before_the_start_ends_the_job_and_costs_nothing(
    shop: Shop,
) -> None:
    job, sources = await edit(shop)
    await shop.library.delete(BOT, sources[0], ORIGIN, derived=False)
    job = await done(shop, job)
    assert (job.state, job.error_code) == (State.FAILED, "not_found")
    assert (shop.provider.calls, await shop.money()) == (0, (0, 0))


async def test_an_input_deleted_while_the_provider_works_leaves_the_result_its_lineage(
    shop: Shop,
) -> None:
    job, sources = await edit(shop)
    hanging = Hanging()
    shop.provider.act = hanging
    task = await begun(shop.work(), job, hanging)
    await shop.library.delete(BOT, sources[0], ORIGIN, derived=True)
    hanging.release.set()
    await task
    (image,) = await shop.library.of_job(BOT.subject, job.id)
    assert [each.image for each in image.parents] == sources


@pytest.mark.parametrize("fault", CERTAIN)
async def test_a_certain_no_releases_the_hold(shop: Shop, fault: type[Fault]) -> None:
    shop.provider.act = fails(fault("No."))
    job = await done(shop, await shop.claimed())
    assert (job.state, job.error_code) == (State.FAILED, fault.code)
    assert await shop.money() == (0, 0)


@pytest.mark.parametrize(
    "error", [*(fault("What?") for fault in UNCERTAIN), RuntimeError("secret"), TimeoutError()]
)
async def test_whatever_else_a_provider_raises_keeps_the_hold(shop: Shop, error: Exception) -> None:
    shop.provider.act = fails(error)
    job = await done(shop, await shop.claimed())
    assert (job.state, job.error_code) == (State.OUTCOME_UNKNOWN, "outcome_unknown")
    assert await shop.money() == (1, 0)
    assert "secret" not in str(job.error_sentence)


async def test_what_is_free_has_simply_failed(shop: Shop) -> None:
    shop.provider.act = fails(RuntimeError())
    job = await done(shop, await shop.claimed(free(), POOR))
    assert (job.state, job.error_code) == (State.FAILED, "provider_unavailable")


async def test_a_provider_that_hangs_is_given_up_at_its_deadline(shop: Shop) -> None:
    hanging = Hanging()
    shop.provider.act = hanging
    job = await done(shop, await shop.claimed(), deadline=0.01)
    assert job.state is State.OUTCOME_UNKNOWN
    assert hanging.broken_off == 1


async def test_a_picture_that_is_none_is_told_and_the_rest_kept(shop: Shop) -> None:
    shop.provider.act = returns(b"no picture", encoded(), usage=Usage(pictures=3))
    job = await done(shop, await shop.claimed(paid(n=3)))
    assert job.state is State.SUCCEEDED
    assert json.loads(job.outcome or "")["failures"] == {
        "0": "invalid_image",
        "2": "provider_bad_answer",
    }
    assert await shop.money() == (0, 3)


@pytest.mark.parametrize(
    ("fault", "usage", "money"),
    [
        (ProviderRejected("No."), None, 2),
        (ProviderRejected("No."), Usage(pictures=2), 2),
        (OutcomeUnknown("?"), None, 3),
        (OutcomeUnknown("?"), Usage(pictures=2), 3),
    ],
)
async def test_those_that_failed_are_told_by_index_and_cost_nothing_if_that_is_sure(
    shop: Shop, fault: Fault, usage: Usage | None, money: int
) -> None:
    async def act(order: Order, watch: Watch) -> Delivery:
        found = delivery(encoded(shade=1), encoded(shade=2), usage=usage)
        return replace(found, failures={1: fault})

    shop.provider.act = act
    job = await done(shop, await shop.claimed(paid(n=3)))
    assert job.state is State.SUCCEEDED
    assert json.loads(job.outcome or "")["failures"] == {"1": fault.code}
    images = await shop.library.of_job(BOT.subject, job.id)
    assert sorted(image.index for image in images) == [0, 2]
    assert await shop.money() == (0, money)


@pytest.mark.parametrize(("usage", "money"), [(Usage(pictures=1), 1), (Usage(pictures=0), 0)])
async def test_a_refusal_that_is_charged_is_told_and_paid_for(
    shop: Shop, usage: Usage, money: int
) -> None:
    async def act(order: Order, watch: Watch) -> Delivery:
        faults = {1: ProviderRejected("Later."), 0: ModerationBlocked("First.")}
        return Delivery(pictures=(), usage=usage, failures=faults)

    shop.provider.act = act
    job = await done(shop, await shop.claimed(paid(n=2)))
    assert (job.state, job.error_code) == (State.FAILED, "moderation_blocked")
    assert job.error_sentence == "First."
    assert await shop.money() == (0, money)


async def test_pictures_of_which_none_can_be_kept_are_paid_for_all_the_same(shop: Shop) -> None:
    shop.provider.act = returns(b"no picture")
    job = await done(shop, await shop.claimed())
    assert (job.state, job.error_code) == (State.FAILED, "provider_bad_answer")
    assert await shop.money() == (0, 1)


async def test_a_mistake_in_keeping_one_picture_does_not_lose_the_others(shop: Shop) -> None:
    shop.store.fail("put", RuntimeError("a mistake of ours"))
    job = await done(shop, await shop.claimed(paid(n=2)))
    assert job.state is State.SUCCEEDED
    assert json.loads(job.outcome or "")["failures"] == {"0": "internal"}
    assert len(await shop.library.of_job(BOT.subject, job.id)) == 1


async def test_more_pictures_than_asked_for_are_kept(shop: Shop) -> None:
    shop.provider.act = returns(encoded(), encoded(), usage=Usage(pictures=2))
    job = await done(shop, await shop.claimed())
    assert len(await shop.library.of_job(BOT.subject, job.id)) == 2
    assert await shop.money() == (0, 1)


async def test_partials_are_shown_while_it_runs_and_gone_after(shop: Shop) -> None:
    shop.provider.act = sends_partials(encoded(), b"broken")
    job = await shop.claimed()
    news: list[News] = []
    async with shop.board.watch(job.id) as watched:
        await done(shop, job)
        async for each in watched:
            news.append(each)
            if each.ended:
                break
    assert [each.stage for each in news] == [
        "started", "drawing", "partial image 1", "drawing", "succeeded",
    ]  # fmt: skip
    assert await shop.library.partial(BOT.subject, job.id) is None


async def test_trouble_with_progress_is_not_the_providers(shop: Shop) -> None:
    shop.table.fail("report", Unavailable("The database is away."), 9)
    shop.store.fail("put_preview", OSError("a mistake of ours"))
    shop.provider.act = sends_partials(encoded(), encoded())
    assert (await done(shop, await shop.claimed())).state is State.SUCCEEDED


async def test_a_partial_that_cannot_be_dropped_changes_nothing(shop: Shop) -> None:
    shop.store.fail("drop_preview", Unavailable("The store is away."))
    assert (await done(shop, await shop.claimed())).state is State.SUCCEEDED


class TestDecidedAgain:
    @pytest.mark.parametrize(
        "left",
        [
            entry(),
            entry("images:read", "spend:unattended"),
            entry("images:write"),
            entry("images:write", "spend"),
            entry("images:write", "spend:unattended", tools=("edit_image",)),
            entry("images:write", "spend:unattended", models=("other",)),
            entry("images:write", "spend:unattended", maximum=Maximum(pixels=1)),
        ],
    )
    async def test_a_grant_taken_back_stops_a_queued_job(self, shop: Shop, left: Any) -> None:
        job = await shop.claimed()
        shop.acl.acl = grants(subjects={BOT.subject: left})
        await self.refused(shop, job, "forbidden")

    async def test_a_revoked_credential_stops_a_queued_job(self, shop: Shop) -> None:
        job = await shop.claimed()
        shop.credentials.revoked.add(BOT.credential.id)
        await self.refused(shop, job, "forbidden")

    @pytest.mark.parametrize(
        ("id", "scopes", "state"),
        [
            ("oidc:corp:j1", None, State.SUCCEEDED),
            ("oidc:corp:j1", {"images:read", "images:write"}, State.SUCCEEDED),
            ("oidc:corp:j1", {"images:read"}, State.FAILED),
            ("oidc:corp:j1", set(), State.FAILED),
            ("oidc:gone:j1", None, State.FAILED),
        ],
    )
    async def test_a_token_of_an_issuer_is_good_while_the_issuer_stands_and_stays_narrow(
        self, shop: Shop, id: str, scopes: set[str] | None, state: State
    ) -> None:
        narrow = None if scopes is None else frozenset(scopes)
        job = await shop.claimed(free())
        caller = replace(job.caller, credential=Credential(id=id, scopes=narrow))
        ended = await done(shop, replace(job, caller=caller), credentials=oidc())
        assert ended.state is state

    async def test_a_credential_that_cannot_be_asked_after_stops_it(self, shop: Shop) -> None:
        shop.credentials.fault = Unavailable("The identity provider is away.")
        await self.refused(shop, await shop.claimed(), "unavailable")

    async def test_a_mistake_of_ours_before_the_start_ends_it(self, shop: Shop) -> None:
        shop.credentials.fault = RuntimeError("a mistake of ours")
        await self.refused(shop, await shop.claimed(), "internal")

    async def test_a_plan_that_cannot_be_read_ends_it(self, shop: Shop) -> None:
        job = await shop.claimed()
        await self.refused(shop, replace(job, plan="{}"), "internal")

    async def test_a_model_taken_away_stops_it(self, shop: Shop) -> None:
        job = await shop.claimed()
        shop.offer(replace(OFFERS[0], models=()))
        await self.refused(shop, job, "unknown_model")

    async def test_a_provider_taken_away_stops_it(self, shop: Shop) -> None:
        job = await shop.claimed()
        await self.refused(shop, job, "unknown_provider", providers={})

    async def test_a_full_disk_stops_it(self, shop: Shop) -> None:
        job = await shop.claimed()
        shop.blobs.full = True
        await self.refused(shop, job, "storage_full")

    @pytest.mark.parametrize("ask", [paid(), free()])
    async def test_a_price_that_has_risen_stops_it(self, shop: Shop, ask: Any) -> None:
        job = await shop.claimed(ask)
        dearer = replace(BRUSH, id=ask.model, price=model("m", {"*": 50_000_000}).price)
        shop.offer(replace(OFFERS[0], models=(dearer,)))
        await self.refused(shop, job, "confirmation_invalid")

    async def test_nobody_is_asked_where_there_are_no_credentials(self, shop: Shop) -> None:
        job = await done(shop, await shop.claimed(), credentials=None)
        assert job.state is State.SUCCEEDED

    async def refused(self, shop: Shop, job: Job, code: str, **bench: Any) -> None:
        job = await done(shop, job, **bench)
        assert (job.state, job.error_code) == (State.FAILED, code)
        assert job.started_at is None
        assert (shop.provider.calls, await shop.money()) == (0, (0, 0))


async def test_a_call_that_costs_more_than_its_token_may_by_now_is_not_begun(shop: Shop) -> None:
    job = await shop.claimed()
    budget = Budget(per_call=Nano(PRICE - 1))
    shop.credentials.budgets[job.caller.credential.id] = budget
    await shop.work().carry_out(job)
    job = await shop.look(job)
    assert (job.state, job.error_code) == (State.FAILED, "budget_exceeded")
    assert (shop.provider.calls, await shop.money()) == (0, (0, 0))
