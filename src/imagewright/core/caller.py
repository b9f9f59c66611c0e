"""Who acts: a subject, the groups it is in, and the credential it came with."""

import re
from dataclasses import dataclass

from imagewright.core.errors import InvalidRequest

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

    `scopes` None means the credential does not narrow what the subject may do.
    """

    id: str
    scopes: frozenset[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """An authenticated subject; a job keeps all of it, to be decided again when it is claimed.

    Raises InvalidRequest for a subject that `check_subject` does not accept.
    """

    subject: str
    groups: frozenset[str] = frozenset()
    credential: Credential = Credential(id=LOCAL)

    def __post_init__(self) -> None:
        check_subject(self.subject)
