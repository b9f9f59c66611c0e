"""Where a request goes: scheme, host and port."""

from dataclasses import dataclass

import httpx

DEFAULT_PORTS = {"https": 443, "http": 80}
_LAST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Origin:
    """Two addresses with equal origins are served by the same party."""

    scheme: str
    host: str
    port: int


def origin_of(url: httpx.URL) -> Origin:
    """The origin of an http or https address. Raises ValueError for any other."""
    if url.scheme not in DEFAULT_PORTS or not url.host:
        raise ValueError("not an http or https address")
    if url.port is not None and not 0 < url.port <= _LAST_PORT:
        raise ValueError("not a port")
    return Origin(url.scheme, url.raw_host.decode().lower(), url.port or DEFAULT_PORTS[url.scheme])


def parse_url(text: str) -> httpx.URL:
    """An http or https address without user or password.

    Raises ValueError, which does not quote it.
    """
    try:
        url = httpx.URL(text)
    except (httpx.InvalidURL, TypeError):
        url = None
    if url is None or any(char <= " " or char == "\x7f" for char in text):
        raise ValueError("not an address")
    if url.userinfo:
        raise ValueError("the address holds a user or a password")
    origin_of(url)
    return url
