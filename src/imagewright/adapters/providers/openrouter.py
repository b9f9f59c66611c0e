"""OpenRouter's Images API: many vendors' models behind one key and one price list.

`POST /api/v1/images` (openrouter 1.3.84, captured from it). A named size is sent as `aspect_ratio`
and `resolution`, any other as `size`; OpenRouter refuses the two together where they differ.
Input images go as data URLs. There is no mask. Options of a model in the catalogue:

* `output_format`: false for a model whose format cannot be chosen; the parameter is not sent.

Partial images come in server-sent events from the models that have them; how many cannot be asked
for, and those beyond what was asked are not told. What an order costs is in its answer. A 200
may carry an error instead of pictures: it means that a model was at work, so unless it is a
refusal for safety's sake the outcome is unknown.
"""

import asyncio
import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import quote

from imagewright.adapters.web.client import Answer, Call, Client
from imagewright.adapters.wire.line import Judge, Judgement, Line
from imagewright.adapters.wire.openrouter_models import nano, read_model_price, read_models
from imagewright.adapters.wire.refusals import not_made, read_error, refusal, unknown
from imagewright.adapters.wire.repeating import repeat
from imagewright.adapters.wire.results import decode_base64, read_object, whole
from imagewright.adapters.wire.retrying import asked_pause, may_repeat
from imagewright.adapters.wire.server import Server, endpoint
from imagewright.adapters.wire.streams import PictureStream
from imagewright.core.errors import (
    Fault,
    ModerationBlocked,
    ProviderBadAnswer,
    Unsupported,
)
from imagewright.core.money import Nano
from imagewright.core.spending import Usage
from imagewright.ports.provider import Delivery, Found, Input, Made, Order, Parts, Watch

