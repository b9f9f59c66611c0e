"""Where pages are served: at the public address, and on this machine."""

from urllib.parse import urlsplit

from starlette.requests import Request

from imagewright.core.errors import Forbidden

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


_DEFAULTS = {"http": ":80", "https": ":443"}


def as_origin(url: str) -> str:
    """An address as browsers write its origin: in small letters, without its usual port."""
    parts = urlsplit(url.lower())
    return f"{parts.scheme}://{parts.netloc.removesuffix(_DEFAULTS[parts.scheme])}"


def own_origin(request: Request, public: str | None) -> str:
    """The origin that the browser is at; `public` is that of the public address.

    Raises Forbidden where that is neither the public address nor loopback: a token would cross
    the network in clear, and no browser would keep the cookie.
    """
    hosts = request.headers.getlist("host")
    host = hosts[0].lower() if len(hosts) == 1 else ""
    if public is not None and host == urlsplit(public).netloc:
        return public
    try:
        name, _ = urlsplit(f"//{host}").hostname, urlsplit(f"//{host}").port
    except ValueError:
        name = None
    if name in _LOOPBACK:
        return f"http://{host}"
    raise Forbidden(
        "These pages are served at the service's public address only.",
        hint=f"Go to {public}/ui" if public else "Ask the operator for the address.",
    )


def check_origin(request: Request, origin: str) -> None:
    """Raise Forbidden unless a page of ours sent this (RFC 6454 7): every browser says so."""
    given = request.headers.getlist("origin")
    site = request.headers.get("sec-fetch-site", "same-origin")
    if given != [origin] or site != "same-origin":
        raise Forbidden(
            "This was not sent from a page of this service.", hint="Open the page again."
        )
