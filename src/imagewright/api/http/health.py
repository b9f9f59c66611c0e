"""`/health`: the process lives. `/ready`: it takes work."""

import ipaddress

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from imagewright.api.bearer import caller_of
from imagewright.core.scope import Scope
from imagewright.services.gate import Gate
from imagewright.services.status import StatusService


class Health:
    """Strangers learn ready or not; loopback and `admin:read` learn which part is away.

    A file with a fault keeps nobody from work: it is told of, and the status stays.
    """

    def __init__(self, status: StatusService, gate: Gate) -> None:
        self._status = status
        self._gate = gate

    async def health(self, _request: Request) -> Response:
        """200 as long as requests are answered."""
        return JSONResponse({"status": "ok"})

    async def ready(self, request: Request) -> Response:
        """200 where new work is taken, else 503."""
        ready = await self._status.ready()
        body: dict[str, object] = {"ready": ready}
        if self._may_see_parts(request):
            body["parts"] = dict(await self._status.parts())
            body["configuration"] = self._status.flaws()
            body["draining"] = self._status.draining
        return JSONResponse(body, status_code=200 if ready else 503)

    def _may_see_parts(self, request: Request) -> bool:
        caller = caller_of(request.scope)
        if caller is not None:
            return self._gate.decide(caller, None, Scope.ADMIN_READ).allowed
        host = request.client.host if request.client else ""
        try:
            loopback = ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False
        # Behind a proxy on the same machine every stranger would seem to come from loopback.
        return loopback and not any(map(_forwarding, request.headers.keys()))


_FORWARDING = frozenset(
    {"forwarded", "via", "x-real-ip", "true-client-ip", "cf-connecting-ip", "cf-ray"}
)


def _forwarding(header: str) -> bool:
    return header in _FORWARDING or header.startswith("x-forwarded-")
