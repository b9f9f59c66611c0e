"""What an operator sets for a server at one address, whatever API it speaks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from imagewright.adapters.web.client import Bounds, Endpoint
from imagewright.adapters.web.origin import parse_url
from imagewright.core.secret import Secret
from imagewright.ports.provider import Parts

_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where the server is, and its bounds. Times are in seconds.

    `total_timeout` bounds an order with all its attempts. `picture_bytes` bounds each picture.
    Raises ValueError for an address or a number that cannot be.
    """

    __pydantic_config__: ClassVar[Mapping[str, str]] = {"extra": "forbid"}
    """For settings: a key that is none of these is a mistake."""

    name: str
    base_url: str
    api_key: Secret | None = None
    headers: Mapping[str, Secret] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    proxy: Secret | None = None
    ca_file: str | None = None
    connect_timeout: float = 10.0
    read_timeout: float = 600.0
    total_timeout: float = 600.0
    concurrency: int = 8
    retries: int = 2
    picture_bytes: int = 50 * _MIB

    def __post_init__(self) -> None:
        if parse_url(self.base_url).query:
            raise ValueError("base_url holds a query; give it as `query`")
        positive = (self.connect_timeout, self.read_timeout, self.total_timeout)
        if min(*positive, self.concurrency, self.picture_bytes) <= 0 or self.retries < 0:
            raise ValueError(
                "times, concurrency and picture_bytes must be above 0, retries not below"
            )


def endpoint(
    server: Server,
    parts: Parts,
    *,
    key_header: str = "Authorization",
    more: Mapping[str, str | None],
) -> Endpoint:
    """The server with its key and further headers, those that are set.

    A header other than Authorization carries the bare key.
    """
    headers = dict(server.headers)
    if server.api_key is not None:
        bearer = key_header.lower() == "authorization"
        key = Secret(f"Bearer {server.api_key.reveal()}") if bearer else server.api_key
        headers[key_header] = key
    headers |= {name: Secret(value) for name, value in more.items() if value is not None}
    return Endpoint(
        base_url=server.base_url,
        headers=headers,
        query=server.query,
        proxy=server.proxy,
        ca_file=server.ca_file,
        egress=parts.egress,
        bounds=Bounds(
            connect=server.connect_timeout,
            read=server.read_timeout,
            concurrency=server.concurrency,
        ),
    )
