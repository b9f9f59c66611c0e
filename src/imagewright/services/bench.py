"""What a worker works with."""

from collections.abc import Mapping
from dataclasses import dataclass

from imagewright.ports.auth import Authenticator
from imagewright.ports.board import Board
from imagewright.ports.catalogue import CatalogueSource
from imagewright.ports.clock import Clock
from imagewright.ports.conversations import Conversations
from imagewright.ports.jobs import Jobs
from imagewright.ports.provider import Provider
from imagewright.ports.telemetry import Telemetry
from imagewright.services.breakers import Breakers
from imagewright.services.gate import Gate
from imagewright.services.library import LibraryService


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """`deadline` is the seconds that the providers may take for one job."""

    gate: Gate
    jobs: Jobs
    library: LibraryService
    conversations: Conversations
    credentials: Authenticator | None
    board: Board
    clock: Clock
    telemetry: Telemetry
    catalogue: CatalogueSource
    providers: Mapping[str, Provider]
    breakers: Breakers
    deadline: float = 900.0
