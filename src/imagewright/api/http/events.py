"""An answer of server-sent events, for as long as there is something to tell.

Source: HTML, section 9.2 (https://html.spec.whatwg.org/multipage/server-sent-events.html).
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

MEDIA_TYPE = "text/event-stream"
LAST = "end"
"""The id of every stream's last event."""
_QUIET_SECONDS = 15.0
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class Events:
    """Writes events to one client, each with an id that rises."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._count = 0
        self._written = time.monotonic()

    async def tell(self, name: str, data: Mapping[str, object]) -> None:
        """Send one that others follow."""
        self._count += 1
        await self._event(name, data, str(self._count))

    async def end(self, name: str, data: Mapping[str, object]) -> None:
        """Send the last one."""
        await self._event(name, data, LAST)

    async def rest(self) -> None:
        """Send a comment where nothing was sent for a while, so that no proxy hangs up."""
        if time.monotonic() - self._written >= _QUIET_SECONDS:
            await self._write(":\n\n")

    async def _event(self, name: str, data: Mapping[str, object], id: str) -> None:
        # JSON has no bare line ends, so that the data is one line.
        await self._write(f"id: {id}\nevent: {name}\ndata: {json.dumps(data)}\n\n")

    async def _write(self, text: str) -> None:
        body = text.encode()
        await self._send({"type": "http.response.body", "body": body, "more_body": True})
        self._written = time.monotonic()


class EventStream(Response):
    """Sends what `telling` tells; a client that leaves ends it. `done` is called at its end."""

    media_type = MEDIA_TYPE

    def __init__(
        self, telling: Callable[[Events], Awaitable[None]], done: Callable[[], None]
    ) -> None:
        self._telling = telling
        self._done = done
        self.status_code = 200
        self.background = None
        self.init_headers(_HEADERS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            if scope["method"] != "HEAD":
                await self._until_left(receive, send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._done()

    async def _until_left(self, receive: Receive, send: Send) -> None:
        telling = asyncio.ensure_future(self._telling(Events(send)))
        leaving = asyncio.create_task(_left(receive))
        try:
            await asyncio.wait({telling, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if telling.done():
                telling.result()
        finally:
            telling.cancel()
            leaving.cancel()
            await asyncio.gather(telling, leaving, return_exceptions=True)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
