"""What is offered: as configured, with what the providers themselves say."""

from collections.abc import Collection
from typing import Protocol

from imagewright.core.catalogue import Catalogue


class CatalogueSource(Protocol):
    """Whoever reads two things that must fit together reads them from one `current`."""

    def current(self) -> Catalogue:
        """What is offered now; never waits."""

    async def refresh(self, providers: Collection[str]) -> None:
        """Ask these providers anew, unless they were asked a moment ago; never fails."""

    async def run(self) -> None:
        """Ask each provider when it is due, until cancelled."""
