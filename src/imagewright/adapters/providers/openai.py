"""OpenAI, and every server that speaks its Images API: relays, Azure, local engines.

What a status other than 200 proves stands in `adapters.wire.refusals`. The rest:

* A request whose first byte was never written is tried again; one that was written and got
  no whole answer never is, and its outcome is unknown.
* A 200 that is no JSON, is cut off, is too large, lists no pictures, or lists only what cannot be
  read or fetched, proves that the request was accepted, and vendors bill what they
  accepted: its outcome is unknown too. Only where the operator says that the
  server charges nothing (`charges = false`) is it a bad answer and nothing more.
* Where some of several pictures can be read, those are delivered.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from imagewright.adapters.web.client import Answer, Bounds, Call, Client, Endpoint
from imagewright.adapters.web.failures import NotSent, TooLarge, WebError
from imagewright.adapters.web.netguard import Guard
from imagewright.adapters.web.origin import parse_url
from imagewright.adapters.wire.images import form_fields, form_files, parameters
from imagewright.adapters.wire.refusals import read_error, refusal, unknown
from imagewright.adapters.wire.repeating import repeat
from imagewright.adapters.wire.results import Entry, Results, read_results
from imagewright.adapters.wire.retrying import asked_pause, may_repeat, pause
from imagewright.core.errors import (
    Fault,
    OutcomeUnknown,
    ProviderBadAnswer,
    ProviderUnavailable,
)
from imagewright.core.secret import Secret
from imagewright.ports.provider import Delivery, Made, Order, Parts, Watch

_MIB = 1024 * 1024
_SLACK = 64 * 1024
_MODELS_LIMIT = 8 * _MIB
_PING_SECONDS = 20.0
_ACCEPTED = frozenset({200, 201})
_REQUEST_HEADERS = ("x-request-id", "x-api-request-id", "x-litellm-call-id")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/-]{1,128}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """An operator's settings for one such server. Times are in seconds.

    `key_header` other than Authorization carries the bare key (Azure: `api-key`).
    `total_timeout` bounds an order with all its attempts. `picture_bytes` bounds each picture.
    `send_model` and `send_output_format` are turned off for servers that refuse those
    parameters. `charges` is turned off for a server that never bills, such as one's own.
    Raises ValueError for an address or a number that cannot be.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}
    """For settings: a key that is none of these is a mistake."""

    name: str = "openai"
    base_url: str = "https://api.openai.com/v1"
    api_key: Secret | None = None
    key_header: str = "Authorization"
    organization: str | None = None
    project: str | None = None
    headers: Mapping[str, Secret] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    proxy: Secret | None = None
    ca_file: str | None = None
    connect_timeout: float = 10.0
    read_timeout: float = 600.0
    total_timeout: float = 600.0
    concurrency: int = 8
    retries: int = 2
    picture_bytes: int = 50 * _MIB
    send_model: bool = True
    send_output_format: bool = True
    charges: bool = True

    def __post_init__(self) -> None:
        if parse_url(self.base_url).query:
            raise ValueError("base_url holds a query; give it as `query`")
        positive = (self.connect_timeout, self.read_timeout, self.total_timeout)
        if min(*positive, self.concurrency, self.picture_bytes) <= 0 or self.retries < 0:
            raise ValueError(
                "times, concurrency and picture_bytes must be above 0, retries not below"
            )


def build(config: Config, parts: Parts) -> "OpenAIImages":
    """The provider as configured; the connection is opened with the first order."""
    client = Client(_endpoint(config))
    return OpenAIImages(config, parts, client, Guard(own=client.origin))


def _endpoint(config: Config) -> Endpoint:
    headers = dict(config.headers)
    if config.api_key is not None:
        bearer = config.key_header.lower() == "authorization"
        key = Secret(f"Bearer {config.api_key.reveal()}") if bearer else config.api_key
        headers[config.key_header] = key
    for name, value in (
        ("OpenAI-Organization", config.organization),
        ("OpenAI-Project", config.project),
    ):
        if value is not None:
            headers[name] = Secret(value)
    return Endpoint(
        base_url=config.base_url,
        headers=headers,
        query=config.query,
        proxy=config.proxy,
        ca_file=config.ca_file,
        bounds=Bounds(
            connect=config.connect_timeout,
            read=config.read_timeout,
            concurrency=config.concurrency,
        ),
    )


