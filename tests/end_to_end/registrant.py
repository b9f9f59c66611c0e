"""A program that registers itself and walks through a sign-in step by step."""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx

from imagewright.core.oauth import challenge_of
from tests.identity.people import Visitor

BACK = "http://localhost:39999/callback"
VERIFIER = "verifier-of-the-tests-that-is-long-enough-0"


@dataclass(kw_only=True)
class Registrant:
    """One client of the service at `base`."""

    http: httpx.AsyncClient
    base: str
    id: str = ""
    tokens: dict[str, Any] = field(default_factory=dict)

    async def register(self, **more: object) -> httpx.Response:
        metadata = {"client_name": "Painter", "redirect_uris": [BACK], **more}
        answer = await self.http.post("/register", json=metadata)
        if answer.status_code == 201:
            self.id = answer.json()["client_id"]
        return answer

    def address(self, **changes: str) -> str:
        asked = {
            "response_type": "code",
            "client_id": self.id,
            "redirect_uri": BACK,
            "code_challenge": challenge_of(VERIFIER),
            "code_challenge_method": "S256",
            "state": "their-state",
            "resource": f"{self.base}/mcp",
            "scope": "images:read images:write",
            **changes,
        }
        kept = {name: value for name, value in asked.items() if value}
        return f"{self.base}/authorize?{urlencode(kept)}"

    async def exchange(self, code: str, **changes: str) -> httpx.Response:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": self.id,
            "redirect_uri": BACK,
            "code_verifier": VERIFIER,
            **changes,
        }
        return await self._token(form)

    async def refresh(self, **changes: str) -> httpx.Response:
        form = {
            "grant_type": "refresh_token",
            "refresh_token": self.tokens["refresh_token"],
            "client_id": self.id,
            **changes,
        }
        return await self._token(form)

    async def revoke(self, token: str, **changes: str) -> httpx.Response:
        form = {"token": token, "client_id": self.id, **changes}
        return await self.http.post("/revoke", data=form)

    async def asked(self, token: str = "") -> httpx.Response:
        """What a bare request gets: 200 or 4xx of the protocol where the token is good."""
        bearer = token or self.tokens["access_token"]
        return await self.http.post("/mcp", json={}, headers={"Authorization": f"Bearer {bearer}"})

    async def _token(self, form: dict[str, str]) -> httpx.Response:
        answer = await self.http.post("/token", data={k: v for k, v in form.items() if v})
        if answer.status_code == 200:
            self.tokens = answer.json()
        return answer


class Recorded(Visitor):
    """Stops where the browser would leave for the program, which runs nowhere."""

    def get(self, url: str) -> httpx.Response:
        if url.startswith(BACK):
            return httpx.Response(200, request=httpx.Request("GET", url))
        return super().get(url)

    def came_back(self, address: str) -> dict[str, str]:
        """What the program is told in the end."""
        found = self.visit(address, until=BACK)
        assert isinstance(found, str), found.text
        return dict(parse_qsl(urlsplit(found).query))
