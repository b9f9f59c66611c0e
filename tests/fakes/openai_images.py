"""A vendor that speaks the OpenAI Images API, and fails in every way when told to.

`test_openai_images.py` proves its shapes by driving it with the vendor's own client.
"""

import asyncio
import base64
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from tests.fakes.loopback import Loopback
from tests.fakes.pictures import encoded

KEY = "sk-fake-0123456789abcdef"
USAGE: dict[str, Any] = {
    "input_tokens": 50,
    "output_tokens": 1756,
    "total_tokens": 1806,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
    "output_tokens_details": {"text_tokens": 0, "image_tokens": 1756},
}
VENDOR_WORDS = "VENDOR-WORDS-THAT-NOBODY-MAY-SEE"
_GENERATION = {
    "prompt", "model", "n", "size", "quality", "background", "output_format",
    "output_compression", "moderation", "stream", "partial_images", "safety_identifier",
}  # fmt: skip
_EDIT = _GENERATION | {"image", "image[]", "mask", "markup", "input_fidelity"}


class Way(StrEnum):
    """How an answer is sent."""

    WHOLE = "whole"
    HANG = "hang"
    CLOSE_BEFORE_HEADERS = "close_before_headers"
    CLOSE_AFTER_HEADERS = "close_after_headers"
    CLOSE_MID_BODY = "close_mid_body"
    DRIP = "drip"
    SLOW = "slow"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A scripted answer. Without a body it is a right one: pictures as asked, and usage."""

    status: int = 200
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    way: Way = Way.WHOLE
    as_url: str | None = None
    """`own` for addresses of this vendor, `data` for data URLs, else the address itself."""
    usage: object = field(default_factory=lambda: USAGE)
    pictures: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A request as it came. `values` are its JSON or its text parts, `files` its file parts."""

    path: str
    headers: Mapping[str, str]
    query: str
    values: Mapping[str, Any]
    files: tuple[tuple[str, str, str, bytes], ...]


def error(status: int, code: str | None, **more: Any) -> Reply:
    """An error object of the API; `headers` are the answer's, the rest stands in the object."""
    headers = more.pop("headers", {})
    kind = more.pop("type", "invalid_request_error")
    body = {"message": VENDOR_WORDS, "type": kind, "param": None, "code": code, **more}
    return Reply(status=status, body=json.dumps({"error": body}).encode(), headers=headers)


def html(status: int) -> Reply:
    """What a gateway says."""
    page = f"<html><body><h1>{VENDOR_WORDS}</h1></body></html>"
    return Reply(status=status, body=page.encode(), headers={"content-type": "text/html"})


def moderation(code: str = "moderation_blocked") -> Reply:
    return error(
        400,
        code,
        type="image_generation_user_error",
        moderation_details={"moderation_stage": "output", "categories": ["sexual", VENDOR_WORDS]},
    )


class FakeOpenAI:
    """Serves between `with` and its end; answers by `replies` in order, then rightly."""

    def __init__(self) -> None:
        self.replies: deque[Reply] = deque()
        self.received: list[Received] = []
        self.slow_seconds = 0.5
        self._server = Loopback(_Application(self))

    @property
    def base_url(self) -> str:
        return f"http://{self._server.host}/v1"

    @property
    def origin(self) -> str:
        return f"http://{self._server.host}"

    def calls(self, path: str = "/v1/images/") -> int:
        return sum(each.path.startswith(path) for each in self.received)

    def forget(self) -> None:
        """Begin anew: nothing was received, and nothing is scripted."""
        self.replies.clear()
        self.received.clear()

    def abort(self, scope: Any) -> None:
        self._server.abort(scope)

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()


class _Application:
    def __init__(self, vendor: FakeOpenAI) -> None:
        self._vendor = vendor
        self._routes = Starlette(
            routes=[
                Route("/v1/images/generations", self._images, methods=["POST"]),
                Route("/v1/images/edits", self._images, methods=["POST"]),
                Route("/v1/models", self._models),
                Route("/files/{name}", self._file),
            ]
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._routes(scope, receive, send)

    async def _images(self, request: Request) -> Response:
        received = await _receive(request)
        self._vendor.received.append(received)
        replies = self._vendor.replies
        reply = replies.popleft() if replies else Reply()
        wrong = _wrong(received)
        if reply.body is None and wrong is not None:
            reply = wrong
        body = self._right(received, reply) if reply.body is None else reply.body
        return _Sent(self._vendor, reply, body)

    def _right(self, received: Received, reply: Reply) -> bytes:
        form = str(received.values.get("output_format", "png"))
        size = str(received.values.get("size", "auto"))
        width, height = (int(each) for each in ("64x64" if size == "auto" else size).split("x"))
        count = reply.pictures or int(received.values.get("n", 1))
        alpha = received.values.get("background") == "transparent"
        data = encoded(width, height, form, alpha=alpha)
        text = base64.b64encode(data).decode()
        addresses = {
            "own": f"{self._vendor.origin}/files/{width}x{height}.{form}",
            "data": f"data:image/{form};base64,{text}",
        }
        entry = {"b64_json": text}
        if reply.as_url is not None:
            entry = {"url": addresses.get(reply.as_url, reply.as_url)}
        answer = {"created": 1_763_700_000, "data": [entry] * count, "usage": reply.usage}
        return json.dumps({key: each for key, each in answer.items() if each is not None}).encode()

    async def _models(self, request: Request) -> Response:
        self._vendor.received.append(await _receive(request))
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return JSONResponse({"error": {"code": "invalid_api_key"}}, status_code=401)
        return JSONResponse({"object": "list", "data": []})

    async def _file(self, request: Request) -> Response:
        self._vendor.received.append(await _receive(request))
        size, _, form = request.path_params["name"].partition(".")
        width, height = (int(each) for each in size.split("x"))
        return Response(encoded(width, height, form), media_type=f"image/{form}")


class _Sent(Response):
    """An answer, sent as its reply says."""

    def __init__(self, vendor: FakeOpenAI, reply: Reply, body: bytes) -> None:
        headers = {
            "content-type": "application/json",
            "x-request-id": "req_fake_1",
            **reply.headers,
        }
        super().__init__(body, reply.status, headers)
        self._vendor = vendor
        self._way = reply.way

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
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


def _wrong(received: Received) -> Reply | None:
    """The API's own refusal of a request that is not right, or None."""
    if received.headers.get("authorization") != f"Bearer {KEY}":
        return error(401, "invalid_api_key")
    known = _EDIT if received.path.endswith("edits") else _GENERATION
    names = {*received.values, *(each[0] for each in received.files)}
    for name in sorted(names - known):
        return error(400, "unknown_parameter", param=name)
    for name in sorted({"prompt", "model"} - names):
        return error(400, "missing_required_parameter", param=name)
    images = [each for each in received.files if each[0] in {"image", "image[]"}]
    if known is _EDIT and not 1 <= len(images) <= 16:
        return error(400, "invalid_value", param="image")
    if any(each[2] not in {"image/png", "image/jpeg", "image/webp"} for each in received.files):
        return error(400, "unsupported_file_mimetype", param="image")
    return None
