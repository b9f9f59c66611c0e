"""Who is at a page, and whether a form is theirs."""

from starlette.requests import Request

from imagewright.api.http.forms import Form, read_form
from imagewright.api.http.pages.cookies import SESSION, cookie
from imagewright.api.http.pages.origin import check_origin, own_origin
from imagewright.core.errors import Forbidden
from imagewright.core.session import Session
from imagewright.services.attempts import same
from imagewright.services.limiter import Limiter
from imagewright.services.sessions import SessionService


class SignInNeeded(Exception):
    """Nobody is signed in; `path` is the page that was asked for."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class Door:
    """What every page asks first.

    A page that shows calls `signed_in`; one that changes anything is a POST and calls `posted`,
    whose form has `csrf` in a hidden field.
    """

    def __init__(self, sessions: SessionService, limiter: Limiter, public: str | None) -> None:
        """`public` is the origin of the public address."""
        self._sessions = sessions
        self._limiter = limiter
        self._public = public

    def origin(self, request: Request) -> str:
        """Where the browser is. Raises Forbidden for an address that pages are not served at."""
        return own_origin(request, self._public)

    async def found(self, request: Request) -> Session | None:
        """Who is signed in, if anybody is. Raises Unavailable."""
        return await self._sessions.find(cookie(request, SESSION))

    async def signed_in(self, request: Request) -> Session:
        """Who is signed in, counted as a request.

        Raises SignInNeeded, Forbidden, RateLimited or Unavailable.
        """
        self.origin(request)
        session = await self.found(request)
        if session is None:
            query = f"?{request.url.query}" if request.url.query else ""
            raise SignInNeeded(f"{request.url.path}{query}" if request.method == "GET" else "")
        await self._limiter.ask(session.caller)
        return session

    async def posted(self, request: Request) -> tuple[Session, Form]:
        """Who sent a form, and its fields.

        Raises SignInNeeded, InvalidRequest, RateLimited, Unavailable, and Forbidden for one that is
        not of a page of this session.
        """
        form = await self.form(request)
        session = await self.signed_in(request)
        check_csrf(session.csrf, form)
        return session, form

    async def form(self, request: Request) -> Form:
        """The fields of a form that a page of ours sent, whoever that was."""
        check_origin(request, self.origin(request))
        return await read_form(request)


def check_csrf(ours: str, form: Form) -> None:
    """Raise Forbidden unless the form has the value that only its own page knows."""
    if not ours or not same(ours, form.get("csrf", "")):
        raise Forbidden("This form is too old, or not yours.", hint="Open the page again.")
