"""`/.well-known/oauth-protected-resource`: where a client gets a token for this service."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

_WELL_KNOWN = "/.well-known/oauth-protected-resource"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectedResource:
    """The service as RFC 9728 describes it.

    Clients compare `resource` and each of `issuers` byte for byte, so they are published as
    they are written: no parser of addresses touches them.
    """

    resource: str
    issuers: Sequence[str]
    scopes: Sequence[str]
    name: str

    @property
    def metadata(self) -> str:
        """The address of the metadata (RFC 9728 3.1): the path of the resource comes last."""
        parts = urlsplit(self.resource)
        return f"{parts.scheme}://{parts.netloc}{_WELL_KNOWN}{parts.path}"

    def routes(self) -> list[Route]:
        """At its own address, and at the one where clients look that know no path."""
        body = json.dumps(
            {
                "resource": self.resource,
                "authorization_servers": list(self.issuers),
                "scopes_supported": list(self.scopes),
                "bearer_methods_supported": ["header"],
                "resource_name": self.name,
            },
            separators=(",", ":"),
        )

        async def answer(_request: Request) -> Response:
            headers = {"Cache-Control": "public, max-age=300"}
            return Response(body, media_type="application/json", headers=headers)

        paths = dict.fromkeys((f"{_WELL_KNOWN}{urlsplit(self.resource).path}", _WELL_KNOWN))
        return [Route(path, answer, methods=["GET"]) for path in paths]
