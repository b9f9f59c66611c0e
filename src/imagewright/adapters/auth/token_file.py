"""The tokens file as an operator works on it: secrets are made here, and told once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from imagewright.adapters.auth import token_writer
from imagewright.adapters.auth.token_reader import (
    MappedToken,
    SingleToken,
    check_network,
    digest,
    read_tokens,
    single_table,
)
from imagewright.adapters.auth.token_writer import Expiry, NewToken, Rotation
from imagewright.adapters.toml.document import OPEN_TO_READ, read_document
from imagewright.core.budget import Budget
from imagewright.core.caller import check_subject
from imagewright.core.errors import InvalidRequest, NotFound
from imagewright.core.flaw import Flaw
from imagewright.core.ids import RandomBytes
from imagewright.core.scope import expand
from imagewright.core.token import check_token_id, mint, new_token_id
from imagewright.ports.clock import Clock

_MICRO = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a token is for; `scopes` and `cidrs` empty do not narrow. Raises InvalidRequest."""

    groups: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    cidrs: tuple[str, ...] = ()
    expires: Expiry | None = None
    budget: Budget = Budget()
    note: str = ""

    def __post_init__(self) -> None:
        expand(self.scopes)
        for cidr in self.cidrs:
            check_network(cidr)
        if not all(group.strip() for group in self.groups):
            raise InvalidRequest("A group has no name.")
        if not self.note.isprintable():
            raise InvalidRequest("The note is not one line of printable text.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Minted:
    """A fresh token, which nothing keeps; the one before it is good `until` then, if at all."""

    id: str
    token: str = field(repr=False)
    until: datetime | None = None


class TokenFile:
    """tokens.toml at `path`, which may not be there yet.

    What raises Misconfigured, InvalidRequest, NotFound or OSError has left the file as it was.
    """

    def __init__(
        self, path: Path, clock: Clock, random: RandomBytes, single: SingleToken | None = None
    ) -> None:
        self.path = path
        self._clock = clock
        self._random = random
        self._single = single

    def add(self, subject: str, terms: Terms, id: str | None = None) -> Minted:
        """A token for a subject, under an id of its own or the given one."""
        check_subject(subject)
        self._check_expiry(terms.expires)
        made = Minted(
            id=check_token_id(id) if id else new_token_id(self._random), token=mint(self._random)
        )
        new = NewToken(
            id=made.id,
            sha256=digest(made.token),
            subject=subject,
            groups=terms.groups,
            scopes=terms.scopes or None,
            expires=terms.expires,
            cidrs=terms.cidrs or None,
            budget=terms.budget,
            note=terms.note,
        )
        token_writer.add(self.path, new)
        return made

    def rotate(self, id: str, overlap: int, expires: Expiry | None = None) -> Minted:
        """Another token in an entry; the one before it is good for `overlap` seconds more.

        `expires` None keeps the entry's expiry. Raises NotFound, and InvalidRequest for an entry
        that is revoked, or expired and is given no other expiry.
        """
        self._check_expiry(expires)
        now = self._clock.now()
        old = self._entry(id)
        if old.revoked_at is not None:
            raise InvalidRequest(f"The token {id} is revoked.", hint="Add a new one.")
        if expires is None and not old.good(now):
            raise InvalidRequest(f"The token {id} has expired.", hint="Give it another --expires.")
        until = self._time(now) + timedelta(seconds=overlap) if overlap else None
        made = Minted(id=id, token=mint(self._random), until=until)
        rotation = Rotation(sha256=digest(made.token), until=until, expires=expires)
        token_writer.rotate(self.path, id, rotation)
        return made

    def revoke(self, id: str) -> None:
        """Mark an entry as revoked. Raises NotFound."""
        token_writer.revoke(self.path, id, self._time(self._clock.now()))

    def remove(self, id: str) -> None:
        """Take an entry out. Raises NotFound."""
        token_writer.remove(self.path, id)

    def take_in(self, source: Path | None = None) -> tuple[str, ...]:
        """Hash the tokens in clear of this file, or add those of another; their ids."""
        if source is None or (self.path.exists() and source.samefile(self.path)):
            if not self.path.exists():
                raise NotFound(f"There is no file {self.path}.", hint="Name one to import.")
            return token_writer.hash_clear(self.path)
        return token_writer.bring_over(self.path, source)

    def tokens(self) -> tuple[Sequence[MappedToken], tuple[Flaw, ...]]:
        """Every entry in the file's order, the single token first, and warnings."""
        table, warnings = single_table(self._single), tuple[Flaw, ...]()
        if self.path.exists() or self.path.is_symlink():
            document, _ = read_document(self.path, OPEN_TO_READ)
            table, warnings = read_tokens(document, self._single)
        return tuple(table.by_id.values()), warnings

    def state(self, token: MappedToken) -> str:
        """One word: `active`, `clear`, `rotating`, `expired` or `revoked`."""
        now = self._clock.now()
        if token.revoked_at is not None:
            return "revoked"
        if not token.good(now):
            return "expired"
        if token.previous is not None and token.previous.good(now):
            return "rotating"
        return "clear" if token.clear else "active"

    def _entry(self, id: str) -> MappedToken:
        document, _ = read_document(self.path, OPEN_TO_READ)
        table, _ = read_tokens(document, None)
        if id not in table.by_id:
            raise NotFound(f"There is no token {id}.", hint="See: imagewright token list")
        return table.by_id[id]

    def _check_expiry(self, expires: Expiry | None) -> None:
        now = self._time(self._clock.now())
        if isinstance(expires, datetime):
            over = expires <= now
        else:
            over = expires is not None and expires < now.date()
        if over:
            raise InvalidRequest("The expiry is in the past.", hint="Write it like 2030-12-31.")

    def _time(self, now: int) -> datetime:
        return datetime.fromtimestamp(now // _MICRO, UTC)
