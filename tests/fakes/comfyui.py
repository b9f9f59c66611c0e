"""A ComfyUI that replays what a real one of version 0.3.64 said.

`test_comfyui.py` compares what it says with the recording, `comfyui_frames.json`.
"""

import asyncio
import json
import struct
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect
from uvicorn.config import WSProtocolType

from tests.fakes.pictures import encoded
from tests.fakes.vendor import VENDOR_WORDS, Received, Reply, Vendor, Way

KEY = "key-of-what-stands-before-it"
RECORDED: Any = json.loads(Path(__file__).with_name("comfyui_frames.json").read_text("utf-8"))
CHECKPOINTS = (
    "juggernautXL_v9.safetensors",
    "sub/dreamshaper_sd15.safetensors",
    "sdxl_lightning_8step.safetensors",
    "zz_mystery.safetensors",
)
PREVIEW = encoded(form="jpeg", shade=77)
_IMAGE, _LATENT, _MASK, _TEXT = ["IMAGE"], ["LATENT"], ["MASK"], ["STRING", {"multiline": True}]
_INT = ["INT", {"default": 512, "min": 1, "max": 16384}]
_CLASSES: Mapping[str, Mapping[str, Any]] = {
    "CheckpointLoaderSimple": {"ckpt_name": [list(CHECKPOINTS), {}]},
    "CLIPTextEncode": {"text": _TEXT, "clip": ["CLIP"]},
    "EmptyLatentImage": {"width": _INT, "height": _INT, "batch_size": _INT},
    "VAEDecode": {"samples": _LATENT, "vae": ["VAE"]},
    "VAEEncode": {"pixels": _IMAGE, "vae": ["VAE"]},
    "SaveImage": {"images": _IMAGE, "filename_prefix": ["STRING", {"default": "ComfyUI"}]},
    "PreviewImage": {"images": _IMAGE},
    "LoadImage": {"image": [["example.png"], {"image_upload": True}]},
    "LoadImageMask": {
        "image": [["example.png"], {"image_upload": True}],
        "channel": ["COMBO", {"options": ["alpha", "red", "green", "blue"]}],
    },
    "ImageScale": {
        "image": _IMAGE,
        "upscale_method": [["bilinear", "lanczos"]],
        "width": _INT,
        "height": _INT,
        "crop": [["disabled", "center"]],
    },
    "RepeatLatentBatch": {"samples": _LATENT, "amount": _INT},
    "SetLatentNoiseMask": {"samples": _LATENT, "mask": _MASK},
    "MaskToImage": {"mask": _MASK},
    "ImageToMask": {"image": _IMAGE, "channel": [["red", "green", "blue", "alpha"]]},
}
INFO: dict[str, Any] = {
    **{name: {"input": {"required": dict(each)}} for name, each in _CLASSES.items()},
    **RECORDED["object_info"],
}


def error(status: int, **headers: str) -> Reply:
    body = {"error": {"type": "some", "message": VENDOR_WORDS, "details": VENDOR_WORDS}}
    return Reply(status=status, body=json.dumps(body).encode(), headers=headers)