class OpenAIImages:
    """`ports.provider.Provider` and `Health` for one configured server."""

    def __init__(self, config: Config, parts: Parts, client: Client, guard: Guard) -> None:
        self._config = config
        self._parts = parts
        self._client = client
        self._guard = guard

    async def generate(self, order: Order, watch: Watch) -> Delivery:
        async def make(part: Order, _: int) -> Delivery:
            call = Call(
                path="images/generations",
                headers=_order_headers(part),
                json=self._parameters(part),
                limit=self._limit(part),
            )
            return await self._carry_out(part, call, watch)

        return await repeat(order, watch, make)

    async def edit(self, order: Order, watch: Watch) -> Delivery:
        mask = None
        if order.mask is not None:
            mask = await self._parts.imaging.alpha_mask(order.mask.data)

        async def make(part: Order, _: int) -> Delivery:
            call = Call(
                path="images/edits",
                headers=_order_headers(part),
                fields=form_fields(self._parameters(part)),
                files=form_files(part, mask),
                limit=self._limit(part),
            )
            return await self._carry_out(part, call, watch)

        return await repeat(order, watch, make)

    async def ping(self) -> None:
        """Ask for the list of models, which costs nothing."""
        fault: Fault | None = None
        try:
            answer = await self._client.send(
                Call(path="models", method="GET", limit=_MODELS_LIMIT), _PING_SECONDS
            )
            if answer.status != 200:
                fault = refusal(answer, model="", asked_pause=self._asked(answer))
        except WebError:
            fault = _away()
        if isinstance(fault, OutcomeUnknown):
            fault = _away()
        if fault is not None:
            raise fault

    async def close(self) -> None:
        await self._client.close()
        await self._guard.close()

    def _parameters(self, order: Order) -> dict[str, object]:
        values = parameters(order)
        if not self._config.send_model:
            del values["model"]
        if not self._config.send_output_format:
            del values["output_format"]
        return values

    def _limit(self, order: Order) -> int:
        # Base64 takes four bytes for three; servers may break its lines.
        return order.plan.ask.n * (self._config.picture_bytes * 3 // 2) + _SLACK

    async def _carry_out(self, order: Order, call: Call, watch: Watch) -> Delivery:
        until = self._parts.clock.monotonic() + self._config.total_timeout
        await watch.stage("Waiting for the provider")
        answer = await self._insist(order, call, until, watch)
        results = await asyncio.to_thread(
            read_results, answer.body, inputs=bool(order.references or order.mask)
        )
        if results is None:
            raise self._unreadable(answer, order)
        pictures = await self._pictures(results, order, watch)
        if not pictures:
            raise self._bad()
        return Delivery(pictures=pictures, usage=results.usage, request=_request_id(answer))

    async def _insist(self, order: Order, call: Call, until: float, watch: Watch) -> Answer:
        """An accepted answer; attempts that surely were not accepted are repeated."""
        attempt = 0
        while True:
            outcome = await self._attempt(call, until)
            if isinstance(outcome, Answer) and outcome.status in _ACCEPTED:
                return outcome
            wait = self._wait(outcome, attempt, until)
            if wait is None:
                raise self._fault(outcome, order)
            await watch.stage("Waiting to ask the provider again")
            await self._parts.sleep(wait)
            await watch.again()
            attempt += 1

    async def _attempt(self, call: Call, until: float) -> Answer | WebError:
        try:
            return await self._client.send(call, until - self._parts.clock.monotonic())
        except WebError as error:
            return error

    def _wait(self, outcome: Answer | WebError, attempt: int, until: float) -> float | None:
        """Seconds until the next attempt, or None if there must not be one."""
        if attempt >= self._config.retries:
            return None
        if isinstance(outcome, NotSent):
            wait = pause(attempt, None, self._parts.random)
        elif isinstance(outcome, Answer) and _repeatable(outcome):
            wait = pause(attempt, self._asked(outcome), self._parts.random)
        else:
            return None
        if wait is None or self._parts.clock.monotonic() + wait >= until:
            return None
        return wait

    def _asked(self, answer: Answer) -> float | None:
        return asked_pause(answer.headers, self._parts.clock.now() / 1_000_000)

    def _fault(self, outcome: Answer | WebError, order: Order) -> Fault:
        if isinstance(outcome, NotSent):
            return _away()
        if isinstance(outcome, TooLarge):
            return self._bad()
        if isinstance(outcome, Answer):
            fault = refusal(outcome, model=order.plan.model, asked_pause=self._asked(outcome))
        else:
            fault = unknown()
        if isinstance(fault, OutcomeUnknown) and not self._config.charges:
            return ProviderUnavailable("The provider broke off.", hint="Try again later.")
        return fault

    def _unreadable(self, answer: Answer, order: Order) -> Fault:
        """Some relays refuse with status 200; a refusal that we know is as good as a 400."""
        error = read_error(answer.body)
        if error is not None and (error.moderation or error.quota):
            return refusal(Answer(status=400, headers={}, body=answer.body), model=order.plan.model)
        return self._bad()

    def _bad(self) -> Fault:
        if self._config.charges:
            return unknown()
        return ProviderBadAnswer(
            "The provider answered with something that is not a picture.",
            hint="Try again later, or choose another provider.",
        )

    async def _pictures(self, results: Results, order: Order, watch: Watch) -> tuple[Made, ...]:
        pictures = []
        wanted = results.entries[: order.plan.ask.n]
        for number, entry in enumerate(wanted):
            data = entry.data
            if entry.url is not None:
                await watch.stage("Fetching the pictures", number, len(wanted))
                data = await self._fetch(entry)
            if data is not None and len(data) <= self._config.picture_bytes:
                pictures.append(
                    Made(data=data, revised_prompt=entry.revised_prompt, seed=entry.seed)
                )
        return tuple(pictures)

    async def _fetch(self, entry: Entry) -> bytes | None:
        try:
            return await self._guard.get(entry.url or "", self._config.picture_bytes) or None
        except WebError:
            return None


def _order_headers(order: Order) -> dict[str, str]:
    return {"Idempotency-Key": order.key}


def _repeatable(answer: Answer) -> bool:
    error = read_error(answer.body)
    if error is not None and error.quota:
        return False
    return may_repeat(answer.status, answer.headers, own_error=error is not None)


def _away() -> ProviderUnavailable:
    return ProviderUnavailable("The provider cannot be reached.", hint="Try again later.")


def _request_id(answer: Answer) -> str | None:
    found = (answer.headers.get(name, "") for name in _REQUEST_HEADERS)
    return next((text for text in found if _REQUEST_ID.match(text)), None)
