"""What every implementation of `ports.provider.Provider` keeps.

Subclass, and give it `provider`, and `slow`: one whose orders take longer than a test waits.
A provider that makes transparent pictures, edits, or takes masks, subclasses `Transparent`, `Edits`
or `Masked` too. Where its orders need more than `tests.fakes.orders.order` sets, it has an `order`.
"""

import asyncio
import logging
from typing import Any, ClassVar

import pytest

from imagewright.core.picture import Format
from imagewright.ports.provider import Delivery, Order, Provider
from tests.fakes.orders import PROMPT, TRANSPARENT, Watched, order
from tests.fakes.pictures import facts


def made(delivery: Delivery) -> list[tuple[str, int, int, bool]]:
    return [facts(picture.data) for picture in delivery.pictures]


def asked_for(order: Order, *, alpha: bool = False) -> list[tuple[str, int, int, bool]]:
    """What `made` is of the order when it was kept."""
    plan = order.plan
    assert plan.size is not None
    size = (plan.size.width, plan.size.height)
    return [(plan.output_format.value, *size, alpha)] * plan.ask.n


class Orders:
    """The orders that a provider's tests make of it."""

    def order(self, **changes: Any) -> Order:
        return order(**changes)


class ProviderContract(Orders):
    secrets: ClassVar[tuple[str, ...]] = ()
    forms: ClassVar[tuple[Format, ...]] = (Format.PNG, Format.JPEG, Format.WEBP)

    async def test_it_makes_pictures_of_the_size_and_format_asked(self, provider: Provider) -> None:
        assert self.forms
        for form in self.forms:
            asked = self.order(form=form, ask={"n": 2})
            assert made(await provider.generate(asked, Watched())) == asked_for(asked)

    async def test_it_reports_the_pictures_it_made(self, provider: Provider) -> None:
        delivery = await provider.generate(self.order(ask={"n": 3}), Watched())
        assert delivery.usage is not None
        assert delivery.usage.pictures == 3

    async def test_it_tells_where_it_is_without_the_prompt(self, provider: Provider) -> None:
        watched = Watched()
        await provider.generate(self.order(ask={"n": 2}), watched)
        assert watched.stages
        assert all(text and PROMPT not in text for text, _, _ in watched.stages)
        assert all(0 <= done <= total for _, done, total in watched.stages)

    async def test_orders_run_side_by_side(self, provider: Provider) -> None:
        orders = [provider.generate(self.order(), Watched()) for _ in range(3)]
        assert [len(each.pictures) for each in await asyncio.gather(*orders)] == [1, 1, 1]

    async def test_cancelling_is_passed_on(self, slow: Provider) -> None:
        task = asyncio.create_task(slow.generate(self.order(), Watched()))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def test_neither_log_nor_repr_holds_a_secret_or_the_prompt(
        self, provider: Provider, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        delivery = await provider.generate(self.order(), Watched())
        shown = f"{caplog.text} {provider!r} {vars(provider)!r} {delivery.request}"
        assert not [word for word in (PROMPT, *self.secrets) if word in shown]

    async def test_it_can_be_closed_twice(self, provider: Provider) -> None:
        await provider.close()
        await provider.close()


class Transparent(Orders):
    async def test_it_makes_transparent_pictures(self, provider: Provider) -> None:
        asked = self.order(**TRANSPARENT)
        assert made(await provider.generate(asked, Watched())) == asked_for(asked, alpha=True)


class Edits(Orders):
    references: ClassVar[int] = 2

    async def test_it_edits(self, provider: Provider) -> None:
        asked = self.order(references=self.references)
        assert made(await provider.edit(asked, Watched())) == asked_for(asked)


class Masked(Orders):
    async def test_it_edits_behind_a_mask(self, provider: Provider) -> None:
        asked = self.order(references=1, mask=True)
        assert made(await provider.edit(asked, Watched())) == asked_for(asked)
