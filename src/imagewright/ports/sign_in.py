"""The identity provider that people sign in to the pages with."""

from dataclasses import dataclass, field
from typing import Protocol

from imagewright.core.caller import Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What ties a sign-in to the browser that began it: RFC 6749, OpenID Connect and RFC 7636."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """What the browser brought back; `issuer` is None where it named none (RFC 9207)."""

    code: str = field(repr=False)
    issuer: str | None = None


class SignInProvider(Protocol):
    """One provider, spoken to as its one client. Raises Unavailable where it cannot be asked."""

    async def address(self, binding: Binding) -> str:
        """Where a browser goes to sign in."""

    async def caller(self, returned: Returned, binding: Binding) -> Caller:
        """Whom the code stands for. Raises Unauthenticated for one that proves nobody."""

    async def farewell(self) -> str | None:
        """Where a browser goes to sign out there too, or None where that is not offered."""
