"""Asking a service of this machine how it is."""

import httpx

from imagewright.core.errors import Unavailable


def asked(host: str, port: int, path: str, seconds: float) -> int:
    """The status that it answers with, of a path, within so many seconds. Raises Unavailable.

    A service that listens on every address is asked on loopback.
    """
    there = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - it is compared, not bound
    url = httpx.URL(scheme="http", host=there, port=port, path=path)
    try:
        with httpx.Client(timeout=seconds, trust_env=False, follow_redirects=False) as client:
            return client.get(url).status_code
    except httpx.HTTPError as error:
        raise Unavailable(
            f"Nothing answers at {there}:{port}.", hint="Start the service, or look at its log."
        ) from error
