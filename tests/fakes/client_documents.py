"""Clients' documents without a network."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from imagewright.core.errors import InvalidRequest, Unavailable


@dataclass
class FakeDocuments:
    """Keeps `ports.client_documents.DocumentSource`, from `pages`; while `away`, all is silent."""

    pages: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    away: bool = False

    async def read(self, address: str) -> Mapping[str, Any]:
        self.asked.append(address)
        if self.away:
            raise Unavailable("It is silent.")
        if address not in self.pages:
            raise InvalidRequest("There is no document.")
        return self.pages[address]
