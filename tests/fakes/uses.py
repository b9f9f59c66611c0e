"""Token uses in memory, which can be away."""

from collections.abc import Mapping

from imagewright.core.errors import Unavailable
from imagewright.ports.uses import Use


class MemoryUses:
    """Keeps `ports.uses.TokenUses`; `away` makes it fail, `writes` counts what it was given."""

    def __init__(self) -> None:
        self.away = False
        self.writes: list[Mapping[Use, int]] = []
        self._kept: dict[Use, int] = {}

    async def record(self, uses: Mapping[Use, int]) -> None:
        if self.away:
            raise Unavailable("The database is away.")
        self.writes.append(dict(uses))
        for use, at in uses.items():
            self._kept[use] = max(at, self._kept.get(use, at))

    async def latest(self) -> Mapping[Use, int]:
        return dict(self._kept)
