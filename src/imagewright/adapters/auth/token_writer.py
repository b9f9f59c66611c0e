"""Changes tokens in tokens.toml and leaves every other byte of it alone."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from imagewright.adapters.auth.token_entries import Entries, Written
from imagewright.adapters.auth.token_reader import read_tokens
from imagewright.adapters.toml.budgets import budget_table
from imagewright.adapters.toml.document import OPEN_TO_READ, parse_document, read_document
from imagewright.adapters.toml.findings import Table
from imagewright.adapters.toml.rewriting import rewrite
from imagewright.core.budget import Budget
from imagewright.core.errors import InvalidRequest

Expiry = date | datetime
"""A date counts to its end, in UTC; a time has its zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """What is written of a token: never itself, only the SHA-256 in hexadecimal.

    `scopes` and `cidrs` None do not narrow.
    """

    id: str
    sha256: str
    subject: str
    groups: tuple[str, ...] = ()
    scopes: tuple[str, ...] | None = None
    expires: Expiry | None = None
    cidrs: tuple[str, ...] | None = None
    budget: Budget = Budget()
    note: str = ""

    def values(self) -> dict[str, Written]:
        """The entry's keys."""
        entry: dict[str, Written] = {"sha256": self.sha256, "subject": self.subject}
        entry |= {"groups": list(self.groups)} if self.groups else {}
        entry |= {"scopes": list(self.scopes)} if self.scopes is not None else {}
        entry |= {"expires": self.expires} if self.expires is not None else {}
        entry |= {"cidrs": list(self.cidrs)} if self.cidrs is not None else {}
        budget = budget_table(self.budget)
        entry |= {"budget": budget} if budget else {}
        entry |= {"note": self.note} if self.note else {}
        return entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotation:
    """The SHA-256 that comes into an entry; the one before it is good `until` then, or not at all.

    `expires` None keeps the entry's own expiry.
    """

    sha256: str
    until: datetime | None = None
    expires: Expiry | None = None


def add(path: Path, token: NewToken) -> None:
    """Append an entry.

    This and every other function here changes the file atomically, and one program at a time
    does; a new file is 0600, an old one keeps its owner and mode. Each raises Misconfigured if
    the file as it stands, or as it would become, is not good, InvalidRequest where the change
    itself is not, and OSError if the directory cannot be written: the file is then as it was.
    """

    def change(entries: Entries) -> str:
        if token.id in entries:
            raise InvalidRequest(f"There is a token {token.id} already.", hint="Choose another id.")
        return entries.with_new({token.id: token.values()})

    _change(path, change)


def rotate(path: Path, id: str, rotation: Rotation) -> None:
    """Put another secret into an entry, whose id and terms stay. Raises NotFound."""

    def change(entries: Entries) -> str:
        old = entries.values(id)
        previous = (
            {"sha256": str(old["sha256"]), "expires": rotation.until} if rotation.until else None
        )
        expires = {"expires": rotation.expires} if rotation.expires is not None else {}
        return entries.with_values(id, {"sha256": rotation.sha256, **expires, "previous": previous})

    _change(path, change)


def revoke(path: Path, id: str, at: datetime) -> None:
    """Mark an entry as revoked: its tokens are refused, and its id is not free. Raises NotFound."""

    def change(entries: Entries) -> str:
        return entries.with_values(id, {"revoked": at.astimezone(UTC).replace(microsecond=0)})

    _change(path, change)


def remove(path: Path, id: str) -> None:
    """Take an entry out of the file. Raises NotFound."""
    _change(path, lambda entries: entries.without(id))


def hash_clear(path: Path) -> tuple[str, ...]:
    """Put a hashed entry in the place of each token in clear; their ids."""
    found: list[str] = []

    def change(entries: Entries) -> str:
        found.extend(entries.clear())
        return entries.all_hashed()

    _change(path, change)
    return tuple(found)


def bring_over(path: Path, source: Path) -> tuple[str, ...]:
    """Add hashed entries for the tokens in clear of another file, but those there are; their ids.

    Raises Misconfigured for faults of either file, and InvalidRequest for a file that holds
    other entries too: what was not brought over must not seem so.
    """
    document, _ = read_document(source, OPEN_TO_READ)
    table, _ = read_tokens(document, None)
    incoming = Entries(document, document.text)
    if len(table.by_id) > len(incoming.clear()):
        raise InvalidRequest(
            f"{source} holds hashed entries too, and nothing was imported.",
            hint="Copy their tables by hand, and import the tokens in clear alone.",
        )
    fresh: dict[str, Table] = {}

    def change(entries: Entries) -> str:
        for id in incoming.clear():
            values = incoming.values(id)
            if id not in entries or entries.values(id) != values:
                fresh[id] = values
        return entries.with_new(fresh)

    _change(path, change)
    return tuple(fresh)


def _change(path: Path, change: Callable[[Entries], str]) -> None:
    def rewritten(old: bytes) -> bytes:
        new = change(_entries(path, old)).encode()
        read_tokens(parse_document(path, new), None)
        return new

    rewrite(path, OPEN_TO_READ, rewritten)


def _entries(path: Path, data: bytes) -> Entries:
    document = parse_document(path, data)
    read_tokens(document, None)
    return Entries(document, data.decode())
