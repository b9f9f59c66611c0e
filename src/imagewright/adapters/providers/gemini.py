"""Google's Gemini image models, over the Gemini API or over Vertex AI (`project` is set).

`POST /v1/models/{model}:generateContent` (google-genai 3.3, captured from it). One call makes one
picture. Options of a model in the catalogue:

* `thinking`: the level it is asked for (`minimal`, `low`, `medium`, `high`); `auto` leaves it to
  the config. A model without the option takes none.
* `max_tokens`: sent as `maxOutputTokens`. It bounds the thoughts, which are billed as text.
* `image_size`: false for a model that takes an aspect ratio but no size.

What a status other than 200 proves stands in `adapters.wire.google_errors`. A 200 that is no JSON,
is cut off or too large, or has neither a picture nor a reason, proves that the request was
accepted, and its outcome is unknown. Where an answer says why it has no picture and
reports tokens, they are billed: that is a delivery without pictures, and no plain fault.

Asks that may take hours are handed to the Gemini API's batches; see
`adapters.wire.gemini_batches`. Those of Vertex AI go by Cloud Storage and are not spoken here.

A picture made here can be gone on from: its signature and the words that asked for it are sent
again as the turn before, with the picture between them.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar
from urllib.parse import quote

from imagewright.adapters.web.client import Answer, Bounds, Call, Client, Endpoint
from imagewright.adapters.web.origin import parse_url
from imagewright.adapters.wire.contents import (
    Candidate,
    candidate_of,
    contents,
    continuation,
    no_choice,
    output_options,
    read_candidate,
)
from imagewright.adapters.wire.gemini_batches import Batches, Outcome
from imagewright.adapters.wire.google_addresses import api_address, opened
from imagewright.adapters.wire.google_errors import judge
from imagewright.adapters.wire.google_tokens import KeyFile, TokenFile, Tokens
from imagewright.adapters.wire.line import Judge, Judgement, Line, away
from imagewright.adapters.wire.listing import google_models
from imagewright.adapters.wire.pace import Pace
from imagewright.adapters.wire.refusals import unknown
from imagewright.adapters.wire.repeating import joined, parts_of, repeat
from imagewright.adapters.wire.results import read_object
from imagewright.core.ask import AUTO
from imagewright.core.catalogue import Offer, unhurried
from imagewright.core.errors import Fault, Unsupported
from imagewright.core.picture import Format
from imagewright.core.secret import Secret
from imagewright.ports.provider import Delivery, Found, Made, Order, Parts, Watch

_MIB = 1024 * 1024
_SLACK = 256 * 1024
_MODELS_LIMIT = 8 * _MIB
_MOST_PAGES = 20
_DRAFTS = 2
"""Pictures beside the last one that an answer may hold and still be read."""
_LEVELS = ("minimal", "low", "medium", "high")
_SEEDS = 2**31
_WORD = re.compile(r"[A-Z][A-Z_]{2,63}\Z")
_PLACE = re.compile(r"[a-z0-9][a-z0-9:.-]{0,62}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """An operator's settings. Times are in seconds.

    Without `project` the Gemini API is spoken to, with `api_key`. With it Vertex AI, at
    `location`, with the token in `token_file`, which is read for every order, or with tokens for
    the service account in `key_file`. `base_url` is an address without the API's version, for
    a gateway. `safety` sets thresholds by category. `people` is Vertex AI's personGeneration.
    `total_timeout` bounds an order with all its attempts, `batch_poll` is between two looks at a
    batch. `picture_bytes` bounds each picture.
    Raises ValueError for what cannot be.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}
    """For settings: a key that is none of these is a mistake."""

    name: str = "gemini"
    base_url: str | None = None
    api_key: Secret | None = None
    project: str | None = None
    location: str = "global"
    token_file: str | None = None
    key_file: str | None = None
    thinking: str | None = None
    safety: Mapping[str, str] = field(default_factory=dict)
    people: str | None = None
    proxy: Secret | None = None
    ca_file: str | None = None
    connect_timeout: float = 10.0
    read_timeout: float = 600.0
    total_timeout: float = 600.0
    concurrency: int = 8
    retries: int = 2
    batch_poll: float = 60.0
    picture_bytes: int = 50 * _MIB

    def __post_init__(self) -> None:
        if self.base_url is not None and parse_url(self.base_url).query:
            raise ValueError("base_url holds a query")
        times = (self.connect_timeout, self.read_timeout, self.total_timeout, self.batch_poll)
        if min(*times, self.concurrency, self.picture_bytes) <= 0 or self.retries < 0:
            raise ValueError(
                "times, concurrency and picture_bytes must be above 0, retries not below"
            )
        if self.thinking is not None and self.thinking not in _LEVELS:
            raise ValueError(f"thinking must be one of {', '.join(_LEVELS)}")
        words = (*self.safety, *self.safety.values(), *((self.people,) if self.people else ()))
        if not all(_WORD.match(word) for word in words):
            raise ValueError("safety and people are in words like HARM_CATEGORY_HARASSMENT")
        self._check_place()

    def _check_place(self) -> None:
        files = (self.token_file is not None) + (self.key_file is not None)
        if self.project is None and (files or self.people):
            raise ValueError("token_file, key_file and people need a project: they are Vertex AI's")
        if self.project is not None:
            if not _PLACE.match(self.project) or not _PLACE.match(self.location):
                raise ValueError("project and location are ids such as my-project and global")
            if files != 1 or self.api_key is not None:
                raise ValueError("a project needs a token_file or a key_file, and no api_key")


