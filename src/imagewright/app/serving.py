"""Running an App: over HTTP until a signal, or over stdio until its client leaves."""

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing, contextmanager
from typing import Literal, Self

import uvicorn

from imagewright.adapters.telemetry.logs import LogConfig, configure
from imagewright.app.application import App, build
from imagewright.core.errors import Unavailable
from imagewright.settings import Settings

_log = logging.getLogger(__name__)
_GRACE = 2
_BACKLOG = 512

Ready = Callable[[App], Coroutine[None, None, None]]


async def start(
    settings: Settings,
    transport: Literal["http", "stdio"] = "http",
    ready: Ready | None = None,
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


async def serve_http(app: App, ready: Ready | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then drain: no new work, running jobs awaited, sockets closed.

    A second signal breaks off the running jobs at once: paid ones become `outcome_unknown`.
    SIGHUP takes up changed files. What `ready` raises stops the service and is raised here.
    Raises Unavailable where the address cannot be had.
    """
    server_settings = app.settings.server
    listener = listen(server_settings.host, server_settings.port)
    with closing(listener):
        async with app:
            _collect_from_now_on()
            server = _Server(_config(app))
            with _Signals(app) as signals:
                serving = asyncio.create_task(server.serve(sockets=[listener]))
                try:
                    await _started(server, serving)
                    _log.info("serving", extra={"address": listener.getsockname()})
                    await _until_told(serving, signals, ready(app) if ready else None)
                finally:
                    _log.info("draining")
                    await app.drain()
                    server.should_exit = True
                    await serving


async def serve_stdio(app: App) -> None:
    """Serve one local client over stdin and stdout; nothing else may write to stdout."""
    async with app:
        _collect_from_now_on()
        await app.mcp.run_stdio_async(show_banner=False)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises Unavailable where the address is not to be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio looks at it: where it is 0, connections would keep
    # Nagle's delay, 40 ms for each answer that is written in two pieces.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise Unavailable(
            f"{host}:{port} is not to be had: {error.strerror}.",
            hint="Stop what listens there, or set another server.port.",
        ) from error
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


class _Signals:
    """What the process is told: to stop, to stop at once, to look at its files again."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._stopped = asyncio.Event()
        self._breaking: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, self._stop)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        return self

    def __exit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.remove_signal_handler(each)

    async def stopped(self) -> None:
        """Return once the process was told to stop."""
        await self._stopped.wait()

    def _stop(self) -> None:
        if self._stopped.is_set() and self._breaking is None:
            _log.warning("told again to stop: breaking off what runs")
            self._breaking = asyncio.create_task(self._app.break_off())
        self._stopped.set()

    def _reload(self) -> None:
        self._app.refresh(force=True)


def _config(app: App) -> uvicorn.Config:
    return uvicorn.Config(
        app.http,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # api.http.proxies reads them, from those that are to be believed
        timeout_graceful_shutdown=_GRACE,
        lifespan="on",
    )


async def _started(server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    while not server.started:
        if serving.done():
            serving.result()
            raise Unavailable("The HTTP server did not start.", hint="The log says why.")
        await asyncio.sleep(0.005)


async def _until_told(
    serving: asyncio.Task[None], signals: _Signals, telling: Coroutine[None, None, None] | None
) -> None:
    """Return when the server has ended or is to stop; raise what `telling` raises before that."""
    ends = {serving, asyncio.create_task(signals.stopped())}
    told = {asyncio.create_task(telling)} if telling else set()
    try:
        done, _ = await asyncio.wait(ends | told, return_when=asyncio.FIRST_COMPLETED)
        for task in done & told:
            task.result()
        if not done & ends:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (ends | told) - {serving}:
            task.cancel()
        await asyncio.gather(*(ends | told) - {serving}, return_exceptions=True)
