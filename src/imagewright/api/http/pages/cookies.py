"""The cookies: of a session, of a sign-in under way, and of a browser that is asked to agree."""

from starlette.requests import Request
from starlette.responses import Response

from imagewright.services.attempts import SECONDS

SESSION = "__Host-imagewright"
ATTEMPT = "__Host-imagewright-sign-in"
CONSENT = "__Host-imagewright-consent"
_CONSENT_SECONDS = 1200


def cookie(request: Request, name: str) -> str:
    """Its value, empty where there is none."""
    return request.cookies.get(name, "")


def keep_session(response: Response, secret: str) -> None:
    """Give the browser its secret, until it is closed; when it ends is decided here."""
    _keep(response, SESSION, secret, None)


def keep_attempt(response: Response, value: str) -> None:
    """Give the browser a sign-in under way."""
    _keep(response, ATTEMPT, value, SECONDS)


def keep_consent(response: Response, secret: str) -> None:
    """Give the browser the secret that its answers are known by."""
    _keep(response, CONSENT, secret, _CONSENT_SECONDS)


def drop(response: Response, name: str) -> None:
    """Take a cookie away."""
    _keep(response, name, "", 0)


def drop_stale(request: Request, response: Response) -> None:
    """Take away the secret of a session that is over, if the browser still shows one."""
    if cookie(request, SESSION):
        drop(response, SESSION)


def _keep(response: Response, name: str, value: str, seconds: int | None) -> None:
    # Lax, not Strict: the provider's answer and a link to a page come from another site, and
    # would find nobody signed in. What changes anything is a POST, which Lax withholds too.
    response.set_cookie(
        name, value, max_age=seconds, path="/", secure=True, httponly=True, samesite="lax"
    )