def build(config: Config, parts: Parts) -> "Gemini":
    """The provider as configured; the connection is opened with the first order."""
    return Gemini(config, parts)


def offered(config: Config, offer: Offer) -> Offer:
    """Vertex AI takes batches only by way of Cloud Storage, which is not used here."""
    return offer.repriced(unhurried) if config.project is not None else offer


outward = opened


def _endpoint(config: Config, parts: Parts) -> Endpoint:
    return Endpoint(
        base_url=api_address(config.base_url, config.project, config.location),
        headers={"x-goog-api-key": config.api_key} if config.api_key is not None else {},
        proxy=config.proxy,
        ca_file=config.ca_file,
        egress=parts.egress,
        bounds=Bounds(
            connect=config.connect_timeout,
            read=config.read_timeout,
            concurrency=config.concurrency,
        ),
    )


def _tokens(config: Config, endpoint: Endpoint, parts: Parts) -> Tokens | None:
    if config.token_file is not None:
        return TokenFile(config.token_file)
    if config.key_file is not None:
        return KeyFile(config.key_file, endpoint, parts)
    return None


class Gemini:
    """`ports.provider.Provider`, `Economical`, `Discovery` and `Health` for one account."""

    def __init__(self, config: Config, parts: Parts) -> None:
        endpoint = _endpoint(config, parts)
        self._config = config
        self._parts = parts
        self._client = Client(endpoint)
        self._line = Line(self._client, parts, config.retries)
        # Base64 takes four bytes for three.
        self._limit = (1 + _DRAFTS) * (config.picture_bytes * 3 // 2) + _SLACK
        pace = Pace(poll=config.batch_poll, total=config.total_timeout)
        self._batches = Batches(self._client, self._line, parts, pace)
        self._tokens = _tokens(config, endpoint, parts)

    async def generate(self, order: Order, watch: Watch) -> Delivery:
        return await self._make(order, watch)

    async def edit(self, order: Order, watch: Watch) -> Delivery:
        _check_mask(order)
        return await self._make(order, watch)

    async def submit(self, order: Order, watch: Watch) -> float:
        if self._config.project is not None:
            raise Unsupported(
                "Vertex AI takes batches only by way of Cloud Storage, which is not used here.",
                hint="Leave economy out, or choose another provider.",
            )
        _check_mask(order)
        await watch.stage("Handing in the batch")
        body = self._body(order)
        bodies = [_seeded(body, part.plan.ask.seed) for part, _ in parts_of(_singly(order))]
        return await self._batches.submit(order, bodies, watch)

    async def collect(self, order: Order, request: str, watch: Watch) -> Delivery:
        parts = list(parts_of(_singly(order)))
        outcomes = await self._batches.outcomes(order, request, watch, self._limit)
        return joined(
            [
                (part, first, await self._read(part, told))
                for (part, first), told in zip(parts, outcomes, strict=True)
            ]
        )

    async def ping(self) -> None:
        """Ask for the first of the models, which costs nothing."""
        await self._listed({"pageSize": "1"})

    async def discover(self) -> tuple[Found, ...]:
        """The models that make pictures, by their names: the list does not tell what they make."""
        found: list[Found] = []
        query = {"pageSize": "100"}
        for _ in range(_MOST_PAGES):
            page = await self._listed(query)
            found += google_models(page)
            following = page.get("nextPageToken")
            if not isinstance(following, str) or not following:
                break
            query = {**query, "pageToken": following}
        return tuple(found)

    async def close(self) -> None:
        await self._client.close()
        if self._tokens is not None:
            await self._tokens.close()

    async def _make(self, order: Order, watch: Watch) -> Delivery:
        until = self._parts.clock.monotonic() + self._config.total_timeout
        order = _singly(order)
        body = self._body(order)

        async def make(part: Order, _: int) -> Delivery:
            seeded = _seeded(body, part.plan.ask.seed)
            return await self._carry_out(part, seeded, until, watch)

        await watch.stage("Waiting for the provider")
        return await repeat(order, watch, make)

    async def _carry_out(
        self, order: Order, body: Mapping[str, object], until: float, watch: Watch
    ) -> Delivery:
        call = Call(
            path=self._path(order.plan.upstream),
            secrets=await self._secrets(),
            json=body,
            limit=self._limit,
        )
        answer = await self._line.ask(call, self._judge(order.plan.model), until, watch)
        candidate = await asyncio.to_thread(
            read_candidate, answer.body, inputs=bool(order.references)
        )
        return self._delivery(order, candidate)

    async def _read(self, part: Order, told: Outcome) -> Delivery | Fault:
        """What one request of a batch came to."""
        if isinstance(told, Fault):
            return told
        inputs = bool(part.plan.ask.references)
        candidate = await asyncio.to_thread(candidate_of, told, inputs=inputs)
        try:
            return self._delivery(part, candidate)
        except Fault as fault:
            return fault

    def _delivery(self, order: Order, candidate: Candidate | None) -> Delivery:
        if candidate is None:
            raise unknown()
        if candidate.data is None:
            return _refused(candidate)
        if len(candidate.data) > self._config.picture_bytes:
            raise unknown()
        seed = order.plan.ask.seed
        made = Made(
            data=candidate.data,
            seed=None if seed is None else seed % _SEEDS,
            continuation=continuation(order, candidate.signature),
        )
        return Delivery(pictures=(made,), usage=candidate.usage, request=candidate.request)

    def _body(self, order: Order) -> dict[str, object]:
        options = dict(order.plan.options)
        generation: dict[str, object] = {
            "responseModalities": ["IMAGE"],
            "imageConfig": self._image_config(order),
        }
        level = options.get("thinking")
        level = self._config.thinking if level == "auto" else level
        if level is not None:
            generation["thinkingConfig"] = {"thinkingLevel": str(level).upper()}
        if (most := options.get("max_tokens")) is not None:
            generation["maxOutputTokens"] = most
        body: dict[str, object] = {"contents": contents(order), "generationConfig": generation}
        if self._config.safety:
            body["safetySettings"] = [
                {"category": category, "threshold": threshold}
                for category, threshold in self._config.safety.items()
            ]
        return body

    def _image_config(self, order: Order) -> dict[str, object]:
        plan = order.plan
        ratio, _, tier = (plan.size_name or "").partition("/")
        config: dict[str, object] = {}
        if ratio and not _open(order):
            config["aspectRatio"] = ratio
        if tier and dict(plan.options).get("image_size") is not False:
            config["imageSize"] = tier
        if self._config.project is not None:
            config["imageOutputOptions"] = output_options(order)
        elif plan.output_format is not Format.PNG:
            raise no_choice(plan.output_format)
        if self._config.people is not None:
            config["personGeneration"] = self._config.people
        return config

    def _path(self, model: str) -> str:
        name = quote(model, safe="")
        config = self._config
        if config.project is None:
            return f"v1/models/{name}:generateContent"
        place = f"projects/{config.project}/locations/{config.location}"
        return f"v1/{place}/publishers/google/models/{name}:generateContent"

    async def _secrets(self) -> dict[str, Secret]:
        if self._tokens is None:
            return {}
        token = await self._tokens.token()
        return {"Authorization": Secret(f"Bearer {token.reveal()}")}

    async def _listed(self, query: Mapping[str, str]) -> Mapping[str, object]:
        """A page of models. Vertex AI lists its own in v1beta1 only, as google-genai asks it."""
        vertex = self._config.project is not None
        call = Call(
            path="v1beta1/publishers/google/models" if vertex else "v1/models",
            method="GET",
            query=query,
            secrets=await self._secrets(),
            limit=_MODELS_LIMIT,
        )
        answer = await self._line.look(call, self._judge(""))
        page = read_object(answer.body)
        if page is None:
            raise away()
        return page

    def _judge(self, model: str) -> Judge:
        def read(answer: Answer) -> Judgement:
            if answer.status == 401 and self._tokens is not None:
                self._tokens.forget()
            return judge(answer, model, self._parts.clock.now() / 1_000_000)

        return read


def _singly(order: Order) -> Order:
    """One call makes one picture, whatever the catalogue says."""
    return replace(order, plan=replace(order.plan, per_call=1))


def _check_mask(order: Order) -> None:
    if order.mask is not None:
        raise Unsupported("This provider takes no mask.", hint="Say in words what to change.")


def _seeded(body: Mapping[str, object], seed: int | None) -> Mapping[str, object]:
    """The API's seeds are 32 bits with a sign."""
    generation = body["generationConfig"]
    if seed is None or not isinstance(generation, dict):
        return body
    return {**body, "generationConfig": {**generation, "seed": seed % _SEEDS}}


def _open(order: Order) -> bool:
    """Whether an edit's shape is left to the model, which then keeps that of the picture.

    Tokens follow the size and not the shape, so the price is the same.
    """
    ask = order.plan.ask
    return bool(order.references) and ask.size == AUTO and ask.aspect_ratio is None


def _refused(candidate: Candidate) -> Delivery:
    fault = candidate.fault or unknown()
    if candidate.usage is None:
        raise fault
    return Delivery(
        pictures=(), usage=candidate.usage, request=candidate.request, failures={0: fault}
    )
