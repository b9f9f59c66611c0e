"""Bearer tokens that the operator mapped to subjects."""

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from imagewright.adapters.auth.token_reader import (
    MappedToken,
    SingleToken,
    TokenTable,
    digest,
    read_tokens,
    single_table,
)
from imagewright.adapters.toml.document import OPEN_TO_READ
from imagewright.adapters.toml.watched import Reading, Tell, Watched, WatchedFile
from imagewright.core.caller import Caller, Credential, proof_of
from imagewright.core.errors import Unauthenticated
from imagewright.core.flaw import Flaw
from imagewright.core.token import PREFIX
from imagewright.ports.clock import Clock
from imagewright.ports.uses import Use

Note = Callable[[Use], None]
"""Hears of every token that was good; it must not fail, or take time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokensConfig:
    """The tokens file, the single token, or both."""

    path: Path | None = None
    single: SingleToken | None = None


class Tokens:
    """Implements `ports.auth.Authenticator`.

    Every refusal is in the same words: a stranger learns neither that a token once existed nor
    where it may be used from. Without its file only the single token is known.
    """

    part = "tokens"

    def __init__(
        self, config: TokensConfig, clock: Clock, tell: Tell, note: Note = lambda _use: None
    ) -> None:
        """Reads the file; warnings go to `tell`. Raises Misconfigured with every flaw."""
        self._clock = clock
        self._note = note
        fixed = single_table(config.single)
        self._watched = (
            Watched(
                WatchedFile(config.path, OPEN_TO_READ),
                lambda document: read_tokens(document, config.single),
                fixed,
                tell,
            )
            if config.path
            else None
        )
        self._table: Callable[[], TokenTable] = (
            self._watched.current if self._watched else lambda: fixed
        )

    def reading(self) -> Reading | None:
        """What is in force, if there is a file."""
        return self._watched.reading() if self._watched else None

    def refresh(self, *, force: bool = False) -> bool:
        """Take up a changed file, or any with `force`; a bad one is told of and changes nothing."""
        return self._watched is not None and self._watched.refresh(force=force)

    def flaws(self) -> tuple[Flaw, ...]:
        """Why the file as it stands now is not in force; none where it is, or is not set."""
        return () if self._watched is None else self._watched.flaws()

    async def authenticate(self, token: str, address: str | None) -> Caller | None:
        # A lookup's time tells of a hash only, and nobody can steer what a token hashes to.
        found = self._table().by_digest.get(digest(token))
        if found is None:
            if token.startswith(PREFIX):
                raise _refused()
            return None
        if not found.good(self._clock.now()) or not _from_here(found, address):
            raise _refused()
        self._note(found.use)
        return found.caller

    async def credential(self, id: str) -> Credential | None:
        table, now = self._table(), self._clock.now()
        found = table.by_id.get(id)
        if found is None or not found.good(now):
            return None
        proofs = frozenset(
            proof_of(sha256, each.caller)
            for sha256, each in table.by_digest.items()
            if each.credential.id == id and each.good(now)
        )
        return replace(found.credential, proofs=proofs)


def _refused() -> Unauthenticated:
    return Unauthenticated("The token is not valid.", hint="Ask the operator for a new one.")


def _from_here(token: MappedToken, address: str | None) -> bool:
    if token.networks is None:
        return True
    try:
        origin = ipaddress.ip_address(address or "")
    except ValueError:
        return False
    if isinstance(origin, ipaddress.IPv6Address) and origin.ipv4_mapped:
        origin = origin.ipv4_mapped
    return any(origin in network for network in token.networks)
