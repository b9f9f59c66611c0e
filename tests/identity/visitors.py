"""npm's `oidc-provider` with a page at which people sign in, as a process of this machine."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from tests.identity.provider import Launched, signing_key

CLIENT, SECRET = "imagewright-pages", "another-secret-of-the-test"


@dataclass(kw_only=True)
class VisitedProvider(Launched):
    """`base` is the address of the service that people come from; `people` are claims by name."""

    program: ClassVar[str] = "visitors.mjs"
    base: str
    people: Mapping[str, Mapping[str, Any]]
    secret: str | None = SECRET
    keys: Sequence[Mapping[str, Any]] = field(default_factory=lambda: [signing_key("people")])

    def told(self) -> dict[str, Any]:
        return {
            "client": {
                "id": CLIENT,
                "secret": self.secret,
                "redirect_uris": [f"{self.base}/ui/sign-in/callback"],
                "farewell_uris": [f"{self.base}/ui/sign-in"],
            },
            "people": {name: dict(claims) for name, claims in self.people.items()},
        }
