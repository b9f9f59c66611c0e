"""Notices by HTTP, to the address that the operator named."""

import asyncio
import logging
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from imagewright.adapters.notices.letter import body_of, headers_of, read_key
from imagewright.adapters.web.client import Bounds, Call, Client, Endpoint
from imagewright.adapters.web.failures import WebError
from imagewright.core.ids import Kind
from imagewright.core.notice import Event, Notice
from imagewright.core.secret import Secret
from imagewright.ports.clock import World
from imagewright.ports.telemetry import Telemetry

_log = logging.getLogger(__name__)
_SUCCESS = range(200, 300)
_ANSWER_BYTES = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookConfig:
    """Where notices go, signed with what, and which.

    `egress` is the Unix socket of an egress proxy, by way of which they go.
    `delays` are the seconds before each further try; `seconds` are for one try, `grace` for all
    that wait at the end. `most` may wait.
    """

    url: Secret
    secret: Secret
    events: frozenset[Event] = frozenset(Event)
    egress: str | None = None
    delays: tuple[float, ...] = (1.0, 5.0, 25.0, 125.0, 300.0)
    seconds: float = 10.0
    grace: float = 5.0
    most: int = 1000


@dataclass(slots=True, eq=False)
class _Letter:
    id: str
    event: Event
    body: bytes = field(repr=False)
    due: float
    tries: int = 0


class Webhook:
    """`ports.notices.Notices`: one at a time, the first that is due first.

    Any 2xx is delivered; whatever else happens is tried again, with the same id.
    """

    def __init__(self, config: WebhookConfig, world: World, telemetry: Telemetry) -> None:
        """Raises ValueError for a secret or an address that is none."""
        self._config = config
        self._key = read_key(config.secret.reveal())
        self._world = world
        self._telemetry = telemetry
        self._client = Client(_endpoint(config))
        self._waiting: deque[_Letter] = deque()
        self._news = asyncio.Event()

    def wants(self, event: Event) -> bool:
        return event in self._config.events

    def send(self, notice: Notice) -> None:
        if not self.wants(notice.event):
            return
        letter = _Letter(
            id=self._world.new_id(Kind.NOTICE),
            event=notice.event,
            body=body_of(notice),
            due=self._world.clock.monotonic(),
        )
        if len(self._waiting) >= self._config.most:
            self._lose(letter, "full")
            return
        self._waiting.append(letter)
        self._news.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            letter = await self._next()
            if await self._try(letter) or letter.tries > len(self._config.delays):
                self._waiting.remove(letter)
            else:
                delay = self._config.delays[letter.tries - 1]
                letter.due = self._world.clock.monotonic() + delay

    async def close(self) -> None:
        """Try what waits once more, within `grace`; the rest is lost."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._config.grace):
                for letter in tuple(self._waiting):
                    if await self._try(letter, last=True):
                        self._waiting.remove(letter)
        for letter in self._waiting:
            self._lose(letter, "stopped")
        self._waiting.clear()
        await self._client.close()

    async def _next(self) -> _Letter:
        while True:
            self._news.clear()
            first = min(self._waiting, key=lambda each: each.due, default=None)
            seconds = first.due - self._world.clock.monotonic() if first else None
            if first is not None and seconds is not None and seconds <= 0:
                return first
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._news.wait()

    async def _try(self, letter: _Letter, *, last: bool = False) -> bool:
        """Whether it is delivered; where it is not and never will be, that is told."""
        letter.tries += 1
        now = self._world.clock.now()
        call = Call(
            path="",
            content=letter.body,
            headers=headers_of(letter.id, letter.body, self._key, now),
            limit=_ANSWER_BYTES,
        )
        try:
            answer = await self._client.send(call, self._config.seconds)
            reason = f"status {answer.status}"
            done = answer.status in _SUCCESS
        except WebError as error:
            reason, done = error.reason, False
        except Exception:  # noqa: BLE001 - what breaks here must not end all notices
            _log.error("notice broke", exc_info=True, extra={"notice": letter.id})
            reason, done = "incident", False
        if done:
            self._telemetry.notice(letter.event.value, "delivered")
        elif last or letter.tries > len(self._config.delays):
            self._lose(letter, reason)
        else:
            extra = {"notice": letter.id, "about": letter.event.value, "reason": reason}
            _log.info("notice not delivered yet", extra=extra)
        return done or last

    def _lose(self, letter: _Letter, reason: str) -> None:
        self._telemetry.notice(letter.event.value, "lost")
        extra = {"notice": letter.id, "about": letter.event.value, "reason": reason}
        _log.error("notice lost", extra={**extra, "tries": letter.tries})


def _endpoint(config: WebhookConfig) -> Endpoint:
    parts = urlsplit(config.url.reveal())
    return Endpoint(
        base_url=urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")),
        query=dict(parse_qsl(parts.query, keep_blank_values=True)),
        egress=config.egress,
        bounds=Bounds(connect=config.seconds, read=config.seconds, concurrency=1),
    )
