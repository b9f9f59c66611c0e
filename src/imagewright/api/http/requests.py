"""Every HTTP request: an id, one log line, a metric, and the headers every answer carries."""

import asyncio
import logging
import re
import time
from collections.abc import Callable

from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import bind_contextvars, reset_contextvars

from imagewright.ports.telemetry import Telemetry

_log = logging.getLogger(__name__)
_EVERY = 0.1
_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}\Z")


class RequestLog:
    """The outermost layer; of a path only the first part is told: the rest may be a capability.

    A route may have a name of its own in its place, in `scope["state"]["route"]`.

    Lines are written together, a tenth of a second later at most and before the end: one by one
    they cost several times as much, since each finds the processor's caches full of other work.
    """

    def __init__(
        self, app: ASGIApp, telemetry: Telemetry, new_id: Callable[[], str], routes: frozenset[str]
    ) -> None:
        self._app = app
        self._telemetry = telemetry
        self._new_id = new_id
        self._routes = routes
        self._untold: list[dict[str, object]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            try:
                await self._app(scope, receive, send)
            finally:
                self._tell()
            return
        request = self._request_id(scope)
        scope.setdefault("state", {})["request_id"] = request
        began = time.monotonic()
        status = 500

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message.setdefault("headers", []).append((b"x-request-id", request.encode()))
            await send(message)

        bound = bind_contextvars(request=request)
        try:
            await self._app(scope, receive, sending)
        finally:
            reset_contextvars(**bound)
            self._note(request, scope, status, time.monotonic() - began)

    def _note(self, request: str, scope: Scope, status: int, seconds: float) -> None:
        route = scope["state"].get("route") or self._first_part(scope["path"])
        self._telemetry.request(route, status, seconds)
        if not self._untold:
            asyncio.get_running_loop().call_later(_EVERY, self._tell)
        self._untold.append(
            {
                "at": time.time(),
                "request": request,
                "method": scope["method"],
                "route": route,
                "status": status,
                "duration_ms": round(seconds * 1000, 1),
            }
        )

    def _first_part(self, path: str) -> str:
        found = (each for each in self._routes if path == each or path.startswith(f"{each}/"))
        return next(found, "other")

    def _tell(self) -> None:
        untold, self._untold = self._untold, []
        for line in untold:
            _log.info("request", extra=line)

    def _request_id(self, scope: Scope) -> str:
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _ID.match(value):
                return bytes(value).decode()
        return self._new_id()
