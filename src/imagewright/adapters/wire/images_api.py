"""A server that speaks the OpenAI Images API, whatever its dialect.

What a status other than 200 proves stands in `adapters.wire.refusals`. The rest:

* A request whose first byte was never written is tried again; one that was written and got
  no whole answer never is, and its outcome is unknown.
* A 200 that is no JSON, is cut off, is too large, lists no pictures, or lists only what cannot be
  read or fetched, proves that the request was accepted, and vendors bill what they
  accepted: its outcome is unknown too. Only where the dialect or the operator says that the
  server charges nothing is it a bad answer and nothing more.
* Where some of several pictures can be read, those are delivered.
* A stream that breaks off behind the picture has delivered it; before, its outcome is unknown.
"""

import asyncio
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import urlsplit

from imagewright.adapters.web.client import Answer, Client
from imagewright.adapters.web.failures import WebError
from imagewright.adapters.web.netguard import Guard
from imagewright.adapters.wire.dialect import Dialect
from imagewright.adapters.wire.images import picture_call
from imagewright.adapters.wire.judge import Judge
from imagewright.adapters.wire.line import Line
from imagewright.adapters.wire.listing import ask_for_models
from imagewright.adapters.wire.refusals import blocked, not_made, read_error, unknown
from imagewright.adapters.wire.repeating import repeat
from imagewright.adapters.wire.results import (
    Entry,
    Results,
    read_cost,
    read_results,
    read_usage,
    request_id,
)
from imagewright.adapters.wire.server import Server
from imagewright.adapters.wire.streams import PictureStream
from imagewright.core.ask import MAX_PARTIALS
from imagewright.core.errors import Fault, OutcomeUnknown, ProviderBadAnswer
from imagewright.core.spending import Usage
from imagewright.ports.provider import Delivery, Made, Order, Parts, Watch

_SLACK = 64 * 1024
_SEEDS = 2**31
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


