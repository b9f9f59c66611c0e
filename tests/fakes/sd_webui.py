"""A server that speaks the API of Stable Diffusion WebUI, one task at a time as it does.

`test_sd_webui.py` proves its shapes by driving it with a client made for the real ones.
"""

import asyncio
import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tests.fakes.pictures import encoded
from tests.fakes.vendor import VENDOR_WORDS, Received, Reply, Vendor

USER, PASSWORD = "operator", "pa55-of-the-operator"
BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
CHECKPOINTS = ("juggernautXL_v9", "realisticVision_sd15", "sdxl_lightning_8step", "zz_mystery")
LOADED = "realisticVision_sd15"
SAMPLERS = frozenset({"Euler", "Euler a", "DPM++ 2M"})
_MAKES = ("/sdapi/v1/txt2img", "/sdapi/v1/img2img")


def error(status: int, kind: str = "HTTPException", **headers: str) -> Reply:
    body = {"error": kind, "detail": VENDOR_WORDS, "body": "", "errors": VENDOR_WORDS}
    return Reply(status=status, body=json.dumps(body).encode(), headers=headers)


class FakeSdWebui(Vendor):
    """A1111 with `--api-auth`, or with the switches below something less.

    `seconds` is how long a task takes; `current` and `queued` are tasks' ids as it has them.
    `ids` is whether it has `/internal/progress`, `whole` whether it has any progress and infos,
    which stable-diffusion.cpp has not. `foreign` is somebody else's task that runs.
    """

    paid: ClassVar[str] = "/sdapi/v1/txt2img"

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        super().__init__()
        self._reset()

    def _reset(self) -> None:
        self.seconds = 0.0
        self.ids = self.whole = True
        self.current: str | None = None
        self.queued: list[str] = []
        self.foreign = False
        self.share = 0.0
        self.interrupted: list[str | None] = []
        self._interrupt = False

    def forget(self) -> None:
        super().forget()
        self._reset()

    def calls(self, path: str | None = None) -> int:
        return (
            super().calls(path)
            if path
            else sum(super(FakeSdWebui, self).calls(each) for each in _MAKES)
        )

    def routes(self) -> Sequence[BaseRoute]:
        return [
            *(Route(path, self._make, methods=["POST"]) for path in _MAKES),
            Route("/sdapi/v1/progress", self._progress),
            Route("/sdapi/v1/interrupt", self._stop, methods=["POST"]),
            Route("/sdapi/v1/options", self._options),
            Route("/sdapi/v1/sd-models", self._models),
            Route("/internal/progress", self._own_progress, methods=["POST"]),
        ]

    async def _make(self, request: Request) -> Response:
        received, reply = await self.take(request)
        wrong = _wrong(received)
        if reply.body is None and wrong is not None:
            reply = wrong
        if reply.body is not None:
            return self.sent(reply, reply.body)
        task = str(received.values.get("force_task_id") or "task(some)")
        self.queued.append(task)
        async with self._lock:
            self.queued.remove(task)
            await self._draw(task)
        return self.sent(reply, self._right(received))

    async def _draw(self, task: str) -> None:
        self.current, self._interrupt, self.share = task, False, 0.0
        for step in range(20):
            if self._interrupt or not self.seconds:
                break
            self.share = step / 20
            await asyncio.sleep(self.seconds / 20)
        self.current = None

    def _right(self, received: Received) -> bytes:
        values = received.values
        width = int(values.get("hr_resize_x") or values.get("width", 512))
        height = int(values.get("hr_resize_y") or values.get("height", 512))
        count, seed = int(values.get("batch_size", 1)), int(values.get("seed", -1))
        seed = 777 if seed == -1 else seed
        pictures = [_text(encoded(width, height, shade=50 + index)) for index in range(count)]
        grids = [_text(encoded(width * 2, height))] if count > 1 and self.whole else []
        info = {
            "all_seeds": [seed + index for index in range(count)],
            "index_of_first_image": len(grids),
            "all_prompts": [values["prompt"]] * count,
        }
        answer = {
            "images": [*grids, *pictures],
            "parameters": {},
            "info": json.dumps(info) if self.whole else "",
        }
        return json.dumps(answer).encode()

    async def _progress(self, request: Request) -> Response:
        return await self._told(request, self._state()) if self.whole else _missing()

    def _state(self) -> dict[str, Any]:
        busy = self.current is not None or self.foreign
        return {
            "progress": self.share if busy else 0.0,
            "eta_relative": 2.5 if busy else 0.0,
            "state": {"job": "task" if busy else "", "job_count": int(busy), "sampling_steps": 20},
            "current_image": _text(encoded(shade=200)) if busy else None,
            "textinfo": VENDOR_WORDS,
        }

    async def _own_progress(self, request: Request) -> Response:
        received = await self.note(request)
        if not (self.ids and self.whole):
            return _missing()
        task = received.values["id_task"]
        answer: dict[str, Any] = {
            "active": task == self.current,
            "queued": task in self.queued,
            "completed": False,
            "progress": None,
            "eta": None,
            "live_preview": None,
            "id_live_preview": -1,
            "textinfo": VENDOR_WORDS,
        }
        if answer["active"]:
            answer |= {"progress": self.share, "eta": 2.5, "id_live_preview": 1}
            if received.values["live_preview"]:
                answer["live_preview"] = f"data:image/png;base64,{_text(encoded(shade=200))}"
        return JSONResponse(answer)

    async def _stop(self, request: Request) -> Response:
        self.interrupted.append(self.current)
        self._interrupt = True
        return await self._told(request, {})

    async def _options(self, request: Request) -> Response:
        return await self._told(
            request, {"samples_format": "png", "sd_model_checkpoint": f"{LOADED}.safetensors [ab]"}
        )

    async def _models(self, request: Request) -> Response:
        entries = [
            {
                "title": f"{name}.safetensors [abcdef0123]",
                "model_name": name,
                "hash": "abcdef0123",
                "sha256": None,
                "filename": f"/srv/models/{name}.safetensors",
                "config": None,
            }
            for name in CHECKPOINTS
        ]
        return await self._told(request, entries)

    async def _told(self, request: Request, answer: object) -> Response:
        received = await self.note(request)
        wrong = _unauthorised(received)
        return self.sent(wrong, wrong.body or b"") if wrong else JSONResponse(answer)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _missing() -> Response:
    return JSONResponse({"detail": "Not Found"}, status_code=404)


def _unauthorised(received: Received) -> Reply | None:
    if received.headers.get("authorization") == f"Basic {BASIC}":
        return None
    headers = {"www-authenticate": "Basic"}
    body = b'{"detail":"Incorrect username or password"}'
    return Reply(status=401, body=body, headers=headers)


def _wrong(received: Received) -> Reply | None:
    """The server's own refusal of a request that is not right, or None."""
    if wrong := _unauthorised(received):
        return wrong
    values: Mapping[str, Any] = received.values
    if values.get("sampler_name") and values["sampler_name"] not in SAMPLERS:
        return Reply(status=404, body=b'{"detail":"Sampler not found"}')
    if received.path.endswith("img2img") and not values.get("init_images"):
        return Reply(status=404, body=b'{"detail":"Init image not found"}')
    for picture in (*values.get("init_images", ()), values.get("mask") or ""):
        base64.b64decode(picture.partition(",")[2] or picture, validate=True)
    return None