class FakeComfyUI(Vendor):
    """Carries out one prompt at a time, as its `story` goes: a run of the recording.

    `pause` is the seconds between two of its frames; `held` stops it before its end. After
    `frames_kept` frames each socket is broken, with `deaf` there is none. `forgets` says that
    it loses its prompts, `stops` keeps the ids that `/interrupt` named (None for none named).
    `hides` is a kind of node that it does not have; with `queued_unheard` it takes a prompt and
    answers as it was told to all the same; the first `lost_views` pictures break off.
    """

    paid: ClassVar[str] = "/prompt"
    ws: ClassVar[WSProtocolType] = "websockets-sansio"

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        super().__init__()
        self._reset()

    def _reset(self) -> None:
        self.story = "sampled"
        self.pause = 0.0
        self.held = self.deaf = self.forgets = False
        self.frames_kept: int | None = None
        self.version = "0.3.64"
        self.history: dict[str, Any] = {}
        self.pending: list[str] = []
        self.running: list[str] = []
        self.stops: list[str | None] = []
        self.uploads: dict[str, bytes] = {}
        self.hides: str | None = None
        self.queued_unheard = False
        self.lost_views = 0
        self._sockets: dict[str, WebSocket] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def forget(self) -> None:
        super().forget()
        self._reset()

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/prompt", self._prompt, methods=["POST"]),
            Route("/history/{id}", self._history),
            Route("/queue", self._queue, methods=["GET", "POST"]),
            Route("/interrupt", self._interrupt, methods=["POST"]),
            Route("/view", self._view),
            Route("/upload/image", self._upload, methods=["POST"]),
            Route("/object_info/{kind:path}", self._info),
            Route("/system_stats", self._stats),
            WebSocketRoute("/ws", self._socket),
        ]

    async def _prompt(self, request: Request) -> Response:
        received, reply = await self.take(request)
        if reply.body is not None and not self.queued_unheard:
            return self.sent(reply, reply.body)
        if (wrong := _wrong(received)) is not None:
            return self.sent(wrong, wrong.body or b"")
        id = received.values["prompt_id"]
        if reply.way in {"whole", "slow"} or self.queued_unheard:
            self.pending.append(id)
            task = asyncio.create_task(self._live(received.values))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        accepted = {**RECORDED["accepted"]["body"], "prompt_id": id}
        return self.sent(reply, reply.body or json.dumps(accepted).encode())

    async def _live(self, values: Mapping[str, Any]) -> None:
        id, client = values["prompt_id"], values.get("client_id", "")
        async with self._turn:
            if id not in self.pending or self.forgets:
                self.pending = [each for each in self.pending if each != id]
                return
            self.pending.remove(id)
            self.running.append(id)
            story = self.story
            for number, frame in enumerate(told(story, id)):
                if id in self.stops:
                    story = "interrupted"
                    await self._say(client, number, list(told(story, id))[-1])
                    break
                while self._holds(number, id):  # noqa: ASYNC110 - a test's thread sets no event
                    await asyncio.sleep(0.01)
                await self._say(client, number, frame)
                await asyncio.sleep(self.pause)
            self.history[id] = self._ended(story, values)
            self.running.remove(id)

    def _holds(self, number: int, id: str) -> bool:
        return self.held and number > 12 and id not in self.stops

    async def _say(self, client: str, number: int, frame: str | bytes) -> None:
        socket = self._sockets.get(client)
        if socket is None:
            return
        if self.frames_kept is not None and number >= self.frames_kept:
            self._sockets.pop(client, None)
            await socket.close(1011)
            return
        await (socket.send_text(frame) if isinstance(frame, str) else socket.send_bytes(frame))

    def _ended(self, story: str, values: Mapping[str, Any]) -> Any:
        recorded = RECORDED["runs"][story]["history"]
        id, graph = values["prompt_id"], values["prompt"]
        old = _id(story)
        outputs = {
            node: {
                "images": [_stored(id, graph, each["class_type"], i) for i in range(_count(graph))]
            }
            for node, each in graph.items()
            if each["class_type"] in {"SaveImage", "PreviewImage"}
        }
        status = json.loads(json.dumps(recorded["status"]).replace(old, id))
        return {
            "prompt": [1, id, graph, {}, []],
            "outputs": outputs if status["status_str"] == "success" else {},
            "status": status,
            "meta": {},
        }

    async def _history(self, request: Request) -> Response:
        await self.note(request)
        id = request.path_params["id"]
        return JSONResponse({id: self.history[id]} if id in self.history else {})

    async def _queue(self, request: Request) -> Response:
        received = await self.note(request)
        if request.method == "POST":
            gone = received.values.get("delete", [])
            self.pending = [each for each in self.pending if each not in gone]
            return Response()
        entries = {"queue_running": self.running, "queue_pending": self.pending}
        return JSONResponse(
            {name: [[1, id, {}, {}, []] for id in ids] for name, ids in entries.items()}
        )

    async def _interrupt(self, request: Request) -> Response:
        self.stops.append((await self.note(request)).values.get("prompt_id"))
        return Response()

    async def _view(self, request: Request) -> Response:
        await self.note(request)
        if self.lost_views:
            self.lost_views -= 1
            return self.sent(Reply(way=Way.CLOSE_MID_BODY), encoded())
        width, height = request.query_params["filename"].split("_")[1].split("x")
        return Response(encoded(int(width), int(height)), media_type="image/png")

    async def _upload(self, request: Request) -> Response:
        received = await self.note(request)
        ((_, name, _, data),) = received.files
        folder = received.values["subfolder"]
        self.uploads[f"{folder}/{name}"] = data
        return JSONResponse({"name": name, "subfolder": folder, "type": received.values["type"]})

    async def _info(self, request: Request) -> Response:
        received = await self.note(request)
        if received.headers.get("authorization") != f"Bearer {KEY}":
            return JSONResponse({"error": "no"}, status_code=401)
        kind = request.path_params["kind"]
        return JSONResponse({kind: INFO[kind]} if kind in INFO and kind != self.hides else {})

    async def _stats(self, request: Request) -> Response:
        received = await self.note(request)
        if received.headers.get("authorization") != f"Bearer {KEY}":
            return JSONResponse({"error": "no"}, status_code=401)
        return JSONResponse({"system": {"comfyui_version": self.version}, "devices": []})

    async def _socket(self, socket: WebSocket) -> None:
        if self.deaf or socket.headers.get("authorization") != f"Bearer {KEY}":
            await socket.close()
            return
        await socket.accept()
        client = socket.query_params["clientId"]
        self._sockets[client] = socket
        try:
            while True:
                await socket.receive_text()
        except WebSocketDisconnect:
            self._sockets.pop(client, None)


