"""Servers that speak the OpenAI Images API in ways of their own, each as strict as the real one.

`test_relays.py` drives them with the OpenAI package, Azure's client in it included.
"""

import base64
import json
from collections.abc import Sequence
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tests.fakes.openai_images import KEY, FakeOpenAI, error
from tests.fakes.pictures import encoded
from tests.fakes.vendor import USUAL, Received, Reply


class Azure(FakeOpenAI):
    """Azure's older surface: the deployment is in the path, and may stand nowhere else."""

    paid: ClassVar[str] = "/openai/deployments/"

    def routes(self) -> Sequence[BaseRoute]:
        below = "/openai/deployments/{deployment}/images"
        return [
            Route(f"{below}/generations", self.images, methods=["POST"]),
            Route(f"{below}/edits", self.images, methods=["POST"]),
            Route("/openai/models", self.models),
        ]

    async def models(self, request: Request) -> Response:
        received = await self.note(request)
        known = received.headers.get("api-key") == KEY and "api-version=" in received.query
        return JSONResponse({"data": [{"id": "dall-e-3"}]}, status_code=200 if known else 401)

    def wrong(self, received: Received) -> Reply | None:
        if received.headers.get("api-key") != KEY:
            return error(401, "401")
        if "api-version=" not in received.query:
            return error(404, "404")
        if "model" in received.values:
            return error(400, "unknown_parameter", param="model")
        return None


class Xai(FakeOpenAI):
    """xAI: ratios instead of sizes, JSON for edits, and a price in every answer."""

    ticks: ClassVar[int] = 200_000_000

    def wrong(self, received: Received) -> Reply | None:
        values = received.values
        known = {
            *("model", "prompt", "n", "aspect_ratio", "resolution", "quality"),
            *("response_format", "image", "images"),
        }
        if received.headers.get("authorization") != f"Bearer {KEY}":
            return error(400, None)
        if received.files or set(values) - known:
            return error(400, None)
        if values.get("resolution", "1k") not in {"1k", "2k"}:
            return error(400, None)
        edits = received.path.endswith("edits")
        inputs = [values["image"]] if "image" in values else values.get("images", [])
        if bool(inputs) != edits or any(each.get("type") != "image_url" for each in inputs):
            return error(400, None)
        return None

    def right(self, received: Received, reply: Reply) -> bytes:
        count = reply.pictures or int(received.values.get("n", 1))
        picture = base64.b64encode(encoded(96, 64, "jpeg")).decode()
        entry: dict[str, Any] = {"b64_json": picture, "mime_type": "image/jpeg"}
        if received.values.get("response_format") != "b64_json":
            entry = {"url": f"{self.origin}/files/96x64.jpeg"}
        usage = {"cost_in_usd_ticks": self.ticks * count} if reply.usage is USUAL else reply.usage
        return json.dumps({"data": [entry] * count, "usage": usage}).encode()


class Together(FakeOpenAI):
    """Together: edges instead of a size, and another word for base64."""

    def wrong(self, received: Received) -> Reply | None:
        known = {
            *("model", "prompt", "n", "width", "height", "steps", "seed", "negative_prompt"),
            *(
                "response_format",
                "output_format",
                "image_url",
                "reference_images",
                "guidance_scale",
            ),
        }
        if received.headers.get("authorization") != f"Bearer {KEY}":
            return error(401, "invalid_api_key")
        if set(received.values) - known or received.values.get("response_format") == "b64_json":
            return error(422, None)
        return None

    def right(self, received: Received, reply: Reply) -> bytes:
        values = received.values
        form = values.get("output_format", "jpeg")
        data = encoded(values.get("width", 1024), values.get("height", 1024), form)
        entry = {"index": 0, "type": "b64_json", "b64_json": base64.b64encode(data).decode()}
        count = reply.pictures or values.get("n", 1)
        return json.dumps({"id": "x", "object": "list", "data": [entry] * count}).encode()


class LocalAI(FakeOpenAI):
    """LocalAI: addresses of its own unless asked otherwise, one input image in the body, no key."""

    def wrong(self, received: Received) -> Reply | None:
        if received.path.endswith("edits") or received.files:
            return Reply(status=404, body=b'{"error":{"code":404,"message":"Not Found"}}')
        return None

    def right(self, received: Received, reply: Reply) -> bytes:
        size = received.values.get("size", "256x256")
        width, height = (int(each) for each in size.split("x"))
        entry = {"url": f"{self.origin}/files/{size}.png", "embedding": None, "index": 0}
        if received.values.get("response_format") == "b64_json":
            picture = base64.b64encode(encoded(width, height)).decode()
            entry = {"b64_json": "\n".join(_lines(picture)), "embedding": None, "index": 0}
        count = reply.pictures or int(received.values.get("n", 1))
        return json.dumps({"created": 1, "data": [entry] * count}).encode()


def _lines(text: str) -> list[str]:
    return [text[start : start + 76] for start in range(0, len(text), 76)]


class Litellm(FakeOpenAI):
    """litellm's proxy 1.106: errors' codes are the status as text, a header says what it cost.

    It cannot read the events that its upstream streams.
    """

    cost: ClassVar[str] = "0.042"

    async def images(self, request: Request) -> Response:
        answer = await super().images(request)
        if answer.status_code == 200:
            answer.headers["x-litellm-response-cost"] = self.cost
            answer.headers["x-litellm-call-id"] = "call-7"
        return answer

    def wrong(self, received: Received) -> Reply | None:
        if received.headers.get("authorization") != f"Bearer {KEY}":
            return litellm_error(400, "no_db_connection", "No connected db.")
        if "stream" in received.values:
            return litellm_error(500, "internal_server_error", f"{OWN_TROUBLE}'str' object has no")
        return None

    async def models(self, request: Request) -> Response:
        await self.note(request)
        names = ("gpt-image-2.5-flare", "gpt-6-luna", "local-sd", "dall-e-3", "fal/my-flux")
        return JSONResponse({"object": "list", "data": [{"id": name} for name in names]})


OWN_TROUBLE = "litellm.APIConnectionError: APIConnectionError: OpenAIException - "
"""How it begins to tell that it could not talk to its upstream, or read what that answered."""


def litellm_error(status: int, kind: str | None, message: str) -> Reply:
    body = {"error": {"message": message, "type": kind, "param": None, "code": str(status)}}
    return Reply(status=status, body=json.dumps(body).encode())
