"""`/ui/sign-in`, its callback, and `/ui/sign-out`."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from imagewright.api.http.pages.answers import fault_page, leading_to
from imagewright.api.http.pages.cookies import (
    ATTEMPT,
    SESSION,
    cookie,
    drop,
    drop_stale,
    keep_attempt,
    keep_session,
)
from imagewright.api.http.pages.door import Door, check_csrf
from imagewright.api.http.pages.paper import Paper
from imagewright.api.http.whence import origin_of
from imagewright.core.errors import Busy, Fault, Forbidden, Unauthenticated, Unavailable
from imagewright.core.local_path import local_path
from imagewright.core.session import How
from imagewright.ports.sign_in import Returned, SignInProvider
from imagewright.services.attempts import Attempt, Attempts, same
from imagewright.services.sessions import Begun, Browser, SessionService
from imagewright.services.sign_in import SignInService

_NOT_BEGUN = "This sign-in was not begun in this browser, or took too long."
_NOT_HELPED = "The identity provider did not sign you in."
_AGAIN = "Begin again from the first page."


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """How people may sign in: with a pasted token, through a provider by its name, or both.

    A provider sends them back to `public`, the origin of the public address.
    """

    tokens: bool = True
    provider: SignInProvider | None = None
    title: str = ""
    public: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What signing in and out is done with."""

    door: Door
    attempts: Attempts
    service: SignInService
    sessions: SessionService


class SignInPages:
    """A sign-in always begins a session under a new secret: no browser keeps one it had before."""

    def __init__(self, desk: Desk, ways: Ways, paper: Paper) -> None:
        self._desk = desk
        self._ways = ways
        self._paper = paper

    async def show(self, request: Request) -> Response:
        """The form, or the page that it leads to where somebody is signed in already."""
        self._desk.door.origin(request)
        path = local_path(request.query_params.get("next", ""))
        if await self._desk.door.found(request) is not None:
            return leading_to(path)
        answer = self._form(request, path)
        drop_stale(request, answer)
        return answer

    async def send(self, request: Request) -> Response:
        """What the form was filled with. Raises Forbidden for one that is not this browser's."""
        form = await self._desk.door.form(request)
        attempt = self._desk.attempts.read(cookie(request, ATTEMPT))
        check_csrf(attempt.form if attempt else "", form)
        path = local_path(form.get("next", ""))
        if form.get("with") == "provider" and self._ways.provider is not None:
            return await self._to_provider(request, self._ways.provider, path)
        if not self._ways.tokens:
            raise Forbidden("Tokens sign nobody in here.")
        try:
            begun = await self._desk.service.by_token(
                form.get("token", "").strip(), _browser(request)
            )
        except (Unauthenticated, Busy) as fault:
            return self._form(request, path, fault)
        return _signed_in(begun, path)

    async def back(self, request: Request) -> Response:
        """The provider's answer; whatever it is, the attempt is over."""
        self._desk.door.origin(request)
        try:
            answer = await self._returned(request)
        except Fault as fault:
            answer = fault_page(self._paper, fault)
        drop(answer, ATTEMPT)
        return answer

    async def leave(self, request: Request) -> Response:
        """End the session here, and then at the provider that it came from."""
        session, _ = await self._desk.door.posted(request)
        await self._desk.sessions.end(session, origin_of(request))
        address = await self._farewell() if session.how is How.PROVIDER else None
        answer = self._going(request, address) if address else leading_to("/ui/sign-in")
        drop(answer, SESSION)
        return answer

    async def _returned(self, request: Request) -> Response:
        provider, query = self._ways.provider, _query(request)
        attempt = self._desk.attempts.read(cookie(request, ATTEMPT))
        if (
            provider is None
            or attempt is None
            or not same(attempt.binding.state, query.get("state", ""))
        ):
            raise Forbidden(_NOT_BEGUN, hint=_AGAIN)
        if "code" not in query:
            raise Forbidden(_NOT_HELPED, hint=_AGAIN)
        returned = Returned(code=query["code"], issuer=query.get("iss"))
        try:
            begun = await self._desk.service.by_provider(
                provider, returned, attempt.binding, _browser(request)
            )
        except Unauthenticated:
            raise Forbidden(_NOT_HELPED, hint=_AGAIN) from None
        return _signed_in(begun, attempt.next)

    async def _to_provider(self, request: Request, provider: SignInProvider, path: str) -> Response:
        attempt = self._desk.attempts.begin(path)
        answer = self._going(request, await provider.address(attempt.binding))
        keep_attempt(answer, attempt.cookie)
        return answer

    async def _farewell(self) -> str | None:
        try:
            return await self._ways.provider.farewell() if self._ways.provider else None
        except Unavailable:
            return None

    def _going(self, request: Request, address: str) -> Response:
        # A page and not a redirect: browsers hold a form's redirects to `form-action` too, and
        # who knows over which hosts a provider leads.
        values = {"address": address, "title": self._ways.title}
        return self._paper.page("going", values, origin=self._desk.door.origin(request))

    def _form(self, request: Request, path: str, fault: Fault | None = None) -> Response:
        attempt = self._kept(request) or self._desk.attempts.begin(path)
        origin, ways = self._desk.door.origin(request), self._ways
        values = {
            "csrf": attempt.form,
            "next": path,
            "title": ways.title if ways.provider else "",
            "elsewhere": ways.public if ways.provider and origin != ways.public else "",
            "tokens": ways.tokens,
            "fault": fault,
        }
        status = 200 if fault is None else 429 if isinstance(fault, Busy) else 403
        answer = self._paper.page("sign_in", values, origin=origin, status=status)
        if fault is not None and "retry_after" in fault.details:
            answer.headers["Retry-After"] = str(fault.details["retry_after"])
        keep_attempt(answer, attempt.cookie)
        return answer

    def _kept(self, request: Request) -> Attempt | None:
        """The attempt of another tab, so that both their forms are good."""
        return self._desk.attempts.read(cookie(request, ATTEMPT))


def _signed_in(begun: Begun, path: str) -> Response:
    answer = leading_to(path)
    keep_session(answer, begun.secret)
    drop(answer, ATTEMPT)
    return answer


def _browser(request: Request) -> Browser:
    return Browser(origin=origin_of(request), secret=cookie(request, SESSION))


def _query(request: Request) -> Mapping[str, str]:
    """What an address asks, but for names that stand there twice."""
    given = request.query_params.multi_items()
    names = [name for name, _ in given]
    return {name: value for name, value in given if names.count(name) == 1}
