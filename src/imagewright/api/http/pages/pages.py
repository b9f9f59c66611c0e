"""Which page stands at which path."""

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from imagewright.api.http.errors import Route
from imagewright.api.http.pages.answers import paging
from imagewright.api.http.pages.approvals import ApprovalPages
from imagewright.api.http.pages.home import HomePage
from imagewright.api.http.pages.paper import Paper
from imagewright.api.http.pages.sign_in import SignInPages
from imagewright.core.ids import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """Everything under `/ui`; each page decides by its session who may see it."""

    paper: Paper
    home: HomePage
    sign_in: SignInPages
    approvals: ApprovalPages
    new_id: Callable[[Kind], str]

    def routes(self) -> tuple[tuple[str, str, Route], ...]:
        """Path, method, and what answers."""
        routes: tuple[tuple[str, str, Route], ...] = (
            ("/ui", "GET", self.home.show),
            ("/ui/style.css", "GET", self._style),
            ("/ui/sign-in", "GET", self.sign_in.show),
            ("/ui/sign-in", "POST", self.sign_in.send),
            ("/ui/sign-in/callback", "GET", self.sign_in.back),
            ("/ui/sign-out", "POST", self.sign_in.leave),
            *self.approvals.routes(),
        )
        return tuple(
            (path, method, paging(route, self.paper, self.new_id)) for path, method, route in routes
        )

    async def _style(self, _request: Request) -> Response:
        return self.paper.style()
