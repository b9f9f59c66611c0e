"""The authorization server of our own: its metadata (RFC 8414) and all its routes."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from imagewright.api.http.errors import Route, answering
from imagewright.api.http.pages.consent import ConsentPages
from imagewright.api.http.token_endpoint import TokenEndpoint
from imagewright.core.ids import Kind
from imagewright.core.oauth import USUAL, in_order

METADATA = "/.well-known/oauth-authorization-server"
PREFIXES = ("/authorize", "/register", "/revoke", "/token")
"""What begins the paths, for logs and metrics."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorizationServer:
    """What there is at the issuer's address, which is `public_url` to the last byte.

    `documents` is whether a client's id may be the address of a document about it.
    """

    issuer: str
    consent: ConsentPages
    endpoint: TokenEndpoint
    documents: bool
    new_id: Callable[[Kind], str]

    def routes(self) -> tuple[tuple[str, str, Route], ...]:
        """Path, method, and what answers; none needs a token, and each says why it refuses."""
        routes: tuple[tuple[str, str, Route], ...] = (
            (METADATA, "GET", self._metadata()),
            ("/register", "POST", self.endpoint.register),
            ("/token", "POST", self.endpoint.token),
            ("/revoke", "POST", self.endpoint.revoke),
        )
        plain = tuple(
            (path, method, answering(route, self.new_id)) for path, method, route in routes
        )
        return (*plain, *self.consent.routes(self.new_id))

    def _metadata(self) -> Route:
        body = json.dumps(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "registration_endpoint": f"{self.issuer}/register",
                "revocation_endpoint": f"{self.issuer}/revoke",
                "response_types_supported": ["code"],
                "response_modes_supported": ["query"],
                "grant_types_supported": ["authorization_code", "refresh_token"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["none"],
                "revocation_endpoint_auth_methods_supported": ["none"],
                "scopes_supported": list(in_order(USUAL)),
                "authorization_response_iss_parameter_supported": True,
                "client_id_metadata_document_supported": self.documents,
            },
            separators=(",", ":"),
        )

        async def answer(_request: Request) -> Response:
            headers = {"Cache-Control": "public, max-age=300"}
            return Response(body, media_type="application/json", headers=headers)

        return answer
