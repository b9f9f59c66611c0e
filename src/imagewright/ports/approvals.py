"""Answers to open quotes, by people and through clients."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from imagewright.core.caller import Caller
from imagewright.core.errors import NotFound
from imagewright.core.quote import OpenQuote
from imagewright.ports.books import Origin


def gone() -> NotFound:
    """What is said of every quote and link that cannot be answered, or never was."""
    return NotFound(
        "There is no such question.",
        hint="It was answered, used or took too long: ask for the same again.",
    )


class Way(StrEnum):
    """How an answer came."""

    PAGE = "page"
    LINK = "link"
    CLIENT = "client"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A yes or a no, how and from where it came, and when (UTC microseconds)."""

    yes: bool
    way: Way
    origin: Origin
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link to be given to a quote: the SHA-256 of its secret, and who asked for it when."""

    quote: str
    digest: str = field(repr=False)
    origin: Origin
    at: int


class Approvals(Protocol):
    """Called by `services.approvals` alone. Every method is one transaction.

    A quote is open until it is used, declined or expired, whether or not it is approved. A link is
    known by the SHA-256 of its secret, is good once, and ends with its quote and with an approval.
    Whatever is wrong with a quote or a link, `gone` says so.
    Times are UTC microseconds, handed in.
    """

    async def of(self, subject: str, now: int) -> tuple[OpenQuote, ...]:
        """The subject's open quotes, newest first."""

    async def get(self, subject: str, quote: str, now: int) -> OpenQuote:
        """One of them. Raises NotFound."""

    async def answer(self, caller: Caller, quote: str, reply: Reply) -> OpenQuote:
        """Enter an answer to an open quote of the caller's, and return that quote.

        A yes approves it: the same ask finds it then. A no closes it, approved or not. A second
        yes enters nothing. Raises NotFound.
        """

    async def link(self, caller: Caller, link: Link) -> OpenQuote | None:
        """Give an open quote of the caller's its link, and return that quote.

        None, and nothing is entered, where it has had one, is approved or is not open.
        """

    async def behind(self, digest: str, now: int) -> OpenQuote:
        """What a link leads to. Raises NotFound."""

    async def answer_link(self, digest: str, reply: Reply) -> OpenQuote:
        """Enter an answer by a link, which ends with that. Raises NotFound."""
