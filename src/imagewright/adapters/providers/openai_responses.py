"""OpenAI's Responses API: a text model that calls the tool `image_generation`.

The catalogue's models are the tool's; the text model is the operator's choice. Each call makes one
picture. What a status other than 200 proves stands in `adapters.wire.refusals`, what comes of a
response without a picture in `adapters.wire.response_reader`. The options of a model are
options of the tool under their own names, such as `complexity`.

A response that is stored and comes as events has an id before it is carried out, by which it is
asked for again where the call broke off.

Going on from a picture (`Order.continuation`) names the response that made it where OpenAI stores
responses, and else sends the picture as what the tool made before.
"""

import asyncio
import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from imagewright.adapters.web.client import Call, Client
from imagewright.adapters.web.failures import WebError
from imagewright.adapters.wire.images import data_url
from imagewright.adapters.wire.judge import Judge
from imagewright.adapters.wire.line import Line
from imagewright.adapters.wire.listing import ask_for_models, openai_models
from imagewright.adapters.wire.refusals import unknown
from imagewright.adapters.wire.repeating import repeat
from imagewright.adapters.wire.response_reader import ResponseStream, Turn, read_turn
from imagewright.adapters.wire.results import read_object, request_id
from imagewright.adapters.wire.server import Server, endpoint
from imagewright.adapters.wire.taking import Takings, fetch_all
from imagewright.core.catalogue import Offer, PerToken, Price
from imagewright.core.errors import (
    InvalidRequest,
    OutcomeUnknown,
    ProviderMisconfigured,
    ProviderRejected,
)
from imagewright.core.money import Nano, parse_usd
from imagewright.core.picture import Format
from imagewright.ports.provider import Delivery, Found, Input, Made, NotYet, Order, Parts, Watch

_SLACK = 1024 * 1024
_MILLION = 1_000_000
_READING = 32_768
"""Tokens of the tool's description and of a conversation that the text model may read: a bound."""
_AT_WORK = frozenset({"queued", "in_progress"})
_LATER = 5.0
"""Seconds until a response is asked for again that is at work."""
_ID = re.compile(r"[A-Za-z0-9_-]{1,1024}\Z")
"""Of a picture or a response; a relay (litellm) seals its own route into it."""
_TRACKED = 128
"""How long a response's id may be for ten of them to fit what an order is asked after by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Server):
    """An operator's settings.

    `text_in` and `text_out` are the text model's prices in US dollars for a million tokens, without
    which nothing has a price. `max_output_tokens` bounds what it says and thinks. `store` lets
    OpenAI keep responses. `input` is how a prompt without images is sent, and `leave_out` what
    is not sent at all, for relays that know less. Raises ValueError for what cannot be.
    """

    name: str = "openai_responses"
    base_url: str = "https://api.openai.com/v1"
    organization: str | None = None
    project: str | None = None
    # Of those whose page says that they call the tool, the cheapest; a cache write costs 0.25.
    text_model: str = "gpt-5.6-luna"
    text_in: str | None = "0.25"
    text_out: str | None = "1.20"
    max_output_tokens: int = 4096
    reasoning_effort: str | None = None
    store: bool = False
    input: Literal["message", "text"] = "message"
    leave_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        Server.__post_init__(self)
        if not self.text_model.strip() or self.max_output_tokens < 1:
            raise ValueError("text_model must be named, max_output_tokens be above 0")
        for price in (self.text_in, self.text_out):
            _per_token(price)


def _per_token(price: str | None) -> Nano | None:
    if price is None:
        return None
    try:
        amount = parse_usd(price)
    except InvalidRequest:
        raise ValueError('text_in and text_out are US dollars, like "0.25"') from None
    return Nano(-(-amount // _MILLION))


def build(config: Config, parts: Parts) -> "OpenAIResponses":
    """The provider as configured; the connection is opened with the first order."""
    more = {"OpenAI-Organization": config.organization, "OpenAI-Project": config.project}
    return OpenAIResponses(config, parts, Client(endpoint(config, parts, more=more)))


def offered(config: Config, offer: Offer) -> Offer:
    """The offer, what the text model costs in each price; without its prices there are none."""
    return offer.repriced(partial(_with_words, config))


def _with_words(config: Config, price: Price | None) -> Price | None:
    """A price for each picture is the operator's own, and holds everything."""
    if not isinstance(price, PerToken):
        return price
    text_in, text_out = _per_token(config.text_in), _per_token(config.text_out)
    if text_in is None or text_out is None or "max_output_tokens" in config.leave_out:
        return None
    return replace(
        price,
        text_out=text_out,
        words=config.max_output_tokens,
        reader_in=text_in,
        reading=_READING,
    )


