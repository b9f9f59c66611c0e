"""The caller that needs no token: stdio, and a loopback server without authentication."""

from imagewright.core.caller import LOCAL, Caller, Credential


class Local:
    """Implements `ports.auth.Authenticator`: knows no token, and keeps the credential `local`."""

    async def authenticate(self, token: str, address: str | None) -> Caller | None:
        return None

    async def credential(self, id: str) -> Credential | None:
        return Credential(id=LOCAL) if id == LOCAL else None
