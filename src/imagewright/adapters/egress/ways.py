"""Where the egress proxy leads: hosts that the settings name, and those of strangers, if at all."""

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from imagewright.adapters.web.addresses import is_metadata, is_public
from imagewright.core.errors import InvalidRequest

HTTPS = 443
_LAST_PORT = 65_535
_HOST = re.compile(r"(?:\*\.)?[a-z0-9_](?:[a-z0-9._-]{0,251}[a-z0-9_])?\Z")
_HINT = 'Write it like "images.example.com", "10.0.0.7:8188" or "*.example.com".'


class Way(Enum):
    """To which addresses of a host a way leads."""

    NAMED = "any"
    """The operator named the host and the port: it may be private, and on this machine."""
    STRANGE = "public"
    """Some name in a domain that was named, or that a stranger named."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A host in lower case, its addresses in their shortest form, and a port.

    A host that begins with `*.` is every name below the rest, whose addresses are public ones.
    """

    host: str
    port: int = HTTPS


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """What may be opened; with `public` every public host on port 443."""

    places: frozenset[Place] = frozenset()
    public: bool = False

    def to(self, place: Place, *, strange: bool) -> Way | None:
        """How far it leads, None for nowhere. `strange` is a place that no operator meant."""
        if place in self.places:
            return Way.STRANGE if strange else Way.NAMED
        above = (Place(f"*.{domain}", place.port) in self.places for domain in _domains(place.host))
        opened = self.public and place.port == HTTPS
        return Way.STRANGE if opened or any(above) else None


def allowed(way: Way, addresses: Iterable[str]) -> list[str]:
    """Those of a host's addresses, in numbers, that its way leads to.

    A machine's own metadata is nowhere led to: a name that leads there has been turned round.
    """
    if way is Way.STRANGE:
        return [each for each in addresses if is_public(each)]
    return [each for each in addresses if not is_metadata(each)]


def read_place(text: str) -> Place:
    """A host, with a port behind a colon unless it is 443. Raises InvalidRequest."""
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]+)(?::([0-9]{1,5}))?", text)
    if found is None:
        raise InvalidRequest("This is no host with an optional port.", hint=_HINT)
    port = HTTPS if found[2] is None else int(found[2])
    host = host_of(found[1].strip("[]"))
    if not 0 < port <= _LAST_PORT or host is None:
        raise InvalidRequest("This is no host with an optional port.", hint=_HINT)
    return Place(host, port)


def host_of(text: str) -> str | None:
    """A host's name or address as places have it, or None for what is neither."""
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        name = text.lower().removesuffix(".")
        return name if _HOST.match(name) else None


def _domains(host: str) -> Iterable[str]:
    parts = host.split(".")
    return (".".join(parts[start:]) for start in range(1, len(parts)))
