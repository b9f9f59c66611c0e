"""Every source of identities, asked in turn."""

from imagewright.core.caller import Caller, Credential
from imagewright.ports.auth import Authenticator


class Chain:
    """Implements `ports.auth.Authenticator`; the first source that knows a token decides."""

    def __init__(self, *sources: Authenticator) -> None:
        self._sources = sources

    async def authenticate(self, token: str, address: str | None) -> Caller | None:
        for source in self._sources:
            if (caller := await source.authenticate(token, address)) is not None:
                return caller
        return None

    async def credential(self, id: str) -> Credential | None:
        for source in self._sources:
            if (credential := await source.credential(id)) is not None:
                return credential
        return None
