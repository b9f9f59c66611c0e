"""A vendor that speaks OpenRouter's Images API.

`test_openrouter.py` beside it proves its shapes by driving it with the vendor's own client.
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tests.fakes.pictures import encoded
from tests.fakes.vendor import USUAL, VENDOR_WORDS, Received, Reply, Vendor

KEY = "sk-or-fake-0123456789abcdef"
MODEL = "google/gemini-nano-banana-2.1"
USAGE: dict[str, Any] = {
    "prompt_tokens": 10,
    "completion_tokens": 1293,
    "total_tokens": 1303,
    "completion_tokens_details": {"image_tokens": 1120, "reasoning_tokens": 173},
    "cost": 0.0349125,
    "is_byok": False,
}
PIXELS = {("3:2", "1K"): (1264, 848), ("1:1", "1K"): (1024, 1024)}
PRICING: dict[str, list[list[dict[str, Any]]]] = {
    "x-ai/grok-imagine-image-2.0": [
        [{"billable": "output_image", "unit": "image", "cost_usd": 0.04, "variant": "low"}],
        [
            {"billable": "output_image", "unit": "image", "cost_usd": 0.06},
            {"billable": "input_text", "unit": "token", "cost_usd": 0},
        ],
    ],
    MODEL: [[{"billable": "output_image", "unit": "token", "cost_usd": 3e-05}]],
    "black-forest-labs/flux-3-image": [
        [{"billable": "output_image", "unit": "image", "cost_usd": 0.05}],
    ],
    "meta/muse-image": [],
}
EVENTS = {"content-type": "text/event-stream"}
BUFFERED: Any = {"cost": 0.01}
"""The usage of a reply that does not stream, whatever was asked for."""
_RATIOS = ["1:1", "16:9", "9:16", "3:2", "2:3", "4:3", "3:4"]
_KNOWN = {
    "model", "prompt", "n", "size", "resolution", "aspect_ratio", "quality", "background",
    "output_format", "output_compression", "seed", "input_references", "stream", "provider",
}  # fmt: skip


def error(status: int, headers: Mapping[str, str] | None = None) -> Reply:
    """An error of the API; `headers` are the answer's."""
    body = {"error": {"code": status, "message": VENDOR_WORDS}}
    return Reply(status=status, body=json.dumps(body).encode(), headers=headers or {})


def flagged(status: int = 403) -> Reply:
    """A prompt that a model's moderation refused."""
    reasons = {"reasons": ["violence"], "flagged_input": VENDOR_WORDS, "provider_name": "x"}
    body = {"error": {"code": 403, "message": VENDOR_WORDS, "metadata": reasons}}
    return Reply(status=status, body=json.dumps(body).encode())


class FakeOpenRouter(Vendor):
    """Serves `/api/v1/images`, its lists of models and prices, and `/api/v1/key`."""

    paid: ClassVar[str] = "/api/v1/images"

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/api/v1/images", self._images, methods=["POST"]),
            Route("/api/v1/images/models", self._models),
            Route("/api/v1/images/models/{author}/{slug}/endpoints", self._endpoints),
            Route("/api/v1/key", self._key),
        ]

    @property
    def base_url(self) -> str:
        return f"{self.origin}/api/v1"

    async def _images(self, request: Request) -> Response:
        received, reply = await self.take(request)
        wrong = _wrong(received)
        if reply.body is None and wrong is not None:
            reply = wrong
        if reply.body is None and received.values.get("stream") and reply.usage is not BUFFERED:
            reply = replace(reply, headers=EVENTS, body=_stream(received, reply))
        return self.sent(reply, _right(received, reply) if reply.body is None else reply.body)

    async def _models(self, request: Request) -> Response:
        await self.note(request)
        return JSONResponse({"data": [_model(name) for name in PRICING]})

    async def _endpoints(self, request: Request) -> Response:
        await self.note(request)
        name = f"{request.path_params['author']}/{request.path_params['slug']}"
        endpoints = [
            {
                "allowed_passthrough_parameters": [],
                "pricing": lines,
                "provider_name": "X",
                "provider_slug": "x",
                "provider_tag": None,
                "supported_parameters": {"n": {"type": "range", "min": 1, "max": 1}},
                "supports_streaming": False,
            }
            for lines in PRICING[name]
        ]
        return JSONResponse({"id": name, "endpoints": endpoints})

    async def _key(self, request: Request) -> Response:
        await self.note(request)
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return JSONResponse({"error": {"code": 401, "message": "No"}}, status_code=401)
        return JSONResponse({"data": {"label": "x"}})


def _model(name: str) -> dict[str, Any]:
    return {
        "architecture": {"input_modalities": ["text"], "output_modalities": ["image"]},
        "created": 1_763_700_000,
        "description": "",
        "endpoints": f"/api/v1/images/models/{name}/endpoints",
        "id": name,
        "name": name.title(),
        "supported_parameters": {
            "n": {"type": "range", "min": 1, "max": 1},
            "aspect_ratio": {"type": "enum", "values": _RATIOS},
            "resolution": {"type": "enum", "values": [] if "flux" in name else ["1K", "2K"]},
        },
        "supports_streaming": False,
    }


def _right(received: Received, reply: Reply) -> bytes:
    values = received.values
    named = (values.get("aspect_ratio", "1:1"), values.get("resolution", "1K"))
    size = values.get("size")
    width, height = (int(each) for each in size.split("x")) if size else PIXELS[named]
    form = values.get("output_format", "png")
    alpha = values.get("background") == "transparent"
    count = values.get("n", 1)
    entry = {
        "b64_json": base64.b64encode(encoded(width, height, form, alpha=alpha)).decode(),
        "media_type": f"image/{form}",
    }
    answer = {
        "created": 1_763_700_000,
        "data": [entry] * (reply.pictures or count),
        "usage": USAGE if reply.usage is USUAL else reply.usage,
    }
    return json.dumps({name: each for name, each in answer.items() if each is not None}).encode()


def events(*bodies: Mapping[str, Any]) -> bytes:
    """Server-sent events, each with one object."""
    return "".join(f"data: {json.dumps(each)}\n\n" for each in bodies).encode()


def _stream(received: Received, reply: Reply) -> bytes:
    answer = json.loads(_right(received, reply))
    partials = [
        {
            "type": "image_generation.partial_image",
            "b64_json": base64.b64encode(encoded(16, 16, shade=number)).decode(),
            "partial_image_index": number,
        }
        for number in range(3)
    ]
    done = {
        "type": "image_generation.completed",
        "created": answer["created"],
        "usage": answer.get("usage"),
        **answer["data"][0],
    }
    return events(*partials, done) + b"data: [DONE]\n\n"


def _wrong(received: Received) -> Reply | None:
    """The API's own refusal of a request that is not right, or None."""
    values = received.values
    if received.headers.get("authorization") != f"Bearer {KEY}":
        return error(401)
    if {*values} - _KNOWN or not values.get("model") or not values.get("prompt"):
        return error(400)
    if "size" in values and {"aspect_ratio", "resolution"} & {*values}:
        return error(400)
    references = values.get("input_references", [])
    urls = [each["image_url"]["url"] for each in references if each.get("type") == "image_url"]
    if len(urls) < len(references) or not all(url.startswith("data:image/") for url in urls):
        return error(400)
    return None
