"""What every fake vendor is: a real server that answers rightly, or as a test told it to.

A subclass gives `routes`. A handler of a request that may cost begins with `take`, and ends
with `sent`; all others begin with `note`.
"""

import asyncio
import json
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Self

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import Receive, Scope, Send
from uvicorn.config import WSProtocolType

from tests.fakes.loopback import Loopback

VENDOR_WORDS = "VENDOR-WORDS-THAT-NOBODY-MAY-SEE"
USUAL: Any = object()
"""What a vendor reports where a test does not say otherwise."""


class Way(StrEnum):
    """How an answer is sent."""

    WHOLE = "whole"
    HANG = "hang"
    CLOSE_BEFORE_HEADERS = "close_before_headers"
    CLOSE_AFTER_HEADERS = "close_after_headers"
    CLOSE_MID_BODY = "close_mid_body"
    DRIP = "drip"
    SLOW = "slow"
    PACED = "paced"
    """Event by event, each `slow_seconds` after the one before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A scripted answer. Without a body it is a right one: pictures as asked, and usage."""

    status: int = 200
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    way: Way = Way.WHOLE
    as_url: str | None = None
    """`own` for addresses of this vendor, `data` for data URLs, else the address itself."""
    usage: object = USUAL
    pictures: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A request as it came. `values` are its JSON or its text parts, `files` its file parts."""

    path: str
    headers: Mapping[str, str]
    query: str
    values: Mapping[str, Any]
    files: tuple[tuple[str, str, str, bytes], ...]


def html(status: int) -> Reply:
    """What a gateway says."""
    page = f"<html><body><h1>{VENDOR_WORDS}</h1></body></html>"
    return Reply(status=status, body=page.encode(), headers={"content-type": "text/html"})


class Vendor(ABC):
    """Serves between `with` and its end; answers by `replies` in order, then rightly.

    `most` is how many requests that may cost were open at once.
    """

    paid: ClassVar[str] = "/"
    """How the paths of requests begin that may cost."""
    ws: ClassVar[WSProtocolType] = "none"
    """What serves its WebSockets, if it has any."""

    def __init__(self) -> None:
        self.replies: deque[Reply] = deque()
        self.received: list[Received] = []
        self.slow_seconds = 0.5
        self.open: set[object] = set()
        self.most = 0
        self._server = Loopback(Starlette(routes=self.routes()), ws=self.ws)

    @abstractmethod
    def routes(self) -> Sequence[BaseRoute]:
        """What it serves."""

    @property
    def origin(self) -> str:
        return f"http://{self._server.host}"

    def calls(self, path: str | None = None) -> int:
        """How many requests came for paths that begin so, by default those that may cost."""
        return sum(each.path.startswith(path or self.paid) for each in self.received)

    @property
    def orders(self) -> list[Received]:
        """The requests that may cost."""
        return [each for each in self.received if each.path.startswith(self.paid)]

    def forget(self) -> None:
        """Begin anew: nothing was received, and nothing is scripted."""
        self.replies.clear()
        self.received.clear()
        # Those that hang are still there, and are no longer counted.
        self.open.clear()
        self.most = 0

    async def note(self, request: Request) -> Received:
        """The request, kept among those received."""
        received = await _receive(request)
        self.received.append(received)
        return received

    async def take(self, request: Request) -> tuple[Received, Reply]:
        """The request, and how it is to be answered."""
        received = await self.note(request)
        return received, self.replies.popleft() if self.replies else Reply()

    def sent(self, reply: Reply, body: bytes) -> Response:
        """An answer in the reply's way, with its status and headers."""
        return _Sent(self, reply, body)

    def abort(self, scope: Any) -> None:
        self._server.abort(scope)

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()


class _Sent(Response):
    """An answer, sent as its reply says."""

    def __init__(self, vendor: Vendor, reply: Reply, body: bytes) -> None:
        headers = {
            "content-type": "application/json",
            "x-request-id": "req_fake_1",
            **reply.headers,
        }
        super().__init__(body, reply.status, headers)
        self._vendor = vendor
        self._way = reply.way

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        vendor = self._vendor
        vendor.open.add(self)
        vendor.most = max(vendor.most, len(vendor.open))
        try:
            await self._answer(scope, receive, send)
        finally:
            vendor.open.discard(self)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._way is Way.SLOW:
            await asyncio.sleep(self._vendor.slow_seconds)
        if self._way in {Way.WHOLE, Way.SLOW}:
            await super().__call__(scope, receive, send)
            return
        if self._way is Way.HANG:
            await asyncio.sleep(30)
        if self._way is not Way.CLOSE_BEFORE_HEADERS:
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
        if self._way is Way.CLOSE_MID_BODY:
            await self._part(send, bytes(self.body[: len(self.body) // 2]))
        if self._way is Way.PACED:
            for event in bytes(self.body).split(b"\n\n")[:-1]:
                await self._part(send, event + b"\n\n")
                await asyncio.sleep(self._vendor.slow_seconds)
            await send({"type": "http.response.body", "body": b""})
            return
        if self._way is Way.DRIP:
            for byte in self.body:
                await self._part(send, bytes((byte,)))
                await asyncio.sleep(0.05)
        await asyncio.sleep(0.05)
        self._vendor.abort(scope)

    async def _part(self, send: Send, data: bytes) -> None:
        await send({"type": "http.response.body", "body": data, "more_body": True})


async def _receive(request: Request) -> Received:
    values: dict[str, Any] = {}
    files: list[tuple[str, str, str, bytes]] = []
    if request.headers.get("content-type", "").startswith("multipart/form-data"):
        async with request.form() as form:
            for name, value in form.multi_items():
                if isinstance(value, str):
                    values[name] = value
                else:
                    kind = value.content_type or ""
                    files.append((name, value.filename or "", kind, await value.read()))
    elif body := await request.body():
        values = json.loads(body)
    return Received(
        path=request.url.path,
        headers=dict(request.headers),
        query=request.url.query,
        values=values,
        files=tuple(files),
    )
