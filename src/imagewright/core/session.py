"""A sign-in to the pages: who signed in, how, and until when."""

from dataclasses import dataclass, field
from enum import StrEnum

from imagewright.core.caller import Caller


class How(StrEnum):
    """What a person showed to sign in."""

    TOKEN = "token"  # noqa: S105 - it names a kind of credential
    PROVIDER = "provider"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One browser's sign-in; `id` is the hash of its secret, and times are UTC microseconds.

    `approves` says whether it may approve spending at all: a person whom the identity provider
    vouched for may, and a token only if it is good for nothing else, for another token is in
    the hands of an agent too. `proof` is `core.caller.proof_of` of the token, empty without one;
    `csrf` is what its forms send back.
    """

    id: str = field(repr=False)
    caller: Caller
    how: How
    began_at: int
    seen_at: int
    ends_at: int
    approves: bool
    proof: str = field(default="", repr=False)
    csrf: str = field(default="", repr=False, compare=False)