class OpenAIResponses:
    """`ports.provider.Provider`, `Tracking`, `Health` and `Discovery`."""

    def __init__(self, config: Config, parts: Parts, client: Client) -> None:
        self._config = config
        self._parts = parts
        self._client = client
        self._line = Line(client, parts, config.retries)

    async def generate(self, order: Order, watch: Watch) -> Delivery:
        return await self._deliver(order, None, watch)

    async def edit(self, order: Order, watch: Watch) -> Delivery:
        mask = None
        if order.mask is not None:
            data = await self._parts.imaging.alpha_mask(order.mask.data)
            mask = data_url(Input(data=data, format=Format.PNG))
        return await self._deliver(order, mask, watch)

    async def collect(self, order: Order, request: str, watch: Watch) -> Delivery:
        await watch.stage("Waiting for the provider")

        async def fetch(_part: Order, name: str) -> Delivery:
            limit = self._limit(order, None) + self._config.picture_bytes
            call = Call(path=f"responses/{name}", method="GET", limit=limit)
            return await self._found(call)

        return await fetch_all(_one_by_one(order), request, fetch)

    async def _found(self, call: Call) -> Delivery:
        """What became of a stored response. Raises as `Tracking.collect`."""
        try:
            answer = await self._client.send(call, self._config.total_timeout)
        except WebError:
            answer = None
        if answer is not None and answer.status == 404:
            raise unknown()
        if answer is None or answer.status != 200:
            raise NotYet(_LATER)
        found = await asyncio.to_thread(read_object, answer.body)
        if found is None or found.get("status") in _AT_WORK:
            raise NotYet(_LATER)
        return self._delivery(await asyncio.to_thread(read_turn, found), request_id(answer.headers))

    async def ping(self) -> None:
        """Ask for the list of models, which costs nothing."""
        await ask_for_models(self._line, self._parts)

    async def discover(self) -> tuple[Found, ...]:
        return await openai_models(await ask_for_models(self._line, self._parts))

    async def close(self) -> None:
        await self._client.close()

    async def _deliver(self, order: Order, mask: str | None, watch: Watch) -> Delivery:
        until = self._parts.clock.monotonic() + self._config.total_timeout
        takings = Takings(watch)
        await watch.stage("Waiting for the provider")

        async def make(part: Order, first: int) -> Delivery:
            told = _Told(watch, takings, first, until)
            if _ids(part.continuation):
                try:
                    return await self._make(part, mask, told)
                except (ProviderRejected, ProviderMisconfigured):
                    # The vendor may have forgotten what it made; nothing was made now.
                    await watch.again()
            return await self._make(replace(part, continuation=None), mask, told)

        return await repeat(_one_by_one(order), watch, make)

    async def _make(self, order: Order, mask: str | None, told: "_Told") -> Delivery:
        body = self._body(order, mask)
        call = Call(
            path="responses",
            headers={"Idempotency-Key": order.key},
            json=body,
            limit=self._limit(order, mask),
        )
        count = order.plan.ask.partial_images
        partials = range(told.first * count, (told.first + 1) * count)

        async def begun(name: str) -> None:
            if self._config.store and len(name) <= _TRACKED and _ID.match(name):
                await told.takings.note(told.first, name)

        stream = ResponseStream(told.watch, partials, begun) if body.get("stream") else None
        judge = Judge(self._parts, order.plan.model)
        request = None
        try:
            answer = await self._line.ask(call, judge, told.until, told.watch, stream)
        except OutcomeUnknown:
            if stream is None or not stream.items:
                raise
        else:
            request = request_id(answer.headers)
            if stream is None or not stream.used:
                found = await asyncio.to_thread(read_object, answer.body)
                return self._delivery(read_turn(found), request)
        turn = await asyncio.to_thread(read_turn, stream.response, stream.items, stream.error)
        return self._delivery(turn, request)

    def _delivery(self, turn: Turn, request: str | None) -> Delivery:
        if turn.picture is not None:
            if len(turn.picture) > self._config.picture_bytes:
                raise unknown()
            made = Made(
                data=turn.picture,
                revised_prompt=turn.revised_prompt,
                continuation=_continuation(turn, stored=self._config.store),
            )
            return Delivery(pictures=(made,), usage=turn.usage, request=request)
        fault = turn.fault or unknown()
        if turn.usage is None or isinstance(fault, OutcomeUnknown):
            raise fault
        return Delivery(pictures=(), usage=turn.usage, request=request, failures={0: fault})

    def _body(self, order: Order, mask: str | None) -> dict[str, Any]:
        config, ids = self._config, _ids(order.continuation)
        values: dict[str, object] = {
            "model": config.text_model,
            "input": self._input(order, ids),
            "tools": [self._tool(order, mask)],
            "tool_choice": {"type": "image_generation"},
            "max_output_tokens": config.max_output_tokens,
            "max_tool_calls": 1,
            "reasoning": {"effort": config.reasoning_effort} if config.reasoning_effort else None,
            "store": config.store,
            "previous_response_id": ids.get("response"),
            "stream": True if order.plan.ask.partial_images else None,
        }
        return self._sent(values)

    def _tool(self, order: Order, mask: str | None) -> dict[str, object]:
        plan, ask = order.plan, order.plan.ask
        values: dict[str, object] = {
            **dict(plan.options),
            "type": "image_generation",
            "model": plan.upstream,
            "action": "edit" if order.references else "generate",
            "size": str(plan.size) if plan.size else None,
            "quality": plan.quality.value if plan.quality else None,
            "background": plan.background.value if plan.background else None,
            "output_format": plan.output_format.value,
            "output_compression": plan.output_compression,
            "moderation": ask.moderation.value if ask.moderation else None,
            "input_fidelity": ask.input_fidelity.value if ask.input_fidelity else None,
            "partial_images": ask.partial_images or None,
            "input_image_mask": {"image_url": mask} if mask else None,
        }
        return self._sent(values)

    def _sent(self, values: Mapping[str, object]) -> dict[str, object]:
        left_out = self._config.leave_out
        return {
            name: value
            for name, value in values.items()
            if value is not None and name not in left_out
        }

    def _input(self, order: Order, ids: Mapping[str, str]) -> object:
        """The prompt and the images; one that the vendor made is not sent as one of ours."""
        prompt = order.plan.prompt
        if self._config.input == "text" and not order.references:
            return prompt
        references = order.references[1:] if ids else order.references
        content = [
            {"type": "input_text", "text": prompt},
            *({"type": "input_image", "image_url": data_url(each)} for each in references),
        ]
        message = {"role": "user", "content": content}
        if not ids or "response" in ids:
            return [message]
        made = {
            "type": "image_generation_call",
            "id": ids["image"],
            "status": "completed",
            "result": base64.b64encode(order.references[0].data).decode(),
        }
        return [made, message]

    def _limit(self, order: Order, mask: str | None) -> int:
        # Events tell the picture twice, and the tool with its mask in each of several.
        pictures = 2 + order.plan.ask.partial_images
        return pictures * (self._config.picture_bytes * 3 // 2) + 8 * len(mask or "") + _SLACK


@dataclass(frozen=True, slots=True)
class _Told:
    """To whom a part of an order tells how far it is, and the moment until which it may take."""

    watch: Watch
    takings: Takings
    first: int
    until: float


def _one_by_one(order: Order) -> Order:
    return replace(order, plan=replace(order.plan, per_call=1))


def _continuation(turn: Turn, *, stored: bool) -> str | None:
    ids = {"image": turn.image, "response": turn.response if stored else None}
    found = {name: each for name, each in ids.items() if each is not None and _ID.match(each)}
    return json.dumps(found) if "image" in found else None


def _ids(continuation: str | None) -> dict[str, str]:
    """What `_continuation` wrote, or nothing."""
    found = read_object((continuation or "").encode()) or {}
    ids = {name: str(each) for name, each in found.items() if _ID.match(str(each))}
    return ids if "image" in ids else {}
