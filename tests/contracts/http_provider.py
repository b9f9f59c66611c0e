"""What every provider keeps that speaks HTTP to a vendor; shown on a real server.

Subclass, and give it a fixture `vendor` (a `tests.fakes.vendor.Vendor` that serves and was told to
`forget`), `build`, and what the vendor's own refusals look like. The config's keys are those that
all these providers have: total_timeout, read_timeout, picture_bytes, concurrency, retries.
"""

import json
import traceback
from abc import abstractmethod
from collections.abc import AsyncIterator
from typing import Any, ClassVar

import pytest

from imagewright.core.errors import (
    Fault,
    Forbidden,
    ModerationBlocked,
    OutcomeUnknown,
    ProviderBadAnswer,
    ProviderBusy,
    ProviderMisconfigured,
    ProviderQuota,
    ProviderRejected,
    ProviderUnavailable,
)
from imagewright.ports.provider import Delivery, Parts, Provider
from tests.contracts.provider import ProviderContract, asked_for, made
from tests.fakes.orders import PROMPT, Time, Watched, parts
from tests.fakes.vendor import VENDOR_WORDS, Reply, Vendor, Way, html

STATUSES: list[tuple[int, type[Fault]]] = [
    (400, ProviderRejected),
    (401, ProviderMisconfigured),
    (402, ProviderQuota),
    (403, ProviderMisconfigured),
    (404, ProviderMisconfigured),
    (413, ProviderRejected),
    (422, ProviderRejected),
]
PROVES_NOTHING = [
    Reply(way=Way.CLOSE_BEFORE_HEADERS),
    Reply(way=Way.CLOSE_AFTER_HEADERS),
    Reply(way=Way.CLOSE_MID_BODY),
    html(200),
    html(408),
    html(500),
    html(502),
    html(503),
    html(504),
    Reply(status=500, body=b""),
    Reply(body=b""),
    Reply(body=b"null"),
    Reply(body=b"{}"),
    Reply(body=b"[" * 100_000),
    Reply(status=303, body=b"", headers={"location": "/elsewhere"}),
    Reply(body=b"x", headers={"content-encoding": "gzip"}),
]


def shown(fault: Fault) -> str:
    """All that a log or an answer may hold of a fault."""
    return "".join(traceback.format_exception(fault)) + json.dumps(fault.public())


