"""What is asked of the egress proxy, and how it answers (RFC 9110 9.3.6, RFC 9209)."""

import re
from dataclasses import dataclass

from imagewright.adapters.egress.ways import Place, read_place
from imagewright.adapters.web.tunnel import PUBLIC_ONLY
from imagewright.core.errors import InvalidRequest

MADE = b"HTTP/1.1 200 OK\r\n\r\n"
_LINE = re.compile(r"CONNECT (\S{1,300}) HTTP/1\.[01]\Z")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}:[ -~\t]*\Z")


@dataclass(frozen=True, slots=True)
class Asked:
    """A place to be connected with, and whether no operator meant it."""

    place: Place
    strange: bool


class NoTunnel(Exception):
    """A refusal: a status, a word of ours or of RFC 9209 2.3 for why, and the place if known."""

    def __init__(self, status: int, reason: str, place: Place | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.place = place

    def answer(self) -> bytes:
        """What is sent in the place of a tunnel."""
        lines = (
            f"HTTP/1.1 {self.status} {_PHRASES[self.status]}",
            f"Proxy-Status: imagewright-egress; error={self.reason}",
            "Content-Length: 0",
            "Connection: close",
        )
        return "\r\n".join((*lines, "", "")).encode()


_PHRASES = {
    400: "Bad Request",
    403: "Forbidden",
    408: "Request Timeout",
    431: "Request Header Fields Too Large",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


def read_head(head: bytes) -> Asked:
    """What a request's head asks for; `head` ends with an empty line. Raises NoTunnel."""
    try:
        line, *headers = head.decode("ascii").removesuffix("\r\n\r\n").split("\r\n")
        found = _LINE.match(line)
        if found is None or not all(map(_HEADER.match, headers)):
            raise NoTunnel(400, "http_request_error")
        # A port is never left out (RFC 9110 9.3.6), nor is a domain a host.
        if not re.search(r":[0-9]+\Z", found[1]) or found[1].startswith("*"):
            raise NoTunnel(400, "http_request_error")
        return Asked(read_place(found[1]), PUBLIC_ONLY in headers)
    except (UnicodeDecodeError, InvalidRequest):
        raise NoTunnel(400, "http_request_error") from None
