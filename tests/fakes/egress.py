"""An egress proxy on a Unix socket of its own, in a world whose names a test chooses."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from imagewright.adapters.egress.proxy import EgressConfig, EgressProxy, Reach, Streams
from imagewright.adapters.egress.ways import Ways


@dataclass
class World:
    """Hosts and their addresses, each question's in turn; every address but loopback is `port`."""

    hosts: Mapping[str, list[list[str]]] = field(default_factory=dict)
    port: int = 0
    asked: list[tuple[str, int]] = field(default_factory=list)
    connected: list[tuple[str, int]] = field(default_factory=list)

    async def resolve(self, host: str, port: int) -> list[str]:
        self.asked.append((host, port))
        answers = self.hosts.get(host, [[host]])
        return answers.pop(0) if len(answers) > 1 else answers[0]

    async def connect(self, address: str, port: int) -> Streams:
        self.connected.append((address, port))
        here = address in {"127.0.0.1", "::1"}
        return await asyncio.open_connection("127.0.0.1", port if here else self.port)


def listening(path: Path) -> socket.socket:
    """A Unix socket that listens."""
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    made.bind(str(path))
    made.listen(64)
    made.setblocking(False)
    return made


@asynccontextmanager
async def egress(
    path: Path, ways: Ways, world: World | None = None, config: EgressConfig | None = None
) -> AsyncIterator[EgressProxy]:
    """A proxy that serves at the path until the context ends."""
    found = world or World()
    proxy = EgressProxy(ways, config, Reach(resolve=found.resolve, connect=found.connect))
    with listening(path) as listener:
        await proxy.open([listener])
        try:
            yield proxy
        finally:
            await proxy.close()
            path.unlink()
