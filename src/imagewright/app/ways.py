"""Where a service goes by its settings, as its egress proxy has to know."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from imagewright.adapters.egress.ways import Place, Ways, read_place
from imagewright.app.upstreams import outward_of
from imagewright.core.errors import InvalidRequest
from imagewright.settings import Settings

_PORTS = {"http": 80, "https": 443}
_ANYWHERE = "https://*"
"""What a provider says whose answers lead to where only they tell."""


def ways_of(settings: Settings) -> Ways:
    """Every place that the settings name, by which nothing else is opened. Raises Misconfigured.

    What is no address is left out: the service says so at its start.
    """
    addresses = tuple(_addresses(settings))
    places = {place for address in addresses if (place := _place(address)) is not None}
    public = settings.egress.public
    return Ways(
        places=frozenset({*places, *map(read_place, settings.egress.hosts)}),
        public=_ANYWHERE in addresses if public is None else public,
    )


def _addresses(settings: Settings) -> Iterator[str]:
    for name in settings.providers:
        yield from outward_of(name, settings)
    for issuer in settings.auth.issuers.values():
        asked = issuer.introspection
        found = (issuer.address, issuer.jwks_uri, asked.endpoint if asked is not None else None)
        yield from (each for each in found if each)
    yield from (f"https://{host}" for host in settings.sign_in.hosts)
    if settings.webhook.url is not None:
        yield settings.webhook.url.get_secret_value()


def _place(address: str) -> Place | None:
    try:
        parts = urlsplit(address)
        port = parts.port or _PORTS.get(parts.scheme)
        host = parts.hostname or ""
        return read_place(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    except (ValueError, InvalidRequest):
        return None
