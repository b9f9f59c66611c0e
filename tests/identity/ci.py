"""A CI system's issuer on loopback: discovery and keys over HTTP, and the tokens of its jobs."""

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Self
from urllib.parse import parse_qs

from tests.adapters.auth.tokens_by_hand import header, private, public, sign
from tests.fakes.loopback import Loopback

Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class CiIssuer:
    """Serves between `with` and its end, at paths like GitHub's."""

    def __init__(self, job: Mapping[str, object] | None = None) -> None:
        """A `job` with these claims may ask for its token as at GitHub, by a bearer of its own."""
        self._server = Loopback(self)
        self._job = dict(job or {})
        self.bearer = "the-bearer-of-the-job"

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.__exit__(*error)

    @property
    def issuer(self) -> str:
        return f"http://{self._server.host}"

    def token(self, claims: Mapping[str, object], key: str = "k1") -> str:
        """What a job with these claims is given: of this issuer, good for five minutes."""
        now = int(time.time())
        times = {"iat": now, "nbf": now - 600, "exp": now + 300}
        said = {**claims, "iss": self.issuer, **times}
        return sign(header(typ="JWT", kid="k1"), said, private(key))

    async def __call__(self, scope: Any, receive: Any, send: Send) -> None:
        pages: dict[str, object] = {
            "/.well-known/openid-configuration": {
                "issuer": self.issuer,
                "jwks_uri": f"{self.issuer}/.well-known/jwks",
                "subject_types_supported": ["public", "pairwise"],
                "response_types_supported": ["id_token"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "scopes_supported": ["openid"],
            },
            "/.well-known/jwks": {"keys": [public("k1", alg="RS256")]},
        }
        page = pages.get(scope["path"]) or self._token(scope)
        status = 404 if page is None else 200
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(page).encode()})

    def _token(self, scope: Any) -> object:
        """actions/toolkit, packages/core/src/oidc-utils.ts: `value` is the token."""
        asked = parse_qs(scope["query_string"].decode())
        shown = dict(scope["headers"]).get(b"authorization")
        if scope["path"] != "/token" or shown != f"Bearer {self.bearer}".encode():
            return None
        return {"count": 1, "value": self.token({**self._job, "aud": asked["audience"][0]})}
