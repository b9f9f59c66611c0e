"""Revocations: what an operator takes back at once, whatever the ACL and the tokens say."""

import re
from dataclasses import dataclass
from enum import StrEnum

from imagewright.core.caller import Caller, check_subject
from imagewright.core.errors import InvalidRequest

_KEY = re.compile(r"[!-~](?:[ -~]{0,253}[!-~])?\Z")
_LONGEST = 500


class What(StrEnum):
    """The kind of thing that is taken back."""

    TOKEN = "token"  # noqa: S105 - a kind of thing, not one of them
    SUBJECT = "subject"
    SPENDING_BY = "spending_by"
    SPENDING_AT = "spending_at"
    SPENDING = "spending"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Target:
    """A token by its id, a subject, or spending: a subject's, at a provider, or everybody's.

    The key of everybody's spending is empty. Raises InvalidRequest.
    """

    what: What
    key: str = ""

    def __post_init__(self) -> None:
        if self.what is What.SPENDING:
            if self.key:
                raise InvalidRequest("Everybody's spending is nobody's in particular.")
        elif self.what in {What.SUBJECT, What.SPENDING_BY}:
            check_subject(self.key)
        elif not _KEY.match(self.key):
            raise InvalidRequest("The name is not 1 to 255 printable ASCII characters.")

    def __str__(self) -> str:
        """As it is told to people, and stands in the audit."""
        return f"{_WORDS[self.what]} {self.key}".strip()


_WORDS = {
    What.TOKEN: "token",
    What.SUBJECT: "subject",
    What.SPENDING_BY: "spending by",
    What.SPENDING_AT: "spending at",
    What.SPENDING: "all spending",
}
EVERYBODY = Target(what=What.SPENDING)
"""Everybody's spending."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Warrant:
    """Who takes something back or restores it, why, and when (UTC microseconds).

    Raises InvalidRequest for a name or a reason that is blank, longer than 500 characters, or
    of more than one line.
    """

    by: str
    reason: str
    at: int

    def __post_init__(self) -> None:
        for name, text in (("reason", self.reason), ("name of who does it", self.by)):
            if not text.strip() or len(text) > _LONGEST or not text.isprintable():
                raise InvalidRequest(f"The {name} is not one line of 1 to {_LONGEST} characters.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """A row of the revocations; in force while `lifted_at` is None. Times: UTC microseconds."""

    id: int
    target: Target
    at: int
    by: str
    reason: str
    lifted_at: int | None = None
    lifted_by: str | None = None


def barring(caller: Caller) -> tuple[Target, ...]:
    """What takes everything from the caller."""
    return (
        Target(what=What.TOKEN, key=caller.credential.id),
        Target(what=What.SUBJECT, key=caller.subject),
    )


def stopping(subject: str, provider: str | None) -> tuple[Target, ...]:
    """What takes the subject's spending at the provider, or (None) anywhere."""
    found = (Target(what=What.SPENDING_BY, key=subject), EVERYBODY)
    return found if provider is None else (*found, Target(what=What.SPENDING_AT, key=provider))
