"""Addresses, credentials, grants and counters that do what a test says."""

from dataclasses import dataclass, field

from imagewright.core.budget import Budget
from imagewright.core.caller import Caller, Credential
from imagewright.core.errors import ImageTooLarge, InvalidImage
from imagewright.core.policy import Acl


@dataclass
class PageFetcher:
    """Keeps `ports.fetch.Fetcher`, from `pages`."""

    pages: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def fetch(self, url: str, limit_bytes: int) -> bytes:
        self.asked.append(url)
        if url not in self.pages:
            raise InvalidImage("There is no file behind the address.")
        if len(self.pages[url]) > limit_bytes:
            raise ImageTooLarge("The file is too large.")
        return self.pages[url]


@dataclass
class Credentials:
    """Keeps `ports.auth.Authenticator`: every credential is good but those `revoked`.

    `fault` is raised instead of an answer; `budgets` are those of credentials, by id.
    """

    revoked: set[str] = field(default_factory=set)
    callers: dict[str, Caller] = field(default_factory=dict)
    budgets: dict[str, Budget] = field(default_factory=dict)
    fault: Exception | None = None

    async def authenticate(self, token: str, address: str | None) -> Caller | None:
        return self.callers.get(token)

    async def credential(self, id: str) -> Credential | None:
        if self.fault is not None:
            raise self.fault
        budget = self.budgets.get(id, Budget())
        return None if id in self.revoked else Credential(id=id, budget=budget)


@dataclass
class EditedAcl:
    """Keeps `ports.acl.AclSource`; a test sets `acl`."""

    acl: Acl

    def current(self) -> Acl:
        return self.acl


@dataclass
class Counted:
    """Keeps `ports.telemetry.Telemetry`: remembers jobs, refusals and what was dropped."""

    jobs: list[tuple[str, str]] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    breakers: dict[str, bool] = field(default_factory=dict)
    degraded: dict[str, bool] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    soft: list[tuple[str, str]] = field(default_factory=list)
    notices: list[tuple[str, str]] = field(default_factory=list)
    limits: list[str] = field(default_factory=list)
    unknowns: dict[str, int] = field(default_factory=dict)
    drifts: dict[str, tuple[int, int]] = field(default_factory=dict)

    def call(self, component: str, code: str, seconds: float) -> None:
        pass

    def request(self, route: str, status: int, seconds: float) -> None:
        pass

    def auth_failure(self, reason: str) -> None:
        self.refused.append(reason)

    def limited(self, limit: str) -> None:
        self.limits.append(limit)

    def audit_dropped(self, action: str) -> None:
        self.dropped.append(action)

    def notice(self, event: str, outcome: str) -> None:
        self.notices.append((event, outcome))

    def provider(self, name: str, *, degraded: bool) -> None:
        self.degraded[name] = degraded

    def breaker(self, provider: str, *, is_open: bool) -> None:
        self.breakers[provider] = is_open

    def soft_limit(self, level: str, span: str) -> None:
        self.soft.append((level, span))

    def unknown(self, provider: str, count: int) -> None:
        self.unknowns[provider] = count

    def reconciled(self, provider: str, drift: int, at: int) -> None:
        self.drifts[provider] = (drift, at)

    def job(self, provider: str, state: str, seconds: float) -> None:
        self.jobs.append((provider, state))
