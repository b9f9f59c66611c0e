"""The client's address behind proxies: believed from those that the operator names alone."""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass

from imagewright.core.errors import InvalidRequest

UNIX = "unix"
"""Names every peer on a Unix socket, which has no address."""
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_PORT = r"(?::[0-9]{1,5}|:_[A-Za-z0-9._-]+)?"
_NODE = re.compile(rf"\[([0-9A-Fa-f:.]+)\]{_PORT}|([0-9.]+){_PORT}|([0-9A-Fa-f:.]+)")
# Possessive throughout: a line of spaces or quotes must not be tried in every way there is.
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]++"
_TEXT = r'"(?:[^"\\]|\\.)*+"'
_PAIR = rf"{_WORD}=(?:{_WORD}|{_TEXT})"
_ELEMENT = re.compile(rf"[ \t]*+({_PAIR}(?:[ \t]*+;[ \t]*+{_PAIR})*+)?[ \t]*+(?:;[ \t]*+)?(?:,|\Z)")
_FOR = re.compile(rf"(?:\A|;)[ \t]*+for=({_WORD}|{_TEXT})", re.IGNORECASE)
_QUOTED = re.compile(_TEXT)
_MOST = 32
"""Proxies in a row that are followed."""


@dataclass(frozen=True, slots=True)
class Proxies:
    """Networks whose word on the client's address is taken, and whether Unix sockets' is."""

    networks: tuple[Network, ...] = ()
    unix: bool = False

    def trusts(self, peer: str | None) -> bool:
        """Whether a peer is one of the proxies; None is one on a Unix socket."""
        if peer is None:
            return self.unix
        address = read_address(peer)
        return address is not None and any(address in network for network in self.networks)

    def client(self, peer: str | None, hops: Sequence[str]) -> str | None:
        """The nearest hop that is no proxy; the farthest where all are; None if it is not known.

        `hops` are as the proxies wrote them, the farthest first, the one that `peer` saw last.
        """
        found = peer
        for count, hop in enumerate(reversed(hops)):
            if not self.trusts(found):
                break
            if count == _MOST:
                return None
            address = read_address(hop)
            if address is None:
                return None
            found = str(address)
        return found


def read_proxies(names: Sequence[str]) -> Proxies:
    """Proxies by address, network or the word `unix`. Raises InvalidRequest."""
    return Proxies(
        networks=tuple(_network(name) for name in names if name != UNIX), unix=UNIX in names
    )


def read_address(node: str) -> Address | None:
    """An address with or without port and brackets; None for anything else (RFC 7239, 6)."""
    found = _NODE.fullmatch(node.strip(" \t"))
    if found is None:
        return None
    try:
        address = ipaddress.ip_address(found[1] or found[2] or found[3])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def forwarded_for(lines: Sequence[str]) -> list[str]:
    """The hops of X-Forwarded-For, of all its lines."""
    return [hop for line in lines for hop in line.split(",") if hop.strip(" \t")]


def forwarded(lines: Sequence[str]) -> list[str]:
    """The hops of Forwarded (RFC 7239, 4); an empty text for one that names no client.

    A line that is not well formed is one such hop, so that nothing before it is believed.
    """
    return [hop for line in lines for hop in _elements(line)]


def _elements(line: str) -> list[str]:
    hops, at = list[str](), 0
    while at < len(line):
        found = _ELEMENT.match(line, at)
        if found is None or found.end() == at:
            return [""]
        if found[1]:
            hops.append(_named(found[1]))
        at = found.end()
    return hops


def _named(element: str) -> str:
    bare = _QUOTED.sub(lambda text: text[0].replace(";", " "), element)
    named = _FOR.findall(bare)
    if len(named) != 1:
        return ""
    return re.sub(r"\\(.)", r"\1", named[0].strip('"'))


def _network(name: str) -> Network:
    try:
        network = ipaddress.ip_network(name)
    except ValueError:
        raise InvalidRequest(
            "This is no address, network or the word unix.", hint="Write it like 10.0.0.7/32"
        ) from None
    if network.prefixlen == 0:
        raise InvalidRequest(
            "This trusts everybody, who could then name any address.",
            hint="Name the proxies' own addresses.",
        )
    return network
