"""The calls of ComfyUI's API (0.3.64). What they answer is read in `adapters.wire.comfy`."""

import re
from collections.abc import Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict, replace
from typing import Any
from urllib.parse import quote

from imagewright.adapters.web.client import Answer, Call, Client, Endpoint, FilePart
from imagewright.adapters.web.failures import WebError
from imagewright.adapters.web.socket import Socket, Sockets
from imagewright.adapters.wire.comfy import Stored, refused
from imagewright.adapters.wire.graphs import Workflow
from imagewright.adapters.wire.judge import Judge
from imagewright.adapters.wire.line import Judgement, Line, away
from imagewright.adapters.wire.results import read_object
from imagewright.core.errors import Fault, OutcomeUnknown, ProviderBadAnswer
from imagewright.ports.provider import Input, Parts, Watch

_MIB = 1024 * 1024
_SMALL, _LARGE = _MIB, 32 * _MIB
_FRAME = 16 * _MIB
_SECONDS = 30.0
_QUICK = 3.0
_TARGETED = (0, 3, 64)
"""The first version known to stop a prompt by its id only."""
_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})\.(\d{1,4})")


class Server:
    """One configured ComfyUI."""

    def __init__(self, endpoint: Endpoint, parts: Parts, retries: int) -> None:
        self._client = Client(endpoint)
        self._sockets = Sockets(endpoint)
        self._line = Line(self._client, parts, retries)
        self._judge = Judge(parts, "")
        self._parts = parts
        self._retries = retries

    async def close(self) -> None:
        await self._client.close()

    async def look(self, path: str) -> Mapping[str, Any]:
        """The object at a path, asked for once. Raises a Provider* fault."""
        call = Call(path=path, method="GET", limit=_LARGE)
        return _object(await self._line.look(call, self._judge))

    async def node(self, kind: str, watch: Watch) -> Mapping[str, Any]:
        """What the server says of a kind of node, by that name; empty where it has none."""
        call = Call(path=node_path(kind), method="GET", limit=_LARGE)
        return _object(await self._safely(call, watch))

    async def upload(self, picture: Input, name: str, folder: str, watch: Watch) -> str:
        """Put an input picture there. The answer is how a node names it."""
        filename = f"{name}.{picture.format.suffix}"
        part = FilePart(
            name="image", filename=filename, mime=picture.format.mime, data=picture.data
        )
        fields = {"type": "input", "subfolder": folder, "overwrite": "true"}
        call = Call(path="upload/image", fields=fields, files=(part,), limit=_SMALL)
        found = read_object((await self._safely(call, watch)).body) or {}
        stored, place = found.get("name"), found.get("subfolder")
        if not isinstance(stored, str) or not isinstance(place, str):
            raise _unreadable()
        return f"{place}/{stored}" if place else stored

    async def socket(self, stack: AsyncExitStack, client: str) -> Socket | None:
        """The events of a client, or None where there is no socket to be had."""
        with suppress(WebError):
            socket = await stack.enter_async_context(
                self._sockets.open("ws", {"clientId": client}, _FRAME)
            )
            flags = '{"type":"feature_flags","data":{"supports_preview_metadata":true}}'
            await socket.send(flags)
            return socket
        return None

    async def submit(
        self, body: Mapping[str, Any], workflow: Workflow, seconds: float, watch: Watch
    ) -> None:
        """Queue a prompt. Raises as `Line.ask`."""
        call = Call(path="prompt", json=body, limit=_SMALL)

        def judge(answer: Answer) -> Judgement:
            judgement = self._judge(answer)
            return replace(judgement, fault=refused(answer, workflow) or judgement.fault)

        until = self._parts.clock.monotonic() + seconds
        answer = await self._line.ask(call, judge, until, watch)
        if (read_object(answer.body) or {}).get("prompt_id") != body["prompt_id"]:
            raise OutcomeUnknown("The provider did not say that it took the request.")

    async def history(self, prompt: str) -> bytes | None:
        """The history of a prompt, as far as there is one; None where no answer came."""
        with suppress(WebError):
            call = Call(path=f"history/{prompt}", method="GET", limit=_LARGE)
            answer = await self._client.send(call, _SECONDS)
            return answer.body if answer.status == 200 else None
        return None

    async def is_queued(self, prompt: str) -> bool:
        """Whether a prompt waits or is at work; False where no answer came."""
        queue = await self._quickly("GET", "queue")
        entries = [
            entry
            for name in ("queue_running", "queue_pending")
            if isinstance(found := queue.get(name), list)
            for entry in found
        ]
        return any(isinstance(each, list) and prompt in each[1:2] for each in entries)

    async def view(self, stored: Stored, limit: int) -> bytes | None:
        """A picture's bytes; it is asked for again, since that costs nothing."""
        call = Call(path="view", method="GET", query=asdict(stored), limit=limit)
        for _ in range(self._retries + 1):
            with suppress(WebError):
                answer = await self._client.send(call, _SECONDS)
                return answer.body or None if answer.status == 200 else None
        return None

    async def withdraw(self, prompt: str) -> None:
        """Take a prompt of ours out of the queue, and stop it where only it can be meant."""
        await self._quickly("POST", "queue", {"delete": [prompt]})
        system = (await self._quickly("GET", "system_stats")).get("system")
        told = system.get("comfyui_version") if isinstance(system, dict) else None
        version = _VERSION.match(told) if isinstance(told, str) else None
        if version and tuple(int(each) for each in version.groups()) >= _TARGETED:
            await self._quickly("POST", "interrupt", {"prompt_id": prompt})

    async def _quickly(
        self, method: str, path: str, json: Mapping[str, object] | None = None
    ) -> Mapping[str, Any]:
        with suppress(WebError):
            call = Call(path=path, method=method, json=json, limit=_LARGE)
            answer = await self._client.send(call, _QUICK)
            return (read_object(answer.body) if answer.status == 200 else None) or {}
        return {}

    async def _safely(self, call: Call, watch: Watch) -> Answer:
        """The answer to what makes no picture, so that nothing is unknown where it stays out."""
        until = self._parts.clock.monotonic() + _SECONDS
        try:
            return await self._line.ask(call, self._judge, until, watch)
        except OutcomeUnknown:
            fault: Fault = away()
        raise fault


def node_path(kind: str) -> str:
    """Where a server tells of a kind of node."""
    return f"object_info/{quote(kind, safe='')}"


def _object(answer: Answer) -> Mapping[str, Any]:
    found = read_object(answer.body)
    if found is None:
        raise _unreadable()
    return found


def _unreadable() -> ProviderBadAnswer:
    return ProviderBadAnswer(
        "The provider's answer is none of ComfyUI's.", hint="Ask the operator to check base_url."
    )
