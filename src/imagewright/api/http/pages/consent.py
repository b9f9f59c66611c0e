"""`/authorize`: a person agrees to a client, signs in at the provider, and is sent back."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from imagewright.api.http.errors import Route
from imagewright.api.http.forms import given, read_form, read_query
from imagewright.api.http.pages.answers import paging
from imagewright.api.http.pages.cookies import CONSENT, cookie, keep_consent
from imagewright.api.http.pages.origin import check_origin
from imagewright.api.http.pages.paper import Paper
from imagewright.api.http.whence import origin_of
from imagewright.core.client_metadata import is_document
from imagewright.core.errors import InvalidRequest
from imagewright.core.ids import Kind
from imagewright.core.oauth import Refused
from imagewright.ports.upstream import Answer
from imagewright.services.authorization import Authorization, Question, Reply, Return

CALLBACK = "/authorize/callback"
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_AGAIN = "You can close this page, and begin again in the program that led you here."
_Step = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentWords:
    """The provider's name as people read it, and the origin at which they are asked."""

    provider: str
    origin: str


class ConsentPages:
    """A browser's way; where it may not be sent on, it gets the page of an error."""

    def __init__(self, authorization: Authorization, words: ConsentWords, paper: Paper) -> None:
        self._authorization = authorization
        self._words = words
        self._paper = paper

    def routes(self, new_id: Callable[[Kind], str]) -> tuple[tuple[str, str, Route], ...]:
        """Path, method, and what answers."""
        routes: tuple[tuple[str, str, _Step], ...] = (
            ("/authorize", "GET", self.ask),
            ("/authorize/consent", "POST", self.decide),
            (CALLBACK, "GET", self.finish),
        )
        return tuple(
            (path, method, paging(_plainly(step), self._paper, new_id))
            for path, method, step in routes
        )

    async def ask(self, request: Request) -> Response:
        """The question; or back to the client, where its redirect is good and the rest is not."""
        asked = given(read_query(request))
        origin = origin_of(request)
        client = await self._authorization.client(asked, origin)
        try:
            question = await self._authorization.ask(client, asked, origin, _browser(request))
        except Refused as refused:
            return _sent(self._authorization.refusal(asked, refused))
        return self._question(question)

    async def decide(self, request: Request) -> Response:
        """On to the provider, or back to the client with a no."""
        check_origin(request, self._words.origin)
        form = await read_form(request)
        reply = Reply(
            id=form.get("id", ""),
            token=form.get("token", ""),
            browser=_browser(request),
            agreed=form.get("answer") == "yes",
        )
        where = await self._authorization.decide(reply, origin_of(request))
        if isinstance(where, Return):
            return self._going(_address(where), "the program")
        return self._going(where, self._words.provider)

    async def finish(self, request: Request) -> Response:
        """Back to the client, with a code where the provider said who it is."""
        told = given(read_query(request))
        answer = None
        if "code" in told and "error" not in told:
            answer = Answer(code=told["code"], issuer=told.get("iss"))
        back = await self._authorization.finish(
            told.get("state", ""), _browser(request), answer, origin_of(request)
        )
        return _sent(back)

    def _question(self, question: Question) -> Response:
        values = {
            "provider": self._words.provider,
            "name": question.client.name,
            "document": question.client.id if is_document(question.client.id) else "",
            "redirect": question.asked.redirect,
            "scopes": question.asked.scopes,
            "id": question.id,
            "token": question.token,
        }
        answer = self._paper.page("consent", values, origin=self._words.origin)
        keep_consent(answer, question.browser)
        return answer

    def _going(self, address: str, title: str) -> Response:
        # A page and not a redirect: browsers hold a form's redirects to `form-action` too.
        values = {"address": address, "title": title}
        return self._paper.page("going", values, origin=self._words.origin)


def _plainly(step: _Step) -> Route:
    """What is refused in OAuth's words is told to a person as every other error."""

    async def told(request: Request) -> Response:
        try:
            return await step(request)
        except Refused as refused:
            raise InvalidRequest(refused.sentence, hint=_AGAIN) from None

    return told


def _browser(request: Request) -> str:
    """The browser's secret, empty where it has none of ours."""
    found = cookie(request, CONSENT)
    return found if _SECRET.match(found) else ""


def _address(back: Return) -> str:
    joint = "&" if "?" in back.redirect else "?"
    return f"{back.redirect}{joint}{urlencode(dict(back.values))}"


def _sent(back: Return) -> Response:
    headers = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
    answer = RedirectResponse(_address(back), status_code=303, headers=headers)
    # The library would write some characters of a client's own address anew.
    answer.headers["location"] = _address(back)
    return answer
