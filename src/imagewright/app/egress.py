"""Running the egress proxy of a service's settings, until a signal."""

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from pathlib import Path

from imagewright.adapters.egress.proxy import EgressConfig, EgressProxy
from imagewright.adapters.egress.ways import Ways
from imagewright.adapters.systemd.listeners import inherited
from imagewright.adapters.systemd.notifier import Notifier
from imagewright.adapters.telemetry.logs import LogConfig, configure
from imagewright.app.supervised import beating
from imagewright.app.ways import ways_of
from imagewright.core.errors import InvalidRequest, Unavailable
from imagewright.core.flaw import Misconfigured
from imagewright.settings import Settings
from imagewright.settings.supervision import Supervision, supervision

_log = logging.getLogger(__name__)
_BACKLOG = 256
_LEAVE = 10
"""Seconds beyond the drain that an end may take."""

Load = Callable[[], Settings]
"""Reads the settings anew. Raises Misconfigured."""


async def serve_egress(load: Load) -> None:
    """Serve until SIGTERM or SIGINT, then await what is open up to `server.drain`.

    A supervisor's Unix socket is served, or one at `egress.socket` for this user alone. SIGHUP
    reads the settings anew, and bad ones are passed over. Raises Misconfigured, InvalidRequest or
    Unavailable where it cannot begin.
    """
    settings, supervised = load(), supervision()
    configure(LogConfig(level=settings.log.level, format=settings.log.format))
    proxy = EgressProxy(ways_of(settings), _config(settings))
    notifier = Notifier(supervised.notify)
    with ExitStack() as stack:
        listeners = _listeners(settings, supervised)
        for each in listeners:
            stack.enter_context(closing(each))
        await proxy.open(listeners)
        stopped = _signals(lambda: _reload(proxy, load, notifier))
        _log.info("serving", extra=_counted(proxy.ways))
        notifier.ready()
        async with beating(supervised, notifier, lambda: True):
            await stopped.wait()
            _log.info("draining")
            notifier.stopping(settings.server.drain + _LEAVE)
            await proxy.close(float(settings.server.drain))


def shown(ways: Ways) -> tuple[dict[str, object], ...]:
    """Every place that may be reached as plain values, in order."""
    rows = [
        {"host": each.host, "port": each.port, "addresses": _kind(each.host)}
        for each in sorted(ways.places)
    ]
    return (*rows, {"host": "*", "port": 443, "addresses": "public"}) if ways.public else (*rows,)


def _kind(host: str) -> str:
    return "public" if host.startswith("*.") else "any"


def _config(settings: Settings) -> EgressConfig:
    return EgressConfig(idle=float(settings.egress.idle), most=settings.egress.tunnels)


def _listeners(settings: Settings, supervised: Supervision) -> list[socket.socket]:
    if not supervised.listeners:
        return [_listen(settings.egress.socket)]
    found = inherited(supervised.listeners)
    if any(each.family != socket.AF_UNIX for each in found):
        for each in found:
            each.close()
        raise Unavailable(
            "The egress proxy listens beyond its Unix socket, where anybody may use it.",
            hint="ListenStream= in imagewright-egress.socket has to be a path.",
        )
    return found


def _listen(path: Path | None) -> socket.socket:
    if path is None:
        raise InvalidRequest("The egress proxy has no place to listen.", hint="Set egress.socket.")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with suppress(FileNotFoundError):
            path.unlink()
        mask = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(mask)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise Unavailable(
            f"{path} is not to be had: {error.strerror or error}.",
            hint="Set another egress.socket, in a directory of this user's.",
        ) from error
    listener.setblocking(False)
    return listener


def _signals(reload: Callable[[], None]) -> asyncio.Event:
    """An event that is set when the process is told to stop."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stopped.set)
    loop.add_signal_handler(signal.SIGHUP, reload)
    return stopped


def _reload(proxy: EgressProxy, load: Load, notifier: Notifier) -> None:
    notifier.reloading()
    try:
        settings = load()
        proxy.ways, proxy.config = ways_of(settings), _config(settings)
        _log.info("configuration taken up", extra=_counted(proxy.ways))
    except Misconfigured as error:
        for flaw in error.flaws:
            _log.warning("configuration", extra={"flaw": str(flaw)})
    notifier.ready()


def _counted(ways: Ways) -> dict[str, object]:
    return {"places": len(ways.places), "public": ways.public}
