"""Who a bearer token is."""

from typing import Protocol

from imagewright.core.caller import Caller, Credential


class Authenticator(Protocol):
    """One source of identities, or a chain of them asked in turn."""

    async def authenticate(self, token: str, address: str | None) -> Caller | None:
        """The caller, or None for a token that is not mine.

        Raises Unauthenticated for one of mine that is bad (expired, revoked, wrong address),
        and Unavailable where that cannot be told now.
        """

    async def credential(self, id: str) -> Credential | None:
        """The credential as it stands now, or None once it was revoked or has expired.

        A queued job asks this before it spends.
        """