def told(story: str, id: str) -> Iterator[str | bytes]:
    """The frames of a recorded run as they would be of another prompt."""
    old = _id(story)
    for frame in RECORDED["runs"][story]["frames"]:
        if "binary" in frame:
            yield _binary(frame["binary"]["event"], id)
        else:
            yield json.dumps(frame).replace(old, id)


def _id(story: str) -> str:
    frames = RECORDED["runs"][story]["frames"]
    return next(str(f["data"]["prompt_id"]) for f in frames if "prompt_id" in f.get("data", {}))


def _binary(event: int, id: str) -> bytes:
    """A preview: the recording has only how each begins and how long it is."""
    if event == 1:
        return struct.pack(">II", 1, 1) + PREVIEW
    about = json.dumps({"node_id": "3", "prompt_id": id, "image_type": "image/jpeg"}).encode()
    return struct.pack(">II", event, len(about)) + about + PREVIEW


def _count(graph: Mapping[str, Any]) -> int:
    names = {"EmptyLatentImage": "batch_size", "RepeatLatentBatch": "amount"}
    found = [
        n["inputs"][names[n["class_type"]]] for n in graph.values() if n["class_type"] in names
    ]
    return int(found[0]) if found else 1


def _stored(id: str, graph: Mapping[str, Any], kind: str, index: int) -> Mapping[str, str]:
    sizes = [n["inputs"] for n in graph.values() if "width" in n["inputs"]] or [{}]
    size = f"{sizes[0].get('width', 64)}x{sizes[0].get('height', 48)}"
    place = "output" if kind == "SaveImage" else "temp"
    return {"filename": f"{id}_{size}_{index:05}_.png", "subfolder": "imagewright", "type": place}


def _wrong(received: Received) -> Reply | None:
    """The server's own refusal of a prompt that is not right, or None."""
    if received.headers.get("authorization") != f"Bearer {KEY}":
        return error(401)
    graph = received.values["prompt"]
    if [each for each in graph.values() if each["class_type"] not in INFO]:
        return _recorded("unknown_node")
    if found := next(_wrong_inputs(graph), None):
        return _refused(*found)
    if not [each for each in graph.values() if each["class_type"] in {"SaveImage", "PreviewImage"}]:
        return _recorded("no_output")
    return None


def _wrong_inputs(graph: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for node, each in graph.items():
        for name, declared in INFO[each["class_type"]]["input"]["required"].items():
            value = each["inputs"].get(name)
            limits = declared[1] if len(declared) > 1 else {}
            if name not in each["inputs"]:
                yield node, "required_input_missing", name
            elif "min" in limits and isinstance(value, int | float) and value < limits["min"]:
                yield node, "value_smaller_than_min", name
            elif name == "ckpt_name" and value not in declared[0]:
                yield node, "value_not_in_list", name


def _recorded(name: str) -> Reply:
    found = RECORDED["refusals"][name]
    return Reply(status=found["status"], body=json.dumps(found["body"]).encode())


def _refused(node: str, kind: str, name: str) -> Reply:
    found = json.loads(json.dumps(RECORDED["refusals"]["bad_value"]["body"]))
    detail = found["node_errors"].pop("1")
    detail["errors"][0] |= {"type": kind, "message": VENDOR_WORDS, "details": VENDOR_WORDS}
    detail["errors"][0]["extra_info"] = {"input_name": name, "received_value": VENDOR_WORDS}
    found["node_errors"][node] = detail
    return Reply(status=400, body=json.dumps(found).encode())
