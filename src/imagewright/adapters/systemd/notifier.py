"""Tells systemd how the service fares: one datagram each, as sd_notify(3) has it."""

import logging
import socket
import time

_log = logging.getLogger(__name__)
_PATIENCE = 1.0


class Notifier:
    """Speaks to a datagram socket, or to nobody where there is no address.

    What cannot be said is logged and passed over: a service works without its supervisor.
    """

    def __init__(self, address: str | None) -> None:
        """`address` is a path, or a name after @ in Linux's abstract name space."""
        self._address = address

    def ready(self) -> None:
        """Requests are answered, or a reload is done."""
        self._tell("READY=1")

    def reloading(self) -> None:
        """Files are being read again; `ready` follows."""
        self._tell("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self, seconds: float) -> None:
        """The end has begun, and may take so long."""
        self._tell("STOPPING=1", f"EXTEND_TIMEOUT_USEC={int(seconds * 1_000_000)}")

    def alive(self) -> None:
        """The watchdog's sign."""
        self._tell("WATCHDOG=1")

    def _tell(self, *lines: str) -> None:
        if self._address is None:
            return
        name = self._address
        kind = socket.SOCK_DGRAM | socket.SOCK_CLOEXEC
        try:
            with socket.socket(socket.AF_UNIX, kind) as speaker:
                speaker.settimeout(_PATIENCE)
                speaker.connect(f"\0{name[1:]}" if name.startswith("@") else name)
                speaker.sendall("\n".join(lines).encode())
        except OSError as error:
            _log.warning("systemd was not told", extra={"reason": error.strerror})
