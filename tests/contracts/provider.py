"""What every implementation of `ports.provider.Provider` keeps.

Subclass, and give it `provider`, and `slow`: one whose orders take longer than a test waits.
"""

import asyncio
import logging
from typing import ClassVar

import pytest

from imagewright.core.picture import Format
from imagewright.ports.provider import Delivery, Provider
from tests.fakes.orders import PROMPT, TRANSPARENT, Watched, order
from tests.fakes.pictures import facts


def made(delivery: Delivery) -> list[tuple[str, int, int, bool]]:
    return [facts(picture.data) for picture in delivery.pictures]


class ProviderContract:
    secrets: ClassVar[tuple[str, ...]] = ()

    @pytest.mark.parametrize("form", [Format.PNG, Format.JPEG, Format.WEBP])
    async def test_it_makes_pictures_of_the_size_and_format_asked(
        self, provider: Provider, form: Format
    ) -> None:
        delivery = await provider.generate(order(form=form, ask={"n": 2}), Watched())
        assert made(delivery) == [(form.value, 96, 64, False)] * 2

    async def test_it_makes_transparent_pictures(self, provider: Provider) -> None:
        delivery = await provider.generate(order(**TRANSPARENT), Watched())
        assert made(delivery) == [("png", 96, 64, True)]

    @pytest.mark.parametrize("mask", [False, True])
    async def test_it_edits(self, provider: Provider, mask: bool) -> None:
        delivery = await provider.edit(order(references=2, mask=mask), Watched())
        assert made(delivery) == [("png", 96, 64, False)]

    async def test_it_reports_the_pictures_it_made(self, provider: Provider) -> None:
        delivery = await provider.generate(order(ask={"n": 3}), Watched())
        assert delivery.usage is not None
        assert delivery.usage.pictures == 3

    async def test_it_tells_where_it_is_without_the_prompt(self, provider: Provider) -> None:
        watched = Watched()
        await provider.generate(order(ask={"n": 2}), watched)
        assert watched.stages
        assert all(text and PROMPT not in text for text, _, _ in watched.stages)
        assert all(0 <= done <= total for _, done, total in watched.stages)

    async def test_orders_run_side_by_side(self, provider: Provider) -> None:
        orders = [provider.generate(order(), Watched()) for _ in range(3)]
        assert [len(each.pictures) for each in await asyncio.gather(*orders)] == [1, 1, 1]

    async def test_cancelling_is_passed_on(self, slow: Provider) -> None:
        task = asyncio.create_task(slow.generate(order(), Watched()))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def test_neither_log_nor_repr_holds_a_secret_or_the_prompt(
        self, provider: Provider, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        delivery = await provider.generate(order(), Watched())
        shown = f"{caplog.text} {provider!r} {vars(provider)!r} {delivery.request}"
        assert not [word for word in (PROMPT, *self.secrets) if word in shown]

    async def test_it_can_be_closed_twice(self, provider: Provider) -> None:
        await provider.close()
        await provider.close()
