"""One prompt's life at ComfyUI: queued under an id of ours, followed, fetched or withdrawn."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from imagewright.adapters.web.failures import SentNoAnswer
from imagewright.adapters.web.socket import Socket
from imagewright.adapters.wire.comfy import (
    Event,
    Preview,
    Stored,
    failure,
    read_frame,
    read_history,
    steps,
)
from imagewright.adapters.wire.comfy_server import Server
from imagewright.adapters.wire.graphs import Workflow
from imagewright.adapters.wire.previews import Previews
from imagewright.adapters.wire.refusals import unknown
from imagewright.core.errors import Fault, OutcomeUnknown, ProviderMisconfigured
from imagewright.ports.provider import NotYet, Parts, Watch

_LATER = 15.0
"""Seconds until a prompt is asked after again that did not end in its time."""
_LOST = 3
"""How often a prompt is in neither queue nor history before it is taken for lost."""


def new_prompt(key: str, parts: Parts) -> str:
    """An id for a prompt of the order with that key."""
    return str(uuid5(NAMESPACE_URL, f"{key}:{parts.random()}"))


class Run:
    """The prompt of that id. `poll` is the seconds between two looks at what became of it."""

    def __init__(self, server: Server, parts: Parts, prompt: str, poll: float) -> None:
        self.prompt = prompt
        self._client = uuid5(NAMESPACE_URL, f"client:{prompt}").hex
        self._server = server
        self._parts = parts
        self._poll = poll

    async def carry_out(
        self,
        graph: Mapping[str, Any],
        workflow: Workflow,
        seconds: float,
        progress: tuple[Previews, Watch],
    ) -> tuple[Stored, ...]:
        """The pictures that lie at the server then, at least one, within so many seconds.

        `graph` is the workflow filled. Raises a Provider* fault or OutcomeUnknown; what is given
        up, for its time or for a cancellation, is withdrawn.
        """
        try:
            async with asyncio.timeout(seconds):
                return await self._live(graph, workflow, seconds, progress)
        except asyncio.CancelledError:
            await self._server.withdraw(self.prompt)
            raise
        except TimeoutError:
            fault = unknown()
        await self._server.withdraw(self.prompt)
        raise fault

    async def outcome(self, workflow: Workflow, seconds: float) -> tuple[Stored, ...]:
        """The pictures of a prompt that was sent earlier. Raises NotYet, or as `carry_out`."""
        try:
            async with asyncio.timeout(seconds):
                return await self._outcome(workflow)
        except TimeoutError:
            pass
        raise NotYet(_LATER)

    async def _live(
        self,
        graph: Mapping[str, Any],
        workflow: Workflow,
        seconds: float,
        progress: tuple[Previews, Watch],
    ) -> tuple[Stored, ...]:
        watch = progress[1]
        body = {"prompt": graph, "client_id": self._client, "prompt_id": self.prompt}
        async with AsyncExitStack() as stack:
            # Events are addressed to the socket, so it is there before the prompt.
            socket = await self._server.socket(stack, self._client)
            await watch.stage("Waiting for the provider")
            try:
                await self._server.submit(body, workflow, seconds, watch)
                taken = True
            except OutcomeUnknown:
                taken = False
            if not taken and not await self._is_there(workflow):
                raise unknown()
            if socket is not None:
                await self._follow(socket, workflow, progress)
        return await self._outcome(workflow)

    async def _is_there(self, workflow: Workflow) -> bool:
        if await self._server.is_queued(self.prompt):
            return True
        return (
            read_history(await self._server.history(self.prompt) or b"", self.prompt, workflow)
            is not None
        )

    async def _follow(
        self, socket: Socket, workflow: Workflow, progress: tuple[Previews, Watch]
    ) -> None:
        """Tell how far it is, until it ends or the socket is lost."""
        previews, watch = progress
        share = 0.0
        while True:
            try:
                found = read_frame(await socket.receive())
            except SentNoAnswer:
                return
            if isinstance(found, Preview) and found.prompt in {None, self.prompt}:
                if (index := previews.take(share)) is not None:
                    await watch.partial(index, found.data)
            elif isinstance(found, Event) and found.data.get("prompt_id") == self.prompt:
                if (fault := failure(found, workflow.graph)) is not None:
                    raise fault
                if _is_end(found):
                    return
                if (told := steps(found)) is not None:
                    share = told[0] / told[1]
                    await watch.stage("Drawing", *told)

    async def _outcome(self, workflow: Workflow) -> tuple[Stored, ...]:
        """What its history says, which is written a moment after its last event."""
        missed = 0
        while missed < _LOST:
            body = await self._server.history(self.prompt)
            found = read_history(body or b"", self.prompt, workflow)
            if isinstance(found, Fault):
                raise found
            if found is not None:
                return found or _nothing_saved()
            if body is not None and not await self._server.is_queued(self.prompt):
                missed += 1
            await self._parts.sleep(self._poll)
        raise unknown()


def _is_end(event: Event) -> bool:
    return event.kind == "execution_success" or (
        event.kind == "executing" and event.data.get("node") is None
    )


def _nothing_saved() -> tuple[Stored, ...]:
    raise ProviderMisconfigured(
        "The workflow saves no picture.", hint="Ask the operator to check the workflow."
    )
