"""Who shares an address."""

import ipaddress

_NETWORK = 64


def neighbourhood(address: str | None) -> str:
    """Who is counted as one: an IPv6 network of 64 bits is one machine's as often as not."""
    try:
        found = ipaddress.ip_address(address or "")
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((found, _NETWORK), strict=False))
    return str(found)
