"""Vendors that take a request, answer with an id, and are asked until it is done."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from imagewright.adapters.web.client import Answer, Call, Client, Endpoint
from imagewright.adapters.web.failures import WebError
from imagewright.adapters.web.origin import origin_of, parse_url
from imagewright.adapters.wire.refusals import unknown
from imagewright.core.errors import OutcomeUnknown
from imagewright.ports.provider import Parts

T = TypeVar("T")

_LOST = 30
"""How many looks in a row may tell nothing before a request is taken for lost."""
_SLOWEST = 5
_SECONDS = 20.0


class NoWord(Exception):
    """One look that told nothing; it costs nothing to look again.

    With `denied` an answer came, and it knows of no such request.
    """

    def __init__(self, *, denied: bool = False) -> None:
        super().__init__()
        self.denied = denied


class StillOut(OutcomeUnknown):
    """Waiting ended, and the vendor may yet tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds between two looks, and the moment of the monotonic clock when waiting ends."""

    pause: float
    until: float


async def poll(look: Callable[[], Awaitable[T | None]], patience: Patience, parts: Parts) -> T:
    """What `look` says in the end; it answers None while the request is at work.

    Looks that raise NoWord are repeated, ever more slowly. Raises OutcomeUnknown when the time is
    over or thirty of them follow each other: what the vendor took may be made and charged. It is
    StillOut unless the last look was denied.
    """
    missed, denied = 0, False
    while missed < _LOST:
        try:
            found, missed, denied = await look(), 0, False
        except NoWord as none:
            found, missed, denied = None, missed + 1, none.denied
        if found is not None:
            return found
        pause = patience.pause * min(1 + missed, _SLOWEST)
        if parts.clock.monotonic() + pause >= patience.until:
            break
        await parts.sleep(pause)
    fault = unknown()
    raise fault if denied else StillOut(fault.sentence, hint=fault.hint)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a request is asked for: a server, and what to ask it with the endpoint's headers."""

    base_url: str
    path: str
    query: dict[str, str] = field(repr=False)


def place_of(url: object, endpoint: Endpoint, domain: str) -> Place | None:
    """The place that an answer names by an address, or None where the key may not be sent there.

    It may go to the endpoint's own origin, and from one host of the vendor's `domain` to another
    over https.
    """
    own = origin_of(parse_url(endpoint.base_url))
    try:
        parsed = parse_url(url if isinstance(url, str) else "")
        origin = origin_of(parsed)
    except ValueError:
        return None
    allowed = origin == own or (
        origin.scheme == own.scheme == "https"
        and origin.port == own.port
        and all(_is_in(host, domain) for host in (origin.host, own.host))
    )
    if not allowed:
        return None
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    base = f"{origin.scheme}://{host}:{origin.port}"
    return Place(base_url=base, path=parsed.path, query=dict(parsed.params))


class Window:
    """Looks at one request at its place, with the endpoint's key; it is closed after."""

    def __init__(self, endpoint: Endpoint, place: Place) -> None:
        self._client = Client(replace(endpoint, base_url=place.base_url, query={}))
        self._place = place

    async def look(self, limit: int) -> Answer:
        """An answer with status 200 of at most so many bytes. Raises NoWord."""
        place = self._place
        call = Call(path=place.path, method="GET", query=place.query, limit=limit)
        try:
            answer = await self._client.send(call, _SECONDS)
        except WebError:
            answer = None
        if answer is None or answer.status != 200:
            raise NoWord(denied=answer is not None and answer.status == 404)
        return answer

    async def close(self) -> None:
        await self._client.close()


def lost(request: str) -> OutcomeUnknown:
    """The fault for a request that the vendor took under an id, to ask the vendor by."""
    fault = unknown()
    return OutcomeUnknown(fault.sentence, hint=fault.hint, details={"request": request})


def _is_in(host: str, domain: str) -> bool:
    return re.fullmatch(rf"(?:[a-z0-9-]+\.)*{re.escape(domain)}", host) is not None
