"""Running an App: over HTTP until a signal, or over stdio until its client leaves."""

import asyncio
import gc
import logging
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import Literal, Self

import uvicorn

from imagewright.adapters.clock import SystemClock, refuse_unset
from imagewright.adapters.systemd.listeners import inherited, local_only
from imagewright.adapters.systemd.notifier import Notifier
from imagewright.adapters.telemetry.logs import LogConfig, configure
from imagewright.app.application import App, build
from imagewright.app.ownership import become_owner
from imagewright.app.supervised import beating
from imagewright.core.errors import Unavailable
from imagewright.core.flaw import Flaw, Misconfigured
from imagewright.settings import Settings
from imagewright.settings.supervision import ALONE, Supervision, supervision

_log = logging.getLogger(__name__)
_GRACE = 2
_LEAVE = 20
"""Seconds beyond the drain that an end may take."""
_BACKLOG = 512

Ready = Callable[[App], Coroutine[None, None, None]]


async def start(
    settings: Settings,
    transport: Literal["http", "stdio"] = "http",
    ready: Ready | None = None,
) -> None:
    """Set up logging, build and serve; `ready` runs once requests are answered.

    Root becomes the owner of the state directory where that is another.

    Raises Misconfigured, Unavailable, StorageFull or OSError where it cannot begin.
    """
    configure(LogConfig(level=settings.log.level, format=settings.log.format))
    refuse_unset(SystemClock())
    become_owner(settings.state)
    app = build(settings, stdio=transport == "stdio")
    if transport == "stdio":
        await serve_stdio(app)
    else:
        await serve_http(app, ready, supervision())


async def serve_http(app: App, ready: Ready | None = None, supervised: Supervision = ALONE) -> None:
    """Serve until SIGTERM or SIGINT, then drain: no new work, running jobs awaited, sockets closed.

    A second signal breaks off the running jobs at once: paid ones become `outcome_unknown`.
    SIGHUP takes up changed files. What `ready` raises stops the service and is raised here.
    A supervisor is told of each step, and its sockets are served in the place of our own.
    Raises Unavailable where the address cannot be had, and Misconfigured for a socket that is
    open to others while nobody has to show who they are.
    """
    notifier = Notifier(supervised.notify)
    with ExitStack() as stack:
        listeners = [stack.enter_context(closing(each)) for each in _listeners(app, supervised)]
        async with app:
            _collect_from_now_on()
            server = _Server(_config(app))
            with _Signals(app, notifier) as signals:
                serving = asyncio.create_task(server.serve(sockets=listeners))
                try:
                    await _started(server, serving)
                    for each in listeners:
                        _log.info("serving", extra={"address": each.getsockname()})
                    notifier.ready()
                    async with beating(supervised, notifier, app.turns):
                        await _until_told(serving, signals, ready(app) if ready else None)
                finally:
                    _log.info("draining")
                    notifier.stopping(app.settings.server.drain + _LEAVE)
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


def _listeners(app: App, supervised: Supervision) -> list[socket.socket]:
    """Those that systemd passes, else one of our own. Raises Misconfigured or Unavailable."""
    section = app.settings.server
    if not supervised.listeners:
        return [listen(section.host, section.port)]
    found = inherited(supervised.listeners)
    if not app.settings.auth.configured and not all(map(local_only, found)):
        for each in found:
            each.close()
        raise Misconfigured([_OPEN])
    return found


_OPEN = Flaw(
    place="imagewright.socket",
    key="ListenStream",
    sentence="It listens beyond this machine, and nobody has to show who they are.",
    hint="Set auth.tokens_path, or listen on 127.0.0.1.",
)


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

    def __init__(self, app: App, notifier: Notifier) -> None:
        self._app = app
        self._notifier = notifier
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
        self._notifier.reloading()
        self._app.refresh(force=True)
        self._notifier.ready()


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
