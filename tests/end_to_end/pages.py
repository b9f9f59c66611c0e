"""A service with pages, its clock, and browsers that look at them."""

import secrets
from pathlib import Path

from imagewright.adapters.auth.token_writer import NewToken, add
from imagewright.core.token import mint
from imagewright.ports.clock import World
from tests.contracts.samples import SECOND
from tests.end_to_end.browser import Browser, Page
from tests.end_to_end.service import OWNER, STRANGER, Service, digest

SESSION, ATTEMPT = "__Host-imagewright", "__Host-imagewright-sign-in"
ACL = f"""
[subjects]
"{OWNER}" = ["*", "approve"]
"{STRANGER}" = ["images:read"]

[groups.design]
scopes = ["images:read"]
"""


class Moved:
    """The clock of the pages: the machine's, and what a test puts on top of it."""

    def __init__(self, inner: World) -> None:
        self._inner = inner.clock
        self.ahead = 0.0

    def now(self) -> int:
        return self._inner.now() + round(self.ahead * SECOND)

    def monotonic(self) -> float:
        return self._inner.monotonic() + self.ahead


async def later(service: Service, clock: Moved, seconds: float) -> None:
    """Move the clock; what was revoked is read by it too, and would be too old to go by."""
    clock.ahead += seconds
    await service.app.services.standing.refresh()


class House:
    """A service, its clock, its tokens file, and browsers that look at it."""

    def __init__(self, service: Service, clock: Moved, state: Path) -> None:
        self.service = service
        self.clock = clock
        self.state = state

    @property
    def base(self) -> str:
        return self.service.base

    async def later(self, seconds: float) -> None:
        """Let time pass."""
        await later(self.service, self.clock, seconds)

    def browser(self) -> Browser:
        return Browser(self.base)

    def token(self, who: str = OWNER) -> str:
        return self.service.tokens[who]

    def add(self, id: str, **more: object) -> str:
        """A new token of the owner's."""
        token = mint(secrets.token_bytes)
        wanted: dict[str, object] = {"subject": OWNER, **more}
        new = NewToken(id=id, sha256=digest(token), **wanted)  # type: ignore[arg-type]  # as it is
        add(self.state / "tokens.toml", new)
        self.service.app.refresh(force=True)
        return token


async def signed_in(browser: Browser) -> bool:
    """Whether the first page is shown."""
    answer = await browser.get("/ui")
    if answer.status_code == 200:
        return True
    assert (answer.status_code, answer.headers["location"]) == (303, "/ui/sign-in?next=/ui")
    return False


async def csrf(browser: Browser) -> str:
    return Page((await browser.get("/ui")).text).forms[0].fields["csrf"]
