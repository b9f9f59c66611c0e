"""When each bearer token was last used."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Use:
    """One token of an entry: its credential's id, and the mark that tells it from the one before.

    Neither is secret.
    """

    credential: str
    mark: str


class TokenUses(Protocol):
    """Times are UTC microseconds."""

    async def record(self, uses: Mapping[Use, int]) -> None:
        """Keep each time unless a later one is kept. Raises Unavailable or StorageFull."""

    async def latest(self) -> Mapping[Use, int]:
        """When each token was last used, of all that are kept. Raises Unavailable."""
