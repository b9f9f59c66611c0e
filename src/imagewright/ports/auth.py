"""Who a bearer token is."""

from typing import Protocol

from imagewright.core.caller import Caller, Credential


class Authenticator(Protocol):
    """One source of identities, or a chain of them asked in turn."""

    async def authenticate(self, token: str, address: str | None) -> Caller | None:
        """The caller, or None for a token that is not mine.

        Raises Unauthenticated for one of mine that is bad (expired, revoked, wrong address),
        Forbidden for a good one without a scope that its source asks for (`details.scopes`
        names them all), and Unavailable where that cannot be told now.
        """

    async def credential(self, id: str) -> Credential | None:
        """The credential as it stands now, or None once it was revoked or has expired.

        A queued job asks this before it spends, and narrows what it kept by the answer: a source
        that keeps no record of its tokens answers for as long as it is trusted at all, with
        scopes None.
        """


class Doorkeeper(Authenticator, Protocol):
    """Every source of identities, less what the operator revoked."""

    async def standing(self, caller: Caller) -> Credential | None:
        """The caller's credential as it stands now, or None once it or its subject may not act.

        For whoever was let in before: what was revoked since, the credential alone cannot tell.
        Raises Unavailable where that cannot be told now.
        """
