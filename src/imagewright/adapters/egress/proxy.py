"""The egress proxy: makes tunnels to places that its ways lead to, and carries bytes.

It resolves names itself and connects to the addresses that it checked. It reads nothing of what it
carries; its log has hosts, ports, outcomes and counts.
"""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field

from imagewright.adapters.egress.request import MADE, Asked, NoTunnel, read_head
from imagewright.adapters.egress.ways import Place, Ways, allowed
from imagewright.adapters.web.netguard import Resolve, resolve_host

_log = logging.getLogger(__name__)
_CHUNK = 65_536
"""Bytes that are carried at once, and the most that a request's head may have."""
_MOST_ADDRESSES = 4
_OUT, _BACK = 0, 1
_LINGER = 1.0
_WORDS = {400: "bad request", 403: "refused", 408: "slow", 431: "bad request", 503: "full"}


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressConfig:
    """Bounds: `most` tunnels at once, and times in seconds.

    `ask` is for a request to come, `connect` for a name to be resolved and then for all of its
    addresses to be tried, `idle` is how long nothing may move.
    """

    ask: float = 10.0
    connect: float = 10.0
    idle: float = 1200.0
    most: int = 256


@dataclass(slots=True)
class _Tunnel:
    """Bytes that went out and came back, and when the last did, by the loop's clock."""

    moved: float
    counts: list[int] = field(default_factory=lambda: [0, 0])

    def note(self, way: int, count: int, now: float) -> None:
        self.counts[way] += count
        self.moved = now


Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connect(address: str, port: int) -> Streams:
    """A connection to an address in numbers. Raises OSError."""
    return await asyncio.open_connection(address, port, limit=_CHUNK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How names are resolved and connections opened."""

    resolve: Resolve = resolve_host
    connect: Callable[[str, int], Awaitable[Streams]] = connect


class EgressProxy:
    """Serves Unix sockets between `open` and `close`.

    `ways` and `config` may be replaced at any time; what is open stays open when its way is gone.
    """

    def __init__(
        self, ways: Ways, config: EgressConfig | None = None, reach: Reach | None = None
    ) -> None:
        self.ways = ways
        self.config = config or EgressConfig()
        self._reach = reach or Reach()
        self._servers: list[asyncio.Server] = []
        self._open: set[asyncio.Task[None]] = set()
        self._taken = 0

    async def open(self, listeners: Iterable[socket.socket]) -> None:
        """Begin to accept at sockets that listen."""
        for each in listeners:
            # `start_unix_server` would take away the file of a socket that is systemd's.
            server = await asyncio.start_server(self._accept, sock=each, limit=_CHUNK)
            self._servers.append(server)

    async def close(self, seconds: float = 0.0) -> None:
        """Accept no more, and await what is open for so long; the rest is cut."""
        for server in self._servers:
            server.close()
        if self._open:
            await asyncio.wait(self._open, timeout=seconds)
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        # Connections that were broken off are closed in the loop's next turn.
        await asyncio.sleep(0)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A task of our own: asyncio's would be told of as broken where `close` cancels it.
        task = asyncio.create_task(self._serve(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._tunnel(reader, writer)
        except NoTunnel as refusal:
            outcome = _WORDS.get(refusal.status, "failed")
            _tell(refusal.place, outcome, reason=refusal.reason)
            with suppress(OSError):
                await _turn_away(refusal, reader, writer)
        except OSError:
            _tell(None, "gone")
        finally:
            writer.transport.abort()

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = await self._asked(reader)
        if self._taken >= self.config.most:
            raise NoTunnel(503, "connection_limit_reached", asked.place)
        self._taken += 1
        try:
            await self._lead(asked, reader, writer)
        finally:
            self._taken -= 1

    async def _lead(
        self, asked: Asked, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        there, onward = await self._connected(asked)
        tunnel = _Tunnel(moved=asyncio.get_running_loop().time())
        outcome = "cut"
        try:
            writer.write(MADE)
            outcome = await self._carry(tunnel, (reader, onward), (there, writer))
            if outcome == "closed":
                await self._flush(onward, writer)
        finally:
            onward.transport.abort()
            sent, received = tunnel.counts
            _tell(asked.place, outcome, sent=sent, received=received)

    async def _asked(self, reader: asyncio.StreamReader) -> Asked:
        try:
            async with asyncio.timeout(self.config.ask):
                return read_head(await reader.readuntil(b"\r\n\r\n"))
        except TimeoutError:
            refusal = NoTunnel(408, "http_request_error")
        except asyncio.LimitOverrunError:
            refusal = NoTunnel(431, "http_request_error")
        except asyncio.IncompleteReadError:
            refusal = NoTunnel(400, "http_request_error")
        raise refusal

    async def _connected(self, asked: Asked) -> Streams:
        """Connected with the first of the addresses that answers in its share of the time."""
        addresses, late = await self._addresses(asked), False
        for address in addresses:
            try:
                async with asyncio.timeout(self.config.connect / len(addresses)):
                    return await self._reach.connect(address, asked.place.port)
            except TimeoutError:
                late = True
            except OSError:
                continue
        if late:
            raise NoTunnel(504, "connection_timeout", asked.place)
        raise NoTunnel(502, "connection_refused", asked.place)

    async def _addresses(self, asked: Asked) -> list[str]:
        """Checked, in numbers. Raises NoTunnel."""
        place = asked.place
        way = self.ways.to(place, strange=asked.strange)
        if way is None:
            raise NoTunnel(403, "http_request_denied", place)
        try:
            async with asyncio.timeout(self.config.connect):
                found = await self._reach.resolve(place.host, place.port)
        except TimeoutError:
            raise NoTunnel(504, "dns_timeout", place) from None
        except (OSError, UnicodeError):
            found = []
        if not found:
            raise NoTunnel(502, "dns_error", place)
        checked = allowed(way, found)
        if not checked:
            raise NoTunnel(403, "destination_ip_prohibited", place)
        return checked[:_MOST_ADDRESSES]

    async def _flush(self, *writers: asyncio.StreamWriter) -> None:
        """Let what is still to be written go out: an abort would lose it."""
        with suppress(OSError):
            async with asyncio.timeout(self.config.idle):
                for each in writers:
                    each.close()
                    await each.wait_closed()

    async def _carry(
        self,
        tunnel: _Tunnel,
        out: Streams,
        back: Streams,
    ) -> str:
        """Carry both ways until both have ended, one breaks, or nothing moves; how it ended."""
        loop = asyncio.get_running_loop()
        pending = {
            asyncio.create_task(_pump(*out, tunnel, _OUT)),
            asyncio.create_task(_pump(*back, tunnel, _BACK)),
        }
        pumps = tuple(pending)
        try:
            while pending:
                left = tunnel.moved + self.config.idle - loop.time()
                if left <= 0:
                    return "idle"
                done, pending = await asyncio.wait(
                    pending, timeout=left, return_when=asyncio.FIRST_EXCEPTION
                )
                if any(each.exception() for each in done):
                    return "broken"
        finally:
            for each in pumps:
                each.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        return "closed"


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, tunnel: _Tunnel, way: int
) -> None:
    """Carry one way to its end, and tell the other side of the end."""
    loop = asyncio.get_running_loop()
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()
        tunnel.note(way, len(data), loop.time())
    # The other side may have gone meanwhile, and then there is nobody to tell.
    with suppress(OSError):
        writer.write_eof()


async def _turn_away(
    refusal: NoTunnel, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answer, and read on for a moment: what is unread at the end makes the answer unreadable."""
    async with asyncio.timeout(_LINGER):
        writer.write(refusal.answer())
        await writer.drain()
        writer.write_eof()
        while await reader.read(_CHUNK):
            pass


def _tell(place: Place | None, outcome: str, **more: object) -> None:
    where = {"host": place.host, "port": place.port} if place is not None else {}
    _log.info("tunnel", extra={**where, "outcome": outcome, **more})
