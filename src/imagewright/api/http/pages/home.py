"""`/ui`: who you are here."""

from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from imagewright.api.http.pages.door import Door
from imagewright.api.http.pages.moment import moment
from imagewright.api.http.pages.paper import Paper
from imagewright.core.session import How
from imagewright.services.gate import Gate


class HomePage:
    """Shows a session to whoever signed in."""

    def __init__(self, door: Door, gate: Gate, paper: Paper, zone: ZoneInfo) -> None:
        self._door = door
        self._gate = gate
        self._paper = paper
        self._zone = zone

    async def show(self, request: Request) -> Response:
        """Subject, groups, scopes, how, and until when."""
        session = await self._door.signed_in(request)
        caller = session.caller
        values = {
            "caller": caller,
            "groups": sorted(caller.groups),
            "scopes": sorted(scope.value for scope in self._gate.scopes(caller)),
            "how": "a token" if session.how is How.TOKEN else "the identity provider",
            "approves": session.approves,
            "began": moment(session.began_at, self._zone),
            "ends": moment(session.ends_at, self._zone),
            "csrf": session.csrf,
        }
        return self._paper.page("home", values, origin=self._door.origin(request))
