"""Sources of identities, less what was revoked."""

from imagewright.core.caller import Caller, Credential
from imagewright.core.errors import Unauthenticated
from imagewright.core.policy import barred
from imagewright.core.revocation import Target, What
from imagewright.ports.acl import AclSource
from imagewright.ports.auth import Authenticator


class Barred:
    """Implements `ports.auth.Doorkeeper`: a revoked token is told as one that is not valid."""

    def __init__(self, inner: Authenticator, acl: AclSource) -> None:
        self._inner = inner
        self._acl = acl

    async def authenticate(self, token: str, address: str | None) -> Caller | None:
        caller = await self._inner.authenticate(token, address)
        if caller is not None and barred(self._acl.current(), caller):
            raise Unauthenticated("The token is not valid.", hint="Ask the operator for a new one.")
        return caller

    async def credential(self, id: str) -> Credential | None:
        found = await self._inner.credential(id)
        if found is None or Target(what=What.TOKEN, key=id) in self._acl.current().revoked:
            return None
        return found

    async def standing(self, caller: Caller) -> Credential | None:
        if barred(self._acl.current(), caller):
            return None
        return await self._inner.credential(caller.credential.id)
