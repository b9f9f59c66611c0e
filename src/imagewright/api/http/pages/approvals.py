"""`/ui/approvals`: what waits for a person's yes, and the pages to give it on."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response

from imagewright.api.http.errors import Route
from imagewright.api.http.forms import Form
from imagewright.api.http.pages.answers import leading_to
from imagewright.api.http.pages.door import Door, check_csrf
from imagewright.api.http.pages.moment import moment
from imagewright.api.http.pages.paper import Paper
from imagewright.api.http.whence import origin_of
from imagewright.core.errors import InvalidRequest
from imagewright.core.money import usd
from imagewright.core.quote import OpenQuote
from imagewright.core.session import Session
from imagewright.services.approvals import ApprovalService, Right, link_csrf

LIST = "/ui/approvals"


class ApprovalPages:
    """Looking changes nothing, so that whoever previews a link has not answered it."""

    def __init__(
        self, door: Door, approvals: ApprovalService, paper: Paper, zone: ZoneInfo
    ) -> None:
        self._door = door
        self._approvals = approvals
        self._paper = paper
        self._zone = zone

    def routes(self) -> tuple[tuple[str, str, Route], ...]:
        """Path, method, and what answers."""
        return (
            (LIST, "GET", self.list),
            (f"{LIST}/{{quote}}", "GET", self.show),
            (f"{LIST}/{{quote}}", "POST", self.answer),
            (f"{LIST}/link/{{secret}}", "GET", self.show_link),
            (f"{LIST}/link/{{secret}}", "POST", self.answer_link),
        )

    async def list(self, request: Request) -> Response:
        """The open questions of whoever is signed in."""
        session = await self._door.signed_in(request)
        found = await self._approvals.open(session)
        values = {"questions": [self._question(each) for each in found]}
        return self._page(request, "approvals", values)

    async def show(self, request: Request) -> Response:
        """One question, with a form where this session may answer it."""
        session = await self._door.signed_in(request)
        found = await self._approvals.get(session, request.path_params["quote"])
        values = {
            "question": self._question(found),
            "right": self._approvals.right(session).value,
            "action": f"{LIST}/{found.quote.id}",
            "csrf": session.csrf,
            "link": False,
        }
        return self._page(request, "approval", values)

    async def answer(self, request: Request) -> Response:
        """Enter what the form says, and lead on."""
        session, form = await self._door.posted(request)
        yes = _yes(form)
        found = await self._entered(request, session, yes=yes)
        return leading_to(f"{LIST}/{found.quote.id}" if yes else LIST)

    async def show_link(self, request: Request) -> Response:
        """What a link leads to, for whoever was sent it; nobody has to sign in."""
        origin = self._door.origin(request)
        secret = request.path_params["secret"]
        found = await self._approvals.behind(secret)
        values = {
            "question": self._question(found),
            "right": Right.ANSWER.value,
            "action": f"{LIST}/link/{secret}",
            "csrf": link_csrf(secret),
            "link": True,
        }
        return self._paper.page("approval", values, origin=origin)

    async def answer_link(self, request: Request) -> Response:
        """Enter what the form behind a link says; the link is good no more."""
        form = await self._door.form(request)
        secret = request.path_params["secret"]
        check_csrf(link_csrf(secret), form)
        yes = _yes(form)
        found = await self._approvals.answer_link(secret, origin_of(request), yes=yes)
        return self._page(request, "answered", {"question": self._question(found), "yes": yes})

    async def _entered(self, request: Request, session: Session, *, yes: bool) -> OpenQuote:
        quote, origin = request.path_params["quote"], origin_of(request)
        return await self._approvals.answer(session, quote, origin, yes=yes)

    def _page(self, request: Request, name: str, values: Mapping[str, object]) -> Response:
        return self._paper.page(name, values, origin=self._door.origin(request))

    def _question(self, found: OpenQuote) -> dict[str, object]:
        quote, told = found.quote, found.quote.told
        return {
            "id": quote.id,
            "subject": found.subject,
            "provider": quote.provider,
            "model": quote.model,
            "count": quote.count,
            "size": quote.size,
            "ceiling": usd(quote.ceiling),
            "estimate": quote.estimate,
            "told": told,
            "since": moment(found.since, self._zone),
            "expires": moment(quote.expires_at, self._zone),
            "approved": found.approved_at and moment(found.approved_at, self._zone),
        }


def _yes(form: Form) -> bool:
    answer = form.get("answer")
    if answer not in {"yes", "no"}:
        raise InvalidRequest("The form has no answer.", hint="Open the page again.")
    return answer == "yes"
