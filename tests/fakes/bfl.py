"""A vendor that speaks Black Forest Labs' API.

There is no usable SDK of it for Python, so no client proves this fake. Its shapes are those of
the vendor's OpenAPI description: `AsyncResponse` of `POST /v1/{model}` (id, polling_url, cost,
input_mp, output_mp), `ResultResponse` of `GET /v1/get_result` (id, status, result, progress,
details), the inputs of the models, and FastAPI's errors (`detail`). `test_bfl.py` beside it holds
it to them.
"""

import base64
import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tests.fakes.pictures import encoded, facts
from tests.fakes.vendor import USUAL, VENDOR_WORDS, Received, Reply, Vendor

KEY = "bfl-fake-0123456789abcdef"
RATIOS = {"1:1": (1024, 1024), "3:2": (1248, 832), "16:9": (1360, 768)}
_COMMON = {"prompt", "seed", "output_format", "safety_tolerance", "prompt_upsampling"}
_KNOWN = _COMMON | {"width", "height", "aspect_ratio", "raw"}
_KNOWN |= {"input_image", *(f"input_image_{number}" for number in range(2, 9))}
_FILL = _COMMON | {"image", "mask", "steps", "guidance"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(Reply):
    """A task that is taken; `looks` is what its first looks answer, then it is ready.

    A look is a status, or a whole answer. `usage` is the cost in credits. `at` is the address
    that the answer names, `{0}` being the task's id; `sample` is the picture's.
    """

    looks: tuple[str | Reply, ...] = ("Pending",)
    at: str | None = None
    sample: str | None = None


def error(status: int, headers: Mapping[str, str] | None = None) -> Reply:
    """An error of the API; `headers` are the answer's."""
    body = json.dumps({"detail": VENDOR_WORDS}).encode()
    return Reply(status=status, body=body, headers=headers or {})


class FakeBFL(Vendor):
    """Serves models by any name that begins with `the-` or `flux-`, tasks, pictures, credits."""

    paid: ClassVar[str] = "/v1/the-"

    def __init__(self) -> None:
        super().__init__()
        self._tasks: dict[str, tuple[Task, deque[str | Reply], bytes, int]] = {}

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/v1/get_result", self._result),
            Route("/v1/credits", self._credits),
            Route("/v1/{model}", self._submit, methods=["POST"]),
            Route("/samples/{task}", self._sample),
        ]

    @property
    def base_url(self) -> str:
        return f"{self.origin}/v1"

    def finish(self) -> None:
        """End all tasks: they are ready at the next look."""
        for _, looks, _, _ in self._tasks.values():
            looks.clear()

    async def _submit(self, request: Request) -> Response:
        received, reply = await self.take(request)
        task = reply if isinstance(reply, Task) else Task(way=reply.way)
        wrong = reply if reply.body is not None else _wrong(received)
        if wrong is not None:
            return self.sent(wrong, wrong.body or b"")
        name = f"task-{len(self._tasks)}"
        self._tasks[name] = (task, deque(task.looks), _drawn(received.values), _seed(received))
        at = task.at if task.at is not None else f"{self.base_url}/get_result?id={{0}}"
        answer = {
            "id": name,
            "polling_url": at.format(name),
            "cost": 3.0 if task.usage is USUAL else task.usage,
            "input_mp": None,
            "output_mp": 1.0,
        }
        return self.sent(reply, json.dumps(answer).encode())

    async def _result(self, request: Request) -> Response:
        await self.note(request)
        name = request.query_params["id"]
        if request.headers.get("x-key") != KEY or name not in self._tasks:
            return _status(name, "Task not found", 404)
        task, looks, _, seed = self._tasks[name]
        look = looks.popleft() if looks else "Ready"
        if isinstance(look, Reply):
            return self.sent(look, look.body or b"")
        if look != "Ready":
            return _status(name, look)
        sample = task.sample or f"{self.origin}/samples/{name}"
        return _status(name, look, result={"sample": sample, "prompt": "x", "seed": seed})

    async def _sample(self, request: Request) -> Response:
        await self.note(request)
        return Response(self._tasks[request.path_params["task"]][2])

    async def _credits(self, request: Request) -> Response:
        await self.note(request)
        if request.headers.get("x-key") != KEY:
            return JSONResponse({"detail": "Not authenticated"}, status_code=403)
        return JSONResponse({"credits": 12.5})


def _status(
    name: str, status: str, code: int = 200, result: Mapping[str, Any] | None = None
) -> Response:
    answer = {"id": name, "status": status, "result": result, "progress": None, "details": None}
    return JSONResponse(answer, status_code=code)


def _seed(received: Received) -> int:
    return int(received.values.get("seed") or 4711)


def _drawn(values: Mapping[str, Any]) -> bytes:
    if "image" in values:
        _, width, height, _ = facts(base64.b64decode(values["image"]))
    elif "aspect_ratio" in values:
        width, height = RATIOS[values["aspect_ratio"]]
    else:
        width, height = values.get("width", 1024), values.get("height", 768)
    return encoded(width, height, values.get("output_format", "jpeg"))


def _wrong(received: Received) -> Reply | None:
    """The API's own refusal of a request that is not right, or None."""
    values = received.values
    if received.headers.get("x-key") != KEY:
        return error(403)
    known = _FILL if "image" in values else _KNOWN
    if {*values} - known or not values.get("prompt"):
        return error(422)
    if "aspect_ratio" in values and {"width", "height"} & {*values}:
        return error(422)
    if values.get("output_format", "jpeg") not in {"jpeg", "png"}:
        return error(422)
    pictures = [each for name, each in values.items() if name in _FILL - _COMMON or "input" in name]
    texts = [each for each in pictures if isinstance(each, str)]
    return error(422) if any(each.startswith("data:") for each in texts) else None
