"""Running an App: over HTTP until a signal, or over stdio until its client leaves."""

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import uvicorn

from imagewright.adapters.telemetry.logs import LogConfig, configure
from imagewright.app.application import App, build
from imagewright.settings import Settings

_log = logging.getLogger(__name__)
_GRACE = 5
_BACKLOG = 512


async def start(
    settings: Settings,
    transport: Literal["http", "stdio"] = "http",
    ready: Callable[[App], Awaitable[None]] | None = None,
) -> None:
    """Set up logging, build and serve; `ready` runs once requests are answered.

    Raises Misconfigured, Unavailable, StorageFull or OSError where it cannot begin.
    """
    configure(LogConfig(level=settings.log.level, format=settings.log.format))
    app = build(settings, stdio=transport == "stdio")
    if transport == "stdio":
        await serve_stdio(app)
    else:
        await serve_http(app, ready)


async def serve_http(app: App, ready: Callable[[App], Awaitable[None]] | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then drain: no new work, running jobs awaited, sockets closed.

    SIGHUP takes up changed files. Raises OSError where the address cannot be had.
    """
    server_settings = app.settings.server
    listener = listen(server_settings.host, server_settings.port)
    async with app:
        _collect_from_now_on()
        server = _Server(
            uvicorn.Config(
                app.http,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_GRACE,
                lifespan="on",
            )
        )
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, stop.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: app.refresh(force=True))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await _started(server, serving)
        _log.info("serving", extra={"host": server_settings.host, "port": server_settings.port})
        if ready is not None:
            await ready(app)
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        _log.info("draining")
        await app.drain()
        server.should_exit = True
        stopping.cancel()
        await serving


async def serve_stdio(app: App) -> None:
    """Serve one local client over stdin and stdout; nothing else may write to stdout."""
    async with app:
        _collect_from_now_on()
        await app.mcp.run_stdio_async(show_banner=False)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio looks at it: where it is 0, connections would keep
    # Nagle's delay, 40 ms for each answer that is written in two pieces.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


def _collect_from_now_on() -> None:
    """What the start made is no garbage and is not looked through again."""
    gc.freeze()
    gc.enable()


class _Server(uvicorn.Server):
    """Leaves signals to `serve_http`, which drains before the server closes its connections."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _started(server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    while not server.started and not serving.done():
        await asyncio.sleep(0.005)
