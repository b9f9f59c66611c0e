"""The one place where an error becomes an answer of the HTTP face."""

import functools
import logging
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from imagewright.core.errors import Fault, Internal
from imagewright.core.ids import Kind

_log = logging.getLogger(__name__)

Route = Callable[[Request], Awaitable[Response]]


def answering(route: Route, new_id: Callable[[Kind], str]) -> Route:
    """A route that turns every fault into JSON; what else breaks is logged, and an incident."""

    @functools.wraps(route)
    async def answered(request: Request) -> Response:
        try:
            return await route(request)
        except Fault as fault:
            return fault_response(fault)
        except Exception:  # noqa: BLE001 - whatever breaks becomes an incident
            return fault_response(incident(new_id))

    return answered


def incident(new_id: Callable[[Kind], str]) -> Internal:
    """Log what broke, under an id that the answer carries; the words stay here."""
    name = new_id(Kind.INCIDENT)
    _log.error("incident", exc_info=True, extra={"incident": name})
    return Internal(f"Internal error ({name}).", hint="Give the id to the operator.")


def fault_response(fault: Fault) -> Response:
    """The fault in the shape that every face sends, never kept by a cache."""
    headers = {"Cache-Control": "no-store"}
    if "retry_after" in fault.details:
        headers["Retry-After"] = str(fault.details["retry_after"])
    return JSONResponse({"error": fault.public()}, status_code=fault.status, headers=headers)