class HttpProviderContract(ProviderContract):
    charges: ClassVar[bool] = True
    """Off where the server never bills: nothing about it is then unknown."""
    per_call: ClassVar[int] = 2
    """How many pictures of one call are tried: 1 where the API makes no more."""
    moderated: ClassVar[tuple[Reply, ...]]
    """Its refusals for safety's sake, in every form they come in."""
    exhausted: ClassVar[tuple[Reply, ...]]
    """Its refusals where the account has no money left."""

    @abstractmethod
    def build(self, vendor: Any, parts: Parts, **config: Any) -> Provider:
        """The provider for that vendor, with these values in its config."""

    @abstractmethod
    def error(self, status: int, **headers: str) -> Reply:
        """The vendor's own error object, with VENDOR_WORDS in it, without a special code."""

    @property
    def unknown(self) -> frozenset[type[Fault]]:
        if self.charges:
            return frozenset({OutcomeUnknown})
        return frozenset({ProviderBadAnswer, ProviderUnavailable})

    @pytest.fixture
    def time(self) -> Time:
        return Time()

    @pytest.fixture
    async def provider(self, vendor: Vendor, time: Time) -> AsyncIterator[Provider]:
        provider = self.build(vendor, parts(time), total_timeout=200.0)
        yield provider
        await provider.close()

    @pytest.fixture
    async def slow(self, vendor: Vendor) -> AsyncIterator[Provider]:
        vendor.replies.append(Reply(way=Way.HANG))
        provider = self.build(vendor, parts())
        yield provider
        await provider.close()

    async def ask_for(self, provider: Provider, **changes: Any) -> Delivery:
        return await provider.generate(self.order(**changes), Watched())

    async def failure(self, provider: Provider, **changes: Any) -> Fault:
        """The fault of an order, which holds no word of the vendor's, no secret, no prompt."""
        with pytest.raises(Fault) as caught:
            await self.ask_for(provider, **changes)
        fault = caught.value
        words = (VENDOR_WORDS, PROMPT, *self.secrets)
        assert not [word for word in words if word in shown(fault)]
        assert fault.__context__ is None
        return fault

    async def failed(self, vendor: Vendor, *replies: Reply, **config: Any) -> Fault:
        """The fault of one order to a provider of its own, with these replies."""
        vendor.forget()
        vendor.replies.extend(replies)
        provider = self.build(vendor, parts(Time()), **config)
        try:
            return await self.failure(provider)
        finally:
            await provider.close()

    @pytest.mark.parametrize(("status", "expected"), STATUSES)
    async def test_a_refusal_becomes_a_fault_of_ours_at_once(
        self, vendor: Vendor, status: int, expected: type[Fault]
    ) -> None:
        assert type(await self.failed(vendor, self.error(status))) is expected
        assert vendor.calls() == 1

    async def test_a_refusal_for_safety_says_so(self, vendor: Vendor) -> None:
        assert self.moderated
        for reply in self.moderated:
            assert type(await self.failed(vendor, reply)) is ModerationBlocked, reply
            assert vendor.calls() == 1

    async def test_an_account_without_money_is_told(self, vendor: Vendor) -> None:
        assert self.exhausted
        for reply in self.exhausted:
            assert type(await self.failed(vendor, reply)) is ProviderQuota, reply
            assert vendor.calls() == 1

    @pytest.mark.parametrize("reply", PROVES_NOTHING)
    async def test_what_may_have_been_charged_is_unknown_and_not_tried_again(
        self, vendor: Vendor, reply: Reply
    ) -> None:
        assert type(await self.failed(vendor, reply)) in self.unknown
        assert vendor.calls() == 1

    @pytest.mark.parametrize("status", [500, 502, 503, 504])
    async def test_a_failure_of_the_vendor_is_not_tried_again(
        self, vendor: Vendor, status: int
    ) -> None:
        fault = await self.failed(vendor, self.error(status))
        assert type(fault) in {ProviderUnavailable, *self.unknown}
        assert vendor.calls() == 1

    @pytest.mark.parametrize("way", [Way.HANG, Way.DRIP])
    async def test_a_late_answer_proves_nothing(self, vendor: Vendor, way: Way) -> None:
        fault = await self.failed(vendor, Reply(way=way), total_timeout=0.4)
        assert type(fault) in self.unknown

    async def test_silence_between_bytes_ends_a_call(self, vendor: Vendor) -> None:
        fault = await self.failed(vendor, Reply(way=Way.HANG), read_timeout=0.2)
        assert type(fault) in self.unknown

    @pytest.mark.parametrize("headers", [{}, {"transfer-encoding": "chunked"}])
    async def test_an_answer_beyond_the_limit_is_not_read(
        self, vendor: Vendor, headers: dict[str, str]
    ) -> None:
        reply = Reply(body=b" " * 1_000_000, headers=headers)
        assert type(await self.failed(vendor, reply, picture_bytes=1000)) in self.unknown

    async def test_a_picture_beyond_the_limit_is_none(self, vendor: Vendor) -> None:
        assert type(await self.failed(vendor, picture_bytes=20)) in self.unknown

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    async def test_redirects_are_never_followed(self, vendor: Vendor, status: int) -> None:
        with type(vendor)() as other:
            headers = {"location": f"{other.origin}/elsewhere"}
            reply = Reply(status=status, body=b"", headers=headers)
            assert type(await self.failed(vendor, reply)) is ProviderMisconfigured
            assert not other.received

    @pytest.mark.parametrize(("asked", "slept"), [({}, 0.5), ({"retry-after": "7"}, 7.0)])
    async def test_a_rate_limit_is_waited_for(
        self,
        provider: Provider,
        vendor: Vendor,
        time: Time,
        asked: dict[str, str],
        slept: float,
    ) -> None:
        vendor.replies.append(self.error(429, **asked))
        assert len((await self.ask_for(provider)).pictures) == 1
        assert (vendor.calls(), time.slept[:1]) == (2, [slept])

    async def test_attempts_are_counted(
        self, provider: Provider, vendor: Vendor, time: Time
    ) -> None:
        vendor.replies.extend([self.error(429)] * 5)
        assert type(await self.failure(provider)) is ProviderBusy
        assert (vendor.calls(), time.slept) == (3, [0.5, 1.0])

    async def test_a_wait_that_is_too_long_is_told(self, vendor: Vendor) -> None:
        limited = self.error(429, **{"retry-after": "60"})
        fault = await self.failed(vendor, limited, total_timeout=50.0)
        assert (type(fault), fault.details) == (ProviderBusy, {"retry_after": 60.0})
        assert vendor.calls() == 1

    async def test_what_was_taken_back_meanwhile_is_not_tried_again(
        self, provider: Provider, vendor: Vendor
    ) -> None:
        vendor.replies.append(self.error(429))
        watched = Watched(taken_back=Forbidden("What allowed this was revoked."))
        with pytest.raises(Forbidden):
            await provider.generate(self.order(), watched)
        assert (vendor.calls(), watched.repeated) == (1, 1)

    async def test_a_refused_connection_is_tried_again_and_then_told(
        self, vendor: Vendor, time: Time
    ) -> None:
        with type(vendor)() as gone:
            pass
        provider = self.build(gone, parts(time, chances=[0.0, 1.0]))
        assert type(await self.failure(provider)) is ProviderUnavailable
        assert time.slept == [0.5, 0.75]
        await provider.close()

    async def test_more_pictures_than_a_call_makes_are_made_in_several(
        self, provider: Provider, vendor: Vendor
    ) -> None:
        asked = self.order(ask={"n": 5}, per_call=self.per_call)
        delivery = await provider.generate(asked, Watched())
        assert made(delivery) == asked_for(asked)
        assert vendor.calls() == -(-5 // self.per_call)
        assert not delivery.failures
        assert delivery.usage is not None
        assert delivery.usage.pictures == 5

    async def test_calls_run_side_by_side_up_to_the_limit(self, vendor: Vendor) -> None:
        vendor.replies.extend([Reply(way=Way.SLOW)] * 4)
        provider = self.build(vendor, parts(), concurrency=2)
        await self.ask_for(provider, ask={"n": 4}, per_call=1)
        assert vendor.most == 2
        await provider.close()

    async def test_some_of_several_calls_may_fail(self, vendor: Vendor) -> None:
        broken, refused = Reply(way=Way.CLOSE_BEFORE_HEADERS), self.error(400)
        vendor.replies.extend([refused, Reply(), broken])
        provider = self.build(vendor, parts(), concurrency=1)
        delivery = await self.ask_for(provider, ask={"n": 3}, per_call=1)
        await provider.close()
        # Which of three calls at once is the first to get through is not said.
        assert (len(delivery.pictures), len(delivery.failures)) == (1, 2)
        assert set(delivery.failures) < {0, 1, 2}
        kinds = [type(fault) for fault in delivery.failures.values()]
        kinds.remove(ProviderRejected)
        assert kinds[0] in self.unknown
        assert delivery.usage is not None
        assert delivery.usage.pictures == 1

    async def test_where_all_calls_fail_the_doubtful_is_told(self, vendor: Vendor) -> None:
        broken, refused = Reply(way=Way.CLOSE_BEFORE_HEADERS), self.error(400)
        vendor.replies.extend([refused, broken])
        provider = self.build(vendor, parts(), concurrency=1)
        fault = await self.failure(provider, ask={"n": 2}, per_call=1)
        assert type(fault) is (OutcomeUnknown if self.charges else ProviderRejected)
        await provider.close()

    async def test_addresses_hold_neither_secret_nor_prompt(
        self, provider: Provider, vendor: Vendor
    ) -> None:
        await self.ask_for(provider)
        addresses = " ".join(f"{each.path}?{each.query}" for each in vendor.received)
        assert vendor.received
        assert not [word for word in (PROMPT, *self.secrets) if word in addresses]
