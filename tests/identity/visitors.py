"""npm's `oidc-provider` with a page at which people sign in, as a process of this machine."""

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from tests.end_to_end.program import free_port
from tests.identity.provider import ended, modules, signing_key, started

CLIENT, SECRET = "imagewright-pages", "another-secret-of-the-test"


@dataclass(kw_only=True)
class VisitedProvider:
    """Runs between `with` and its end, or from `start` to `stop`.

    `base` is the address of the service that people come from; `people` are claims by name.
    """

    base: str
    people: Mapping[str, Mapping[str, Any]]
    secret: str | None = SECRET
    keys: Sequence[Mapping[str, Any]] = field(default_factory=lambda: [signing_key("people")])
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[str] | None = None

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        told = {
            "modules": str(modules()),
            "issuer": self.issuer,
            "port": self.port,
            "jwks": {"keys": list(self.keys)},
            "algorithm": "ES256",
            "client": {
                "id": CLIENT,
                "secret": self.secret,
                "redirect_uris": [f"{self.base}/ui/sign-in/callback"],
                "farewell_uris": [f"{self.base}/ui/sign-in"],
            },
            "people": {name: dict(claims) for name, claims in self.people.items()},
        }
        self._process = started("visitors.mjs", told)

    def stop(self) -> None:
        if self._process is not None:
            ended(self._process)
        self._process = None
