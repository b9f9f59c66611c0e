"""Who acts: a subject, the groups it is in, and the credential it came with."""

import hashlib
import json
import re
from collections.abc import Collection
from dataclasses import dataclass, field, replace

from imagewright.core.budget import Budget
from imagewright.core.errors import InvalidRequest
from imagewright.core.scope import Scope

LOCAL = "local"
"""The subject of stdio, and of a loopback server without authentication."""

_SUBJECT = re.compile(r"(?:user|service):[!-~](?:[ -~]{0,246}[!-~])?\Z")


def check_subject(text: str) -> str:
    """A subject is `local`, or `user:` or `service:` and printable ASCII. Raises InvalidRequest."""
    if text != LOCAL and not _SUBJECT.match(text):
        raise InvalidRequest(
            "The subject is not of the form user:<id> or service:<id> in printable ASCII.",
            hint='Write it like "user:alice@example.com".',
        )
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """What the caller showed: its id (never the secret) and the scopes it narrows to.

    `scopes` None means the credential does not narrow what the subject may do. `line` is what
    stays when a credential that lives for minutes is renewed under another id; empty is never.
    `ends_at` is its own end in UTC microseconds, where it carries one itself. `proofs` are those
    of `proof_of` that are good under the id now, where its source keeps them; else it has none.
    `budget` limits what is spent with it, whoever its subject is.
    """

    id: str
    scopes: frozenset[str] | None = None
    line: str = field(default="", compare=False)
    ends_at: int | None = field(default=None, compare=False)
    proofs: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    budget: Budget = field(default=Budget(), compare=False)

    @property
    def approves_only(self) -> bool:
        """Whether it is good for approving on the pages, and for nothing else."""
        return self.scopes == frozenset({Scope.APPROVE.value})

    def narrowed(self, scopes: frozenset[str] | None) -> "Credential":
        """The same, narrowed to these scopes too."""
        if scopes is None or self.scopes is None:
            return replace(self, scopes=self.scopes if scopes is None else scopes)
        return replace(self, scopes=self.scopes & scopes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """An authenticated subject; a job keeps all of it, to be decided again when it is claimed.

    `name` is for people to read: nothing is decided by it, and no job keeps it.
    Raises InvalidRequest for a subject that `check_subject` does not accept.
    """

    subject: str
    groups: frozenset[str] = frozenset()
    credential: Credential = Credential(id=LOCAL)
    name: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        check_subject(self.subject)

    def among(self, groups: Collection[str]) -> "Caller":
        """The same, in no other groups than these."""
        return replace(self, groups=frozenset(self.groups.intersection(groups)))


def proof_of(sha256: str, caller: Caller) -> str:
    """Tells that a token, by its SHA-256 in hexadecimal, still stands for the same caller.

    It changes with the token, with its subject and with its groups.
    """
    whole = json.dumps([sha256, caller.subject, sorted(caller.groups)])
    return hashlib.sha256(whole.encode()).hexdigest()
