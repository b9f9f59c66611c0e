"""Tokens of our own."""

from collections.abc import Mapping
from typing import Any, Protocol


class Signer(Protocol):
    """Signs claims of one kind of token, and knows its signature again after any restart."""

    def sign(self, claims: Mapping[str, Any]) -> str:
        """A token with these claims, and the issuer and audience of its kind."""

    def read(self, token: str) -> Mapping[str, Any] | None:
        """Its claims, expired or not; None for a token of another issuer.

        Raises Unauthenticated for one that says it is ours, and is not or is of another kind.
        """
