"""Where an HTTP request came from, for the audit."""

from starlette.requests import Request

from imagewright.core.audit import legible
from imagewright.ports.books import Origin


def origin_of(request: Request) -> Origin:
    """The request's id, its address, and what its program calls itself."""
    return Origin(
        request=request.state.request_id,
        address=request.client.host if request.client else None,
        client=legible(request.headers.get("user-agent", "")) or None,
    )
