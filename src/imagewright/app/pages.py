"""The pages, each given what it shows."""

from zoneinfo import ZoneInfo

from imagewright.api.http.pages.approvals import ApprovalPages
from imagewright.api.http.pages.door import Door
from imagewright.api.http.pages.home import HomePage
from imagewright.api.http.pages.origin import as_origin
from imagewright.api.http.pages.pages import Pages
from imagewright.api.http.pages.paper import Paper
from imagewright.api.http.pages.sign_in import Desk, SignInPages, Ways
from imagewright.app.parts import Parts
from imagewright.app.services import Services
from imagewright.settings import Settings


def pages_of(settings: Settings, parts: Parts, services: Services, paper: Paper) -> Pages | None:
    """Everything under `/ui`, or None for a service whose callers need no token."""
    section, entrance = settings.sign_in, services.entrance
    if entrance is None:
        return None
    public = as_origin(settings.public_url) if settings.public_url else None
    door = Door(entrance.sessions, services.limiter, public)
    desk = Desk(
        door=door,
        attempts=entrance.attempts,
        service=entrance.sign_in,
        sessions=entrance.sessions,
    )
    ways = Ways(
        tokens=section.tokens,
        provider=parts.sign_in,
        title=section.title or section.issuer or "",
        public=public,
    )
    zone = ZoneInfo(settings.time_zone)
    return Pages(
        paper=paper,
        home=HomePage(door, services.gate, paper, zone),
        approvals=ApprovalPages(door, services.approvals, paper, zone),
        sign_in=SignInPages(desk, ways, paper),
        new_id=parts.world.new_id,
    )