def links_of(base_url: object, known: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """Where answers of a server may lead to: anywhere on the internet.

    Those of this machine lead to itself, and the hosts that are `known` send pictures along.
    """
    host = urlsplit(str(base_url)).hostname
    return () if host in _LOOPBACK | known else ("https://*",)


class ImagesApi:
    """`ports.provider.Provider` and `Health` for one configured server."""

    def __init__(self, server: Server, dialect: Dialect, parts: Parts, client: Client) -> None:
        self._server = server
        self._dialect = dialect
        self._parts = parts
        self._client = client
        self._guard = Guard(own=client.origin, egress=parts.egress)
        self._line = Line(client, parts, server.retries)

    async def generate(self, order: Order, watch: Watch) -> Delivery:
        return await self._deliver(order, None, watch)

    async def edit(self, order: Order, watch: Watch) -> Delivery:
        return await self._deliver(order, await self.mask(order), watch)

    async def mask(self, order: Order) -> bytes | None:
        """The order's mask as the dialect wants it."""
        if order.mask is None:
            return None
        if self._dialect.alpha:
            return await self._parts.imaging.alpha_mask(order.mask.data)
        return order.mask.data

    async def ping(self) -> None:
        """Ask for the list of models, which costs nothing."""
        await self.models()

    async def models(self) -> Answer:
        """The server's list of models. Raises a Provider* fault."""
        return await ask_for_models(self._line, self._parts, self._dialect.models)

    async def close(self) -> None:
        await self._client.close()
        await self._guard.close()

    async def _deliver(self, order: Order, mask: bytes | None, watch: Watch) -> Delivery:
        until = self._parts.clock.monotonic() + self._server.total_timeout
        await watch.stage("Waiting for the provider")

        async def make(part: Order, first: int) -> Delivery:
            fault: Fault
            try:
                return await self._make(part, mask, _Told(watch, first, until))
            except OutcomeUnknown as error:
                fault = error if self._dialect.charges else _bad()
            raise fault

        return await repeat(self._prepared(order), watch, make)

    def _prepared(self, order: Order) -> Order:
        """One picture a stream, and for engines that know but one seed, a seed by chance."""
        plan = order.plan
        if plan.ask.partial_images:
            plan = replace(plan, per_call=1)
        if self._dialect.words and plan.ask.seed is None:
            seed = int(self._parts.random() * _SEEDS)
            plan = replace(plan, ask=replace(plan.ask, seed=seed))
        return replace(order, plan=plan)

    async def _make(self, order: Order, mask: bytes | None, told: "_Told") -> Delivery:
        call = picture_call(order, mask, self._dialect, self.limit(order))
        inputs = bool(order.references or order.mask)
        count = order.plan.ask.partial_images
        partials = range(told.first * count, (told.first + 1) * count)
        read = partial(read_usage, pictures=1, inputs=inputs)
        stream = PictureStream(told.watch, partials, read) if count else None
        judge = Judge(self._parts, order.plan.model)
        answer = await self._line.ask(call, judge, told.until, told.watch, stream)
        if stream is not None and stream.used:
            if stream.results is None:
                raise not_made(stream.error)
            results: Results | None = stream.results
        else:
            results = await asyncio.to_thread(read_results, answer.body, inputs=inputs)
        if results is None:
            raise not_made(read_error(answer.body))
        return await self.delivery(results, answer, order, told.watch)

    async def delivery(
        self, results: Results, answer: Answer, order: Order, watch: Watch
    ) -> Delivery:
        """What an answer with results comes to. Raises as `Provider`."""
        pictures: list[Made] = []
        failures: dict[int, Fault] = {}
        wanted = results.entries[: order.plan.ask.n]
        for number, entry in enumerate(wanted):
            if entry.blocked:
                failures[number] = blocked()
                continue
            if entry.url is not None:
                await watch.stage("Fetching the pictures", number, len(wanted))
            data = await self._bytes(entry)
            if data is not None:
                seed = entry.seed if entry.seed is not None else self._seed(order, number)
                pictures.append(Made(data=data, revised_prompt=entry.revised_prompt, seed=seed))
        if not pictures and (not wanted or len(failures) < len(wanted)):
            raise unknown()
        usage = self._usage(results, answer)
        if not pictures and usage is None:
            raise blocked()
        return Delivery(
            pictures=tuple(pictures),
            usage=usage,
            request=request_id(answer.headers),
            failures=failures,
        )

    async def _bytes(self, entry: Entry) -> bytes | None:
        data = entry.data
        if entry.url is not None:
            try:
                data = await self._guard.get(entry.url, self._server.picture_bytes)
            except WebError:
                return None
        return data if data and len(data) <= self._server.picture_bytes else None

    def _seed(self, order: Order, number: int) -> int | None:
        """The seed of one of several where the engine is known to count up, and does not tell."""
        seed = order.plan.ask.seed
        return seed + number if self._dialect.words and seed is not None else None

    def _usage(self, results: Results, answer: Answer) -> Usage | None:
        header = self._dialect.cost_header
        cost = read_cost(answer.headers.get(header)) if header is not None else None
        if cost is None:
            return results.usage
        return replace(results.usage or Usage(pictures=results.listed), cost=cost)

    def limit(self, order: Order) -> int:
        """The most bytes that an answer with an order's pictures may have."""
        # Base64 takes four bytes for three; servers may break its lines.
        pictures = order.plan.ask.n + min(order.plan.ask.partial_images, MAX_PARTIALS)
        return pictures * (self._server.picture_bytes * 3 // 2) + _SLACK


@dataclass(frozen=True, slots=True)
class _Told:
    """To whom a part of an order tells how far it is, and the moment until which it may take."""

    watch: Watch
    first: int
    until: float


def _bad() -> ProviderBadAnswer:
    return ProviderBadAnswer(
        "The provider broke off, or answered with something that is not a picture.",
        hint="Try again later, or choose another provider.",
    )
