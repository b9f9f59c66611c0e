"""Clients' own documents, behind addresses that strangers name."""

import json
from collections.abc import Mapping
from typing import Any

from imagewright.adapters.web.failures import NotSent, SentNoAnswer, WebError
from imagewright.adapters.web.netguard import Guard, GuardBounds
from imagewright.core.errors import Fault, InvalidRequest, Unavailable

BOUNDS = GuardBounds(connect=3.0, read=5.0, total=5.0, redirects=0)
"""A person waits for it at a page, and a redirect would say who a client is in another's name."""
_LARGEST = 8192


class WebDocuments:
    """`ports.client_documents.DocumentSource` through a guard that knows no origin of ours."""

    def __init__(self, guard: Guard) -> None:
        """`guard` has the bounds `BOUNDS`."""
        self._guard = guard

    async def read(self, address: str) -> Mapping[str, Any]:
        try:
            found = _read(await self._guard.get(address, _LARGEST, accept="application/json"))
        except WebError as error:
            fault = _fault(error)
        else:
            return found
        raise fault

    async def close(self) -> None:
        """Close the connections."""
        await self._guard.close()


def _read(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise InvalidRequest("The client's document is no JSON object.")
    return found


def _fault(error: WebError) -> Fault:
    if isinstance(error, NotSent | SentNoAnswer):
        return Unavailable("The client's document cannot be read now.")
    return InvalidRequest("There is no document of the client's at its address.")
