"""Where a sign-in may send a browser back to."""

import re
from dataclasses import dataclass

from imagewright.core.errors import InvalidRequest

LOOPBACK = "loopback"
"""Stands for every address of a program on the user's own machine, with any port."""
_LONGEST = 1024
# Spelled out instead of parsed: two parsers of one address may disagree on its host.
_ON_LOOPBACK = re.compile(
    r"(http://(?:127\.0\.0\.1|\[::1\]|localhost))(?::[0-9]{1,5})?((?:/[A-Za-z0-9._~!$&'()*+,;=:%/-]*)?"
    r"(?:\?[A-Za-z0-9._~!$&'()*+,;=:%/?-]*)?)\Z"
)
_HTTPS = re.compile(
    r"https://[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?/[A-Za-z0-9._~!$&'()*+,;=:%/?-]*\Z"
)
_PRIVATE = re.compile(r"([a-z][a-z0-9+.-]*):/{1,3}[A-Za-z0-9][A-Za-z0-9._~!$&'()*+,;=:%/?-]*\Z")
_NEVER = frozenset(
    {
        *("about", "blob", "content", "data", "file", "filesystem", "ftp", "http", "https"),
        *("intent", "javascript", "mailto", "resource", "tel", "vbscript", "view-source"),
        *("ws", "wss"),
    }
)


@dataclass(frozen=True, slots=True)
class Redirects:
    """The addresses that clients may register: each exactly as it stands, or all of loopback.

    There are no wildcards. Raises InvalidRequest.
    """

    allowed: tuple[str, ...] = (LOOPBACK,)

    def __post_init__(self) -> None:
        for each in self.allowed:
            if each != LOOPBACK and not _is_exact(each):
                raise InvalidRequest(
                    "An address for clients is neither https:// with a path nor an application's "
                    "own scheme, or it has a wildcard, user or fragment.",
                    hint='Write "loopback", "https://app.example.com/callback" or "app://callback".',
                )

    def allow(self, address: str) -> bool:
        """Whether a client may register it."""
        if len(address) > _LONGEST:
            return False
        if _ON_LOOPBACK.match(address):
            return LOOPBACK in self.allowed
        return address != LOOPBACK and address in self.allowed

    def match(self, address: str, registered: tuple[str, ...]) -> bool:
        """Whether a client that registered those may be sent to it now.

        Loopback may have another port than was registered (RFC 8252 7.3); all else is exact.
        """
        if not self.allow(address):
            return False
        wanted = _without_port(address)
        return any(address == each or wanted == _without_port(each) for each in registered)


def _without_port(address: str) -> tuple[str, ...]:
    found = _ON_LOOPBACK.match(address)
    return found.groups() if found else (address,)


def _is_exact(address: str) -> bool:
    if len(address) > _LONGEST or "*" in address:
        return False
    if _HTTPS.match(address):
        return True
    private = _PRIVATE.match(address)
    return private is not None and private[1] not in _NEVER