_MIB = 1024 * 1024
_SLACK = 64 * 1024
_LIST_LIMIT = 8 * _MIB
_MOST_MODELS = 200
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/-]{1,128}\Z")
_SLUG = re.compile(r"[a-z0-9][a-z0-9/._-]{0,63}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Server):
    """An operator's settings. Times are in seconds.

    `only` and `ignore` name the vendors that OpenRouter may or may not route to.
    `total_timeout` bounds an order with all its attempts. `picture_bytes` bounds each picture.
    Raises ValueError for what cannot be.
    """

    name: str = "openrouter"
    base_url: str = "https://openrouter.ai/api/v1"
    only: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        Server.__post_init__(self)
        if not all(_SLUG.match(each) for each in (*self.only, *self.ignore)):
            raise ValueError("only and ignore list vendors as OpenRouter names them: google-vertex")


def build(config: Config, parts: Parts) -> "OpenRouter":
    """The provider as configured; the connection is opened with the first order."""
    return OpenRouter(config, parts)


class OpenRouter:
    """`ports.provider.Provider`, `Discovery` and `Health` for one account."""

    def __init__(self, config: Config, parts: Parts) -> None:
        self._config = config
        self._parts = parts
        self._client = Client(endpoint(config, parts, more={}))
        self._line = Line(self._client, parts, config.retries)

    async def generate(self, order: Order, watch: Watch) -> Delivery:
        return await self._make(order, watch)

    async def edit(self, order: Order, watch: Watch) -> Delivery:
        if order.mask is not None:
            raise Unsupported("This provider takes no mask.", hint="Say in words what to change.")
        return await self._make(order, watch)

    async def ping(self) -> None:
        """Ask about the key, which costs nothing."""
        await self._look("key")

    async def discover(self) -> tuple[Found, ...]:
        """The image models; those that can be offered are priced where one a picture covers it."""
        answer = await self._look("images/models")
        found = read_models(answer.body)
        if found is None:
            raise ProviderBadAnswer(
                "The provider's list of models cannot be read.", hint="Try again later."
            )
        return tuple(await asyncio.gather(*map(self._priced, found[:_MOST_MODELS])))

    async def close(self) -> None:
        await self._client.close()

    async def _make(self, order: Order, watch: Watch) -> Delivery:
        until = self._parts.clock.monotonic() + self._config.total_timeout
        if order.plan.ask.partial_images:
            order = replace(order, plan=replace(order.plan, per_call=1))

        async def make(part: Order, first: int) -> Delivery:
            return await self._carry_out(part, first, until, watch)

        await watch.stage("Waiting for the provider")
        return await repeat(order, watch, make)

    async def _carry_out(self, order: Order, first: int, until: float, watch: Watch) -> Delivery:
        count = order.plan.ask.partial_images
        call = Call(
            path="images",
            json=self._parameters(order),
            # Base64 takes four bytes for three.
            limit=(order.plan.ask.n + count) * (self._config.picture_bytes * 3 // 2) + _SLACK,
        )
        partials = range(first * count, (first + 1) * count)
        stream = PictureStream(watch, partials, _usage_of_one) if count else None
        judge = self._judge(order.plan.model)
        answer = await self._line.ask(call, judge, until, watch, stream)
        if stream is not None and stream.used:
            return self._streamed(stream, order, _request_id(answer))
        found = await asyncio.to_thread(read_object, answer.body) or {}
        listed = found.get("data")
        texts = [_text(each) for each in listed] if isinstance(listed, list) else []
        data = await asyncio.to_thread(_decoded, texts[: order.plan.ask.n])
        pictures = self._pictures(data, order)
        if not pictures:
            raise _moderated(found) or unknown()
        usage = _usage(found.get("usage"), len(texts))
        return Delivery(pictures=pictures, usage=usage, request=_request_id(answer))

    def _streamed(self, stream: PictureStream, order: Order, request: str | None) -> Delivery:
        if stream.results is None:
            raise not_made(stream.error)
        pictures = self._pictures([each.data for each in stream.results.entries], order)
        if not pictures:
            raise unknown()
        return Delivery(pictures=pictures, usage=stream.results.usage, request=request)

    def _pictures(self, found: Sequence[bytes | None], order: Order) -> tuple[Made, ...]:
        most = self._config.picture_bytes
        # Of several pictures of one seed nobody says which seed is whose.
        seed = order.plan.ask.seed if order.plan.ask.n == 1 else None
        return tuple(Made(data=data, seed=seed) for data in found if data and len(data) <= most)

    def _parameters(self, order: Order) -> dict[str, object]:
        plan, ask = order.plan, order.plan.ask
        chosen = dict(plan.options).get("output_format") is not False
        values: dict[str, object] = {
            "model": plan.upstream,
            "prompt": plan.prompt,
            "n": ask.n if ask.n > 1 else None,
            "quality": plan.quality.value if plan.quality else None,
            "background": plan.background.value if plan.background else None,
            "output_format": plan.output_format.value if chosen else None,
            "output_compression": plan.output_compression,
            "seed": ask.seed,
            "stream": True if ask.partial_images else None,
            "input_references": [_reference(each) for each in order.references] or None,
            "provider": self._routing(),
            **_size(order),
        }
        return {name: value for name, value in values.items() if value is not None}

    def _routing(self) -> dict[str, object] | None:
        config = self._config
        lists = {"only": list(config.only), "ignore": list(config.ignore)}
        return {name: each for name, each in lists.items() if each} or None

    async def _look(self, path: str) -> Answer:
        call = Call(path=path, method="GET", limit=_LIST_LIMIT)
        return await self._line.look(call, self._judge(""))

    async def _priced(self, found: Found) -> Found:
        if found.like is None:
            return found
        try:
            answer = await self._look(f"images/models/{quote(found.upstream)}/endpoints")
        except Fault:
            return found
        return replace(found, price=read_model_price(answer.body))

    def _judge(self, model: str) -> Judge:
        def read(answer: Answer) -> Judgement:
            pause = asked_pause(answer.headers, self._parts.clock.now() / 1_000_000)
            error = read_error(answer.body)
            flagged = _moderated(read_object(answer.body) or {}) if answer.status == 403 else None
            return Judgement(
                fault=flagged or refusal(answer, model=model, asked_pause=pause),
                repeatable=may_repeat(answer.status, answer.headers, own_error=error is not None),
                pause=pause,
            )

        return read


def _text(entry: object) -> str:
    found = entry.get("b64_json") if isinstance(entry, dict) else None
    return found if isinstance(found, str) else ""


def _decoded(texts: Sequence[str]) -> list[bytes | None]:
    return [decode_base64(text) for text in texts]


def _size(order: Order) -> dict[str, object]:
    plan = order.plan
    ratio, _, tier = (plan.size_name or "").partition("/")
    if ratio:
        return {"aspect_ratio": ratio, "resolution": tier or None}
    return {"size": str(plan.size) if plan.size else None}


def _reference(picture: Input) -> dict[str, object]:
    data = base64.b64encode(picture.data).decode()
    return {"type": "image_url", "image_url": {"url": f"data:{picture.format.mime};base64,{data}"}}


def _moderated(found: Mapping[str, object]) -> ModerationBlocked | None:
    """A refusal for safety's sake: its error tells the reasons for which it was flagged."""
    error = found.get("error")
    metadata = error.get("metadata") if isinstance(error, dict) else None
    if not isinstance(metadata, dict) or not metadata.get("reasons"):
        return None
    return ModerationBlocked(
        "The provider's safety system refused the request.",
        hint="Change what the prompt or the images show.",
        details={"stage": "input"},
    )


def _usage(found: object, pictures: int) -> Usage | None:
    """The tokens and the price of an answer; with a key of one's own it is both parties' price."""
    if not isinstance(found, dict):
        return None
    cost = nano(found.get("cost"))
    if cost is not None and found.get("is_byok"):
        details = found.get("cost_details")
        upstream = details.get("upstream_inference_cost") if isinstance(details, dict) else None
        paid = nano(upstream)
        cost = None if paid is None else Nano(cost + paid)
    return Usage(pictures=pictures, output_tokens=whole(found.get("completion_tokens")), cost=cost)


def _usage_of_one(found: object) -> Usage | None:
    return _usage(found, 1)


def _request_id(answer: Answer) -> str | None:
    for name in ("x-generation-id", "x-request-id"):
        if _REQUEST_ID.match(found := answer.headers.get(name, "")):
            return found
    return None
