"""The egress proxy on real sockets: what it opens, refuses, bounds and carries."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from imagewright.adapters.egress.proxy import EgressConfig, EgressProxy, Reach
from imagewright.adapters.egress.ways import Place, Ways
from imagewright.adapters.web.tunnel import PUBLIC_ONLY
from tests.fakes.egress import World, egress, listening

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
PUBLIC = "93.184.216.34"
MADE = b"HTTP/1.1 200 OK\r\n\r\n"
BIG = bytes(range(256)) * 40_000
"""Ten megabytes."""


@pytest.fixture
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("e") / "s"


class Upstream:
    """A host that does with each connection what a test says."""

    def __init__(self) -> None:
        self.act: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]] = echo
        self.port = 0

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self.act(reader, writer)
        finally:
            writer.close()


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    found = Upstream()
    server = await asyncio.start_server(found.accept, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    yield found
    server.close()


def named(port: int) -> Ways:
    return Ways(places=frozenset({Place("vendor.example", port), Place("127.0.0.1", port)}))


async def asked(path: Path, place: str, *headers: str) -> tuple[bytes, Streams]:
    """The head of the answer, and the streams."""
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write("\r\n".join((f"CONNECT {place} HTTP/1.1", *headers, "", "")).encode())
    return await reader.readuntil(b"\r\n\r\n"), (reader, writer)


async def ended(streams: Streams) -> bytes:
    """The rest of what comes."""
    reader, writer = streams
    rest = await reader.read()
    writer.close()
    return rest


async def refused(path: Path, place: str, *headers: str) -> tuple[int, str]:
    """The status, and the word for why."""
    head, streams = await asked(path, place, *headers)
    assert await ended(streams) == b""
    words = head.decode()
    return int(words.split()[1]), words.partition("error=")[2].partition("\r\n")[0]


async def test_a_named_host_is_reached_at_the_address_that_was_checked(
    path: Path, upstream: Upstream
) -> None:
    world = World({"vendor.example": [["127.0.0.1"], ["169.254.169.254"]]})
    async with egress(path, named(upstream.port), world):
        head, streams = await asked(path, f"vendor.example:{upstream.port}")
        streams[1].write(b"words")
        streams[1].write_eof()
        assert (head, await ended(streams)) == (MADE, b"words")
    assert world.asked == [("vendor.example", upstream.port)]
    assert world.connected == [("127.0.0.1", upstream.port)]


async def test_what_nobody_named_is_refused_without_asking_for_its_address(path: Path) -> None:
    world = World()
    async with egress(path, named(443), world):
        for place in ("other.example:443", "vendor.example:22", "169.254.169.254:80"):
            assert await refused(path, place) == (403, "http_request_denied")
    assert (world.asked, world.connected) == ([], [])


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.7", "169.254.169.254", "fd00::7", "::1"])
async def test_a_stranger_leads_to_no_private_address(path: Path, address: str) -> None:
    world = World({"turned.example": [[address]]})
    async with egress(path, Ways(public=True), world):
        found = await refused(path, "turned.example:443")
    assert (found, world.connected) == ((403, "destination_ip_prohibited"), [])


async def test_a_stranger_leads_to_a_public_address(path: Path, upstream: Upstream) -> None:
    world = World({"cdn.example": [[PUBLIC, "127.0.0.1"], ["127.0.0.1"]]}, port=upstream.port)
    async with egress(path, Ways(public=True), world):
        head, streams = await asked(path, "cdn.example:443", PUBLIC_ONLY)
        streams[1].close()
        assert (head, world.connected) == (MADE, [(PUBLIC, 443)])
        # The name is turned round behind our back; the next connection asks anew.
        assert await refused(path, "cdn.example:443") == (403, "destination_ip_prohibited")
        assert await refused(path, "cdn.example:80") == (403, "http_request_denied")


async def test_a_stranger_is_not_led_to_a_private_place_that_was_named(path: Path) -> None:
    async with egress(path, named(8188)):
        found = await refused(path, "127.0.0.1:8188", PUBLIC_ONLY)
    assert found == (403, "destination_ip_prohibited")


async def test_a_named_host_that_leads_to_metadata_is_refused(path: Path) -> None:
    world = World({"vendor.example": [["169.254.169.254"]]})
    async with egress(path, named(80), world):
        found = await refused(path, "vendor.example:80")
    assert (found, world.connected) == ((403, "destination_ip_prohibited"), [])


async def test_the_first_address_that_answers_is_taken(path: Path, upstream: Upstream) -> None:
    world = World({"vendor.example": [["127.0.0.1", "10.0.0.7"]]}, port=upstream.port)
    ways = Ways(places=frozenset({Place("vendor.example", 1)}))
    async with egress(path, ways, world):
        head, streams = await asked(path, "vendor.example:1")
        streams[1].close()
    assert (head, world.connected) == (MADE, [("127.0.0.1", 1), ("10.0.0.7", 1)])


async def test_an_address_that_is_silent_leaves_time_for_the_next(
    path: Path, upstream: Upstream
) -> None:
    async def connect(address: str, port: int) -> Streams:
        if address != "127.0.0.1":
            await asyncio.sleep(30)
        return await asyncio.open_connection(address, port)

    world = World({"vendor.example": [["10.0.0.7", "127.0.0.1"]]})
    reach = Reach(resolve=world.resolve, connect=connect)
    proxy = EgressProxy(named(upstream.port), EgressConfig(connect=1.0), reach)
    with listening(path) as listener:
        await proxy.open([listener])
        head, streams = await asked(path, f"vendor.example:{upstream.port}")
        streams[1].close()
        assert head == MADE
        await proxy.close()
    # The file is whoever's who made the socket.
    assert path.is_socket()


async def test_a_host_that_is_away_is_told_from_one_that_has_no_address(path: Path) -> None:
    async def nobody(_host: str, _port: int) -> list[str]:
        raise OSError

    async def silent(_host: str, _port: int) -> list[str]:
        await asyncio.sleep(30)
        return []

    async def never(_address: str, _port: int) -> Streams:
        await asyncio.sleep(30)
        raise OSError

    ways = Ways(places=frozenset({Place("127.0.0.1", 1)}))
    async with egress(path, ways):
        assert await refused(path, "127.0.0.1:1") == (502, "connection_refused")
    for reach, expected in (
        (Reach(resolve=nobody), (502, "dns_error")),
        (Reach(resolve=silent), (504, "dns_timeout")),
        (Reach(connect=never), (504, "connection_timeout")),
    ):
        proxy = EgressProxy(ways, EgressConfig(connect=0.2), reach)
        with listening(path) as listener:
            await proxy.open([listener])
            assert await refused(path, "127.0.0.1:1") == expected
            await proxy.close()
        path.unlink()


async def test_a_large_body_goes_both_ways_in_two_tunnels_at_once(
    path: Path, upstream: Upstream
) -> None:
    async def carried() -> bool:
        head, (reader, writer) = await asked(path, f"127.0.0.1:{upstream.port}")
        assert head == MADE

        async def send() -> None:
            for start in range(0, len(BIG), 100_000):
                writer.write(BIG[start : start + 100_000])
                await writer.drain()
            writer.write_eof()

        _, back = await asyncio.gather(send(), reader.read())
        writer.close()
        return back == BIG

    async with egress(path, named(upstream.port)):
        assert all(await asyncio.gather(carried(), carried()))


async def test_one_side_may_end_before_the_other(path: Path, upstream: Upstream) -> None:
    async def answer_at_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        body = await reader.read()
        writer.write(b"had " + body)
        await writer.drain()

    upstream.act = answer_at_the_end
    async with egress(path, named(upstream.port)):
        _, (reader, writer) = await asked(path, f"127.0.0.1:{upstream.port}")
        writer.write(b"all")
        writer.write_eof()
        assert await reader.read() == b"had all"
        writer.close()


async def test_what_waits_for_a_slow_reader_is_not_lost_at_the_end(
    path: Path, upstream: Upstream
) -> None:
    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int(await reader.read())
        writer.write(BIG[:size])
        await writer.drain()

    async def poured(size: int) -> int:
        _, (reader, writer) = await asked(path, f"127.0.0.1:{upstream.port}")
        writer.write(str(size).encode())
        writer.write_eof()
        # Meanwhile all buffers between fill, and for some sizes the last one is the proxy's own.
        await asyncio.sleep(0.3)
        found = len(await reader.read())
        writer.close()
        return found

    upstream.act = pour
    sizes = range(200_000, 700_000, 10_000)
    async with egress(path, named(upstream.port)):
        assert await asyncio.gather(*map(poured, sizes)) == [*sizes]


async def test_a_cut_on_one_side_is_one_on_the_other(path: Path, upstream: Upstream) -> None:
    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(5)
        writer.write(b"half")
        await writer.drain()
        writer.transport.abort()

    upstream.act = cut
    async with egress(path, named(upstream.port)):
        _, (reader, writer) = await asked(path, f"127.0.0.1:{upstream.port}")
        writer.write(b"words")
        async with asyncio.timeout(5):
            assert await reader.read() in {b"half", b""}
        writer.close()


async def test_a_silent_tunnel_is_closed(path: Path, upstream: Upstream) -> None:
    async with egress(path, named(upstream.port), config=EgressConfig(idle=0.3)):
        head, streams = await asked(path, f"127.0.0.1:{upstream.port}")
        async with asyncio.timeout(5):
            assert (head, await ended(streams)) == (MADE, b"")


async def test_a_slow_client_is_sent_away(path: Path) -> None:
    async with egress(path, named(443), config=EgressConfig(ask=0.3)):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"CONNECT vendor.example:443")
        async with asyncio.timeout(5):
            assert (await reader.read()).startswith(b"HTTP/1.1 408 ")
        writer.close()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET http://vendor.example/ HTTP/1.1\r\nHost: vendor.example\r\n\r\n", b"400"),
        (b"\x16\x03\x01\r\n\r\n", b"400"),
        (b"CONNECT vendor.example:443 HTTP/1.1\r\nX: " + b"x" * 200_000, b"431"),
    ],
)
async def test_what_is_no_request_for_a_tunnel_is_refused(
    path: Path, sent: bytes, status: bytes
) -> None:
    async with egress(path, named(443)):
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(sent)
        async with asyncio.timeout(5):
            assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 " + status)
        writer.close()


async def test_who_leaves_while_asking_is_let_go(path: Path, upstream: Upstream) -> None:
    async with egress(path, named(upstream.port)):
        _, writer = await asyncio.open_unix_connection(path)
        writer.write(b"CONNECT ")
        writer.close()
        head, streams = await asked(path, f"127.0.0.1:{upstream.port}")
        streams[1].close()
        assert head == MADE


async def test_there_are_only_so_many_tunnels(path: Path, upstream: Upstream) -> None:
    place = f"127.0.0.1:{upstream.port}"
    async with egress(path, named(upstream.port), config=EgressConfig(most=1)):
        _, streams = await asked(path, place)
        assert await refused(path, place) == (503, "connection_limit_reached")
        streams[1].write_eof()
        assert await ended(streams) == b""
        async with asyncio.timeout(5):
            while True:
                head, streams = await asked(path, place)
                streams[1].close()
                if head == MADE:
                    break


async def test_an_end_awaits_what_is_open_and_then_cuts_it(path: Path, upstream: Upstream) -> None:
    place = f"127.0.0.1:{upstream.port}"
    async with egress(path, named(upstream.port)) as proxy:
        _, short = await asked(path, place)
        _, long = await asked(path, place)
        closing = asyncio.create_task(proxy.close(1.0))
        await asyncio.sleep(0.1)
        short[1].write(b"still carried")
        short[1].write_eof()
        assert await ended(short) == b"still carried"
        assert not closing.done()
        await closing
        assert await ended(long) == b""


async def test_ways_that_are_replaced_hold_for_the_next_tunnel(
    path: Path, upstream: Upstream
) -> None:
    place = f"127.0.0.1:{upstream.port}"
    async with egress(path, named(upstream.port)) as proxy:
        _, streams = await asked(path, place)
        proxy.ways = Ways()
        assert await refused(path, place) == (403, "http_request_denied")
        streams[1].write(b"open")
        streams[1].write_eof()
        assert await ended(streams) == b"open"


async def test_the_log_has_places_outcomes_and_counts_and_nothing_that_was_carried(
    path: Path, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "imagewright")
    async with egress(path, named(upstream.port)):
        _, streams = await asked(path, f"127.0.0.1:{upstream.port}", "Secret: s3cret")
        streams[1].write(b"a prompt")
        streams[1].write_eof()
        assert await ended(streams) == b"a prompt"
        await refused(path, "other.example:443")
    told = {record.__dict__["outcome"]: record.__dict__ for record in caplog.records}
    assert len(caplog.records) == 2
    carried, turned = told["closed"], told["refused"]
    assert (carried["host"], carried["port"]) == ("127.0.0.1", upstream.port)
    assert (carried["sent"], carried["received"]) == (8, 8)
    assert (turned["host"], turned["reason"]) == ("other.example", "http_request_denied")
    assert "s3cret" not in str((carried, turned))
    assert "prompt" not in str((carried, turned))
