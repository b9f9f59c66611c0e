"""The words of OAuth that the authorization server and its faces share."""

import base64
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from imagewright.core.scope import Scope

GRANTABLE = frozenset(
    scope.value
    for scope in Scope
    if scope not in {Scope.SPEND_RELAYED, Scope.SPEND_UNATTENDED, Scope.APPROVE}
)
"""What a client may ask for: the others are granted by the ACL alone."""
USUAL = (Scope.IMAGES_READ, Scope.IMAGES_WRITE, Scope.STYLES_WRITE, Scope.SPEND)
"""What a client is told to ask for, and what it gets where it asks for nothing."""
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}\Z")
_STATE = re.compile(r"[ -~]{1,512}\Z")


class Trouble(StrEnum):
    """Error codes: RFC 6749 4.1.2.1 and 5.2, RFC 7591 3.2.2, RFC 8707 2."""

    ACCESS_DENIED = "access_denied"
    INVALID_CLIENT = "invalid_client"
    INVALID_GRANT = "invalid_grant"
    INVALID_METADATA = "invalid_client_metadata"
    INVALID_REDIRECT = "invalid_redirect_uri"
    INVALID_REQUEST = "invalid_request"
    INVALID_SCOPE = "invalid_scope"
    INVALID_TARGET = "invalid_target"
    UNAVAILABLE = "temporarily_unavailable"
    UNSUPPORTED_GRANT = "unsupported_grant_type"
    UNSUPPORTED_RESPONSE = "unsupported_response_type"


class Refused(Exception):
    """An answer of no, in OAuth's words. `after` is in seconds, where waiting helps."""

    def __init__(self, trouble: Trouble, sentence: str, *, after: int = 0) -> None:
        super().__init__(sentence)
        self.trouble = trouble
        self.sentence = sentence
        self.after = after


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A program; its `name` is what it calls itself, and no proof.

    `id` is the address of its document where it has one, else ours. `at` is when it was first
    known, `used_at` when somebody last signed in or renewed by it, 0 for never: UTC microseconds.
    """

    id: str
    name: str
    redirects: tuple[str, ...]
    at: int
    used_at: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A sign-in that a client may have: everything in it was checked. `at` is the redirect."""

    client: str
    redirect: str
    challenge: str
    scopes: tuple[str, ...]
    state: str

    @classmethod
    def read(cls, row: Mapping[str, Any]) -> "Asked":
        """What `asdict` made of one, after JSON."""
        return cls(**{**row, "scopes": tuple(row["scopes"])})

    def __post_init__(self) -> None:
        if not _CHALLENGE.match(self.challenge):
            raise Refused(Trouble.INVALID_REQUEST, "PKCE with S256 is required.")
        if self.state and not _STATE.match(self.state):
            raise Refused(Trouble.INVALID_REQUEST, "The state is too long or no ASCII.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a client is given; `seconds` is how long the access token is good."""

    access: str
    refresh: str
    seconds: int
    scopes: tuple[str, ...]

    def __repr__(self) -> str:
        return f"Tokens(seconds={self.seconds})"


def asked_scopes(text: str) -> tuple[str, ...]:
    """The scopes of a request, the usual ones where it names none. Raises Refused."""
    named = set(text.split(" ")) - {""}
    if not named <= GRANTABLE:
        raise Refused(Trouble.INVALID_SCOPE, "A scope is unknown, or no client may have it.")
    return in_order(named or {scope.value for scope in USUAL})


def in_order(scopes: Iterable[str]) -> tuple[str, ...]:
    """Scopes as they are written everywhere."""
    return tuple(sorted(scopes))


def hashed(text: str) -> str:
    """The key under which a secret's value stands: whoever reads the store learns no secret."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def challenge_of(verifier: str) -> str:
    """PKCE's S256 (RFC 7636 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())[:-1].decode()


def proves(verifier: str, challenge: str) -> bool:
    """Whether a verifier is the one behind the challenge."""
    if not _VERIFIER.match(verifier):
        return False
    return hmac.compare_digest(challenge_of(verifier), challenge)
