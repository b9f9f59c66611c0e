"""Tokens that we sign for ourselves: nobody else has to check them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import jwt

from imagewright.adapters.auth.compact import BadToken, is_compact, parse
from imagewright.core.errors import Unauthenticated

_ALGORITHM = "HS256"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerConfig:
    """One kind of token: its `typ`, who issues it, whom it is for, and a key of its own.

    The key has 32 bytes, and is the same on every start.
    """

    typ: str
    issuer: str
    audience: str
    key: bytes = field(repr=False)


class HmacSigner:
    """Implements `ports.signer.Signer` with HS256 (RFC 7518 3.2)."""

    def __init__(self, config: SignerConfig) -> None:
        self._config = config

    def sign(self, claims: Mapping[str, Any]) -> str:
        """See `Signer.sign`."""
        config = self._config
        whole = {**claims, "iss": config.issuer, "aud": config.audience}
        return jwt.encode(whole, config.key, algorithm=_ALGORITHM, headers={"typ": config.typ})

    def read(self, token: str) -> Mapping[str, Any] | None:
        """See `Signer.read`."""
        config = self._config
        if not is_compact(token):
            return None
        try:
            parsed = parse(token)
        except BadToken:
            raise _refused() from None
        if parsed.claims.get("iss") != config.issuer:
            return None
        header = {"alg": _ALGORITHM, "typ": config.typ}
        if dict(parsed.header) != header or parsed.claims.get("aud") != config.audience:
            raise _refused()
        try:
            # Only after this is anything in it believed.
            jwt.PyJWS().decode_complete(token, config.key, algorithms=[_ALGORITHM])
        except jwt.PyJWTError:
            raise _refused() from None
        return parsed.claims


def _refused() -> Unauthenticated:
    return Unauthenticated("The token is not valid.")
