"""Listening sockets that systemd opened and passes on, as sd_listen_fds(3) has it."""

import ipaddress
import os
import socket
from collections.abc import Iterable
from contextlib import ExitStack

from imagewright.core.errors import Unavailable

_HINT = "Its unit needs ListenStream= and Accept=no."


def inherited(descriptors: Iterable[int]) -> list[socket.socket]:
    """The sockets. Raises Unavailable for a descriptor that is no listening stream."""
    with ExitStack() as stack:
        found = [stack.enter_context(_listener(number)) for number in descriptors]
        stack.pop_all()
        return found


def local_only(listener: socket.socket) -> bool:
    """Whether nobody on another machine can reach it."""
    if listener.family == socket.AF_UNIX:
        return True
    return ipaddress.ip_address(listener.getsockname()[0].partition("%")[0]).is_loopback


def _listener(number: int) -> socket.socket:
    try:
        found = socket.socket(fileno=number)
    except OSError as error:
        raise Unavailable(
            f"What systemd passes as descriptor {number} is no socket.", hint=_HINT
        ) from error
    if found.type != socket.SOCK_STREAM or not _listens(found):
        found.close()
        raise Unavailable(
            f"The socket that systemd passes as {number} does not listen.", hint=_HINT
        )
    os.set_inheritable(number, False)
    found.setblocking(False)
    return found


def _listens(found: socket.socket) -> bool:
    return bool(found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN))
