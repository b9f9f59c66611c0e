"""A vendor that speaks OpenAI's Responses API, as far as the tool `image_generation` goes.

`test_openai_responses.py` proves its shapes by driving it with the vendor's own client.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tests.fakes.openai_images import EVENTS, KEY, MODELS, error, sse
from tests.fakes.pictures import encoded
from tests.fakes.vendor import USUAL, VENDOR_WORDS, Received, Reply, Vendor

WORDS: dict[str, Any] = {
    "input_tokens": 900,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 60,
    "output_tokens_details": {"reasoning_tokens": 20},
    "total_tokens": 960,
}
IMAGE_GEN: dict[str, Any] = {
    "input_tokens": 50,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
    "output_tokens": 1756,
    "total_tokens": 1806,
}
TOOL_USAGE: dict[str, Any] = {"image_gen": IMAGE_GEN, "web_search": {"num_requests": 0}}
_TOP = {
    "model", "input", "tools", "tool_choice", "max_output_tokens", "max_tool_calls",
    "reasoning", "store", "previous_response_id", "stream", "include",
}  # fmt: skip
_TOOL = {
    "type", "model", "action", "size", "quality", "background", "output_format",
    "output_compression", "moderation", "input_fidelity", "partial_images",
    "input_image_mask", "complexity",
}  # fmt: skip


def response(*output: object, **changes: Any) -> dict[str, Any]:
    """A response with these output items, complete unless the changes say otherwise."""
    return {
        "id": "resp_fake_1",
        "object": "response",
        "created_at": 1_763_700_000,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "model": "gpt-5.6-luna",
        "output": list(output),
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": WORDS,
        "tool_usage": TOOL_USAGE,
        **changes,
    }


def drawn(result: str | None, **changes: Any) -> dict[str, Any]:
    """An output item of the tool."""
    return {
        "id": "ig_fake_1",
        "type": "image_generation_call",
        "status": "completed",
        "result": result,
        "revised_prompt": "as the text model put it",
        **changes,
    }


def said(text: str = VENDOR_WORDS) -> dict[str, Any]:
    """An output item in words."""
    content = {"type": "output_text", "text": text, "annotations": []}
    return {
        "id": "msg_fake_1",
        "type": "message",
        "role": "assistant",
        "status": "completed",
        "content": [content],
    }


def answered(*output: object, **changes: Any) -> Reply:
    return Reply(body=json.dumps(response(*output, **changes)).encode())


class FakeResponses(Vendor):
    """Serves `/v1/responses` and `/v1/models`; it has forgotten the responses in `forgotten`.

    `stored` is what is answered for a response by its id.
    """

    paid: ClassVar[str] = "/v1/responses"

    def __init__(self) -> None:
        super().__init__()
        self.forgotten: set[str] = set()
        self.stored: dict[str, Reply] = {}

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/v1/responses", self._responses, methods=["POST"]),
            Route("/v1/responses/{name}", self._stored),
            Route("/v1/models", self._models),
        ]

    @property
    def base_url(self) -> str:
        return f"{self.origin}/v1"

    async def _responses(self, request: Request) -> Response:
        received, reply = await self.take(request)
        wrong = self._wrong(received)
        if reply.body is None and wrong is not None:
            reply = wrong
        if reply.body is not None:
            return self.sent(reply, reply.body)
        made = self._right(received, reply)
        if received.values.get("stream"):
            partials = received.values["tools"][0].get("partial_images", 0)
            reply = replace(reply, headers={**EVENTS, **reply.headers})
            return self.sent(reply, stream(made, partials))
        return self.sent(reply, json.dumps(made).encode())

    def _right(self, received: Received, reply: Reply) -> dict[str, Any]:
        tool = received.values["tools"][0]
        form = tool.get("output_format", "png")
        size = tool.get("size", "auto")
        width, height = (int(each) for each in ("64x64" if size == "auto" else size).split("x"))
        alpha = tool.get("background") == "transparent"
        text = base64.b64encode(encoded(width, height, form, alpha=alpha)).decode()
        item = drawn(text, size=size, output_format=form, action=tool.get("action", "auto"))
        told = TOOL_USAGE if reply.usage is USUAL else reply.usage
        return response(item, tools=[tool], tool_usage=told)

    def _wrong(self, received: Received) -> Reply | None:
        """The API's own refusal of a request that is not right, or None."""
        values = received.values
        if received.headers.get("authorization") != f"Bearer {KEY}":
            return error(401, "invalid_api_key")
        tools = values.get("tools") or [{}]
        for name in sorted((set(values) - _TOP) | (set(tools[0]) - _TOOL)):
            return error(400, "unknown_parameter", param=name)
        if values.get("previous_response_id") in self.forgotten:
            return error(400, "previous_response_not_found", param="previous_response_id")
        items = values["input"] if isinstance(values["input"], list) else []
        for item in items:
            parts = item.get("content", [])
            known = {"input_text": "text", "input_image": "image_url"}
            if any(known.get(part.get("type"), "") not in part for part in parts):
                return error(400, "invalid_value", param="input")
        return None

    async def _stored(self, request: Request) -> Response:
        received = await self.note(request)
        reply = self.stored.get(request.path_params["name"], error(404, None))
        if received.headers.get("authorization") != f"Bearer {KEY}":
            reply = error(401, "invalid_api_key")
        return self.sent(reply, reply.body or b"")

    async def _models(self, request: Request) -> Response:
        await self.note(request)
        if request.headers.get("authorization") != f"Bearer {KEY}":
            return JSONResponse({"error": {"code": "invalid_api_key"}}, status_code=401)
        same = {"object": "model", "created": 1, "owned_by": "openai"}
        return JSONResponse({"object": "list", "data": [{**same, **each} for each in MODELS]})


def stream(made: dict[str, Any], partials: int = 0) -> bytes:
    """A response as its events; the picture stands in its item and in the end."""
    item = made["output"][0]
    place = {"item_id": item["id"], "output_index": 0}
    tool = "response.image_generation_call"
    begun = response(status="in_progress", tools=made["tools"], usage=None, tool_usage=None)
    events: list[dict[str, Any]] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {
            "type": "response.output_item.added",
            "output_index": 0,
            "item": {**item, "status": "in_progress", "result": None},
        },
        {"type": f"{tool}.in_progress", **place},
        {"type": f"{tool}.generating", **place},
        *(
            {
                "type": f"{tool}.partial_image",
                **place,
                "partial_image_index": number,
                "partial_image_b64": item["result"],
            }
            for number in range(partials)
        ),
        {"type": f"{tool}.completed", **place},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": made},
    ]
    return sse(*({**each, "sequence_number": number} for number, each in enumerate(events)))
