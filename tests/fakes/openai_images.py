"""A vendor that speaks the OpenAI Images API, and fails in every way when told to.

`test_openai_images.py` proves its shapes by driving it with the vendor's own client.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tests.fakes.pictures import encoded
from tests.fakes.vendor import USUAL, VENDOR_WORDS, Received, Reply, Vendor

KEY = "sk-fake-0123456789abcdef"
USAGE: dict[str, Any] = {
    "input_tokens": 50,
    "output_tokens": 1756,
    "total_tokens": 1806,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
    "output_tokens_details": {"text_tokens": 0, "image_tokens": 1756},
}
_GENERATION = {
    "prompt", "model", "n", "size", "quality", "background", "output_format",
    "output_compression", "moderation", "stream", "partial_images", "safety_identifier",
    "complexity", "frame_count", "frame_duration_ms",
}  # fmt: skip
_EDIT = _GENERATION | {"image", "image[]", "images", "mask", "markup", "input_fidelity"}
EVENTS = {"content-type": "text/event-stream; charset=utf-8"}
MODELS: list[dict[str, Any]] = [
    {"id": "gpt-image-2.5-flare", "shutdown_date": None},
    {"id": "gpt-image-1.5", "shutdown_date": "2026-12-01"},
    {"id": "chatgpt-image-latest", "shutdown_date": "soon"},
    {"id": "gpt-image-3-aurora"},
    {"id": "gpt-6-luna"},
]


def error(status: int, code: str | None, **more: Any) -> Reply:
    """An error object of the API; `headers` are the answer's, the rest stands in the object."""
    headers = more.pop("headers", {})
    kind = more.pop("type", "invalid_request_error")
    body = {"message": VENDOR_WORDS, "type": kind, "param": None, "code": code, **more}
    return Reply(status=status, body=json.dumps({"error": body}).encode(), headers=headers)


def moderation(code: str = "moderation_blocked") -> Reply:
    return error(
        400,
        code,
        type="image_generation_user_error",
        moderation_details={"moderation_stage": "output", "categories": ["sexual", VENDOR_WORDS]},
    )


def sse(*events: object) -> bytes:
    """Events as the API sends them: named as their `type` says."""
    names = [each.get("type", "") if isinstance(each, dict) else "" for each in events]
    return "".join(
        f"event: {name}\ndata: {json.dumps(each)}\n\n"
        for name, each in zip(names, events, strict=True)
    ).encode()


class FakeOpenAI(Vendor):
    """Serves `/v1/images/generations`, `/v1/images/edits` and `/v1/models`."""

    paid: ClassVar[str] = "/v1/images/"

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/v1/images/generations", self.images, methods=["POST"]),
            Route("/v1/images/edits", self.images, methods=["POST"]),
            Route("/v1/models", self.models),
            Route("/files/{name}", self._file),
        ]

    @property
    def base_url(self) -> str:
        return f"{self.origin}/v1"

    async def images(self, request: Request) -> Response:
        received, reply = await self.take(request)
        wrong = self.wrong(received)
        if reply.body is None and wrong is not None:
            reply = wrong
        if reply.body is not None:
            return self.sent(reply, reply.body)
        if str(received.values.get("stream", "")).lower() == "true":
            reply = replace(reply, headers={**self.stream_headers(), **reply.headers})
            return self.sent(reply, self.stream(received, reply))
        return self.sent(reply, self.right(received, reply))

    def wrong(self, received: Received) -> Reply | None:
        """Its own refusal of a request that is not right, or None."""
        return _wrong(received)

    def stream_headers(self) -> dict[str, str]:
        """Those of an answer to a request for a stream."""
        return EVENTS

    def stream(self, received: Received, reply: Reply) -> bytes:
        """Partial images as asked, then the picture, as events."""
        answer = json.loads(self.right(received, reply))
        kind = "image_edit" if received.path.endswith("edits") else "image_generation"
        told = {
            "created_at": answer["created"],
            "size": received.values.get("size", "auto"),
            "quality": "low",
            "background": "opaque",
            "output_format": received.values.get("output_format", "png"),
            **answer["data"][0],
        }
        partials = [
            {"type": f"{kind}.partial_image", "partial_image_index": number, **told}
            for number in range(int(received.values.get("partial_images", 0)))
        ]
        usage = {"usage": answer["usage"]} if "usage" in answer else {}
        return sse(*partials, {"type": f"{kind}.completed", **told, **usage})

    def right(self, received: Received, reply: Reply) -> bytes:
        """What was asked for, as one answer."""
        form = str(received.values.get("output_format", "png"))
        size = str(received.values.get("size", "auto"))
        width, height = (int(each) for each in ("64x64" if size == "auto" else size).split("x"))
        count = reply.pictures or int(received.values.get("n", 1))
        alpha = received.values.get("background") == "transparent"
        data = encoded(width, height, form, alpha=alpha)
        text = base64.b64encode(data).decode()
        addresses = {
            "own": f"{self.origin}/files/{width}x{height}.{form}",
            "data": f"data:image/{form};base64,{text}",
        }
        entry = {"b64_json": text}
        if reply.as_url is not None:
            entry = {"url": addresses.get(reply.as_url, reply.as_url)}
        usage = USAGE if reply.usage is USUAL else reply.usage
        answer = {"created": 1_763_700_000, "data": [entry] * count, "usage": usage}
        return json.dumps({key: each for key, each in answer.items() if each is not None}).encode()

    async def models(self, request: Request) -> Response:
        await self.note(request)
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return JSONResponse({"error": {"code": "invalid_api_key"}}, status_code=401)
        listed = [
            {"object": "model", "created": 1, "owned_by": "openai", **each} for each in MODELS
        ]
        return JSONResponse({"object": "list", "data": listed})

    async def _file(self, request: Request) -> Response:
        await self.note(request)
        size, _, form = request.path_params["name"].partition(".")
        width, height = (int(each) for each in size.split("x"))
        return Response(encoded(width, height, form), media_type=f"image/{form}")


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
    count = len(images) or len(received.values.get("images", ()))
    if known is _EDIT and not 1 <= count <= 16:
        return error(400, "invalid_value", param="image")
    if any(each[2] not in {"image/png", "image/jpeg", "image/webp"} for each in received.files):
        return error(400, "unsupported_file_mimetype", param="image")
    return None
