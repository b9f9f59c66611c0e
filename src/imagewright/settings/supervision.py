"""What a supervisor such as systemd hands to the process it starts."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from imagewright.settings.environment import Surroundings

_FIRST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervision:
    """`notify` is the address of a datagram socket, `watchdog` the seconds it waits for a sign.

    `listeners` are descriptors of sockets that are already listening.
    Source: sd_notify(3), sd_watchdog_enabled(3), sd_listen_fds(3).
    """

    notify: str | None = None
    watchdog: float | None = None
    listeners: tuple[int, ...] = ()


ALONE = Supervision()
"""Started by nobody who asks."""


def supervision(
    environ: Mapping[str, str] | None = None, process: int | None = None
) -> Supervision:
    """What the environment says, where it speaks to this process; numbers it cannot mean are none.

    None are the process's own environment and number.
    """
    found = Surroundings.of_process().environ if environ is None else environ
    own = str(os.getpid() if process is None else process)
    watched = found.get("WATCHDOG_PID", own) == own
    wait = _number(found.get("WATCHDOG_USEC", "")) if watched else 0
    count = _number(found.get("LISTEN_FDS", "")) if found.get("LISTEN_PID") == own else 0
    return Supervision(
        notify=found.get("NOTIFY_SOCKET") or None,
        watchdog=wait / 1_000_000 if wait else None,
        listeners=tuple(range(_FIRST, _FIRST + count)),
    )


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0
