"""What of the client providers' tests do not reach: proxies, and secrets."""

import asyncio
import pickle
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from imagewright.adapters.web.client import Call, Client, Endpoint
from imagewright.adapters.web.failures import NotSent, SentNoAnswer, WebError
from imagewright.core.secret import Secret

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
CALL = Call(path="x", json={"a": 1}, limit=1000)


async def served(handler: Handler) -> AsyncIterator[int]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await handler(reader, writer)
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


async def refusing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
    await writer.drain()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")


async def failure(client: Client, seconds: float = 5.0) -> WebError:
    with pytest.raises(WebError) as caught:
        await client.send(CALL, seconds)
    await client.close()
    return caught.value


@pytest.mark.parametrize("handler", [refusing, silent])
async def test_a_proxy_that_makes_no_tunnel_sent_nothing(handler: Handler) -> None:
    async for port in served(handler):
        proxy = Secret(f"http://user:pa55@127.0.0.1:{port}")
        endpoint = Endpoint(base_url="https://vendor.example/v1", proxy=proxy)
        error = await failure(Client(endpoint))
        assert isinstance(error, NotSent)
        assert error.__context__ is None
        assert "pa55" not in f"{error!r} {endpoint!r}"


async def test_a_plain_request_through_a_proxy_was_sent() -> None:
    async for port in served(silent):
        proxy = Secret(f"http://127.0.0.1:{port}")
        client = Client(Endpoint(base_url="http://vendor.example/v1", proxy=proxy))
        assert isinstance(await failure(client), SentNoAnswer)


async def test_waiting_for_a_place_sends_nothing() -> None:
    client = Client(Endpoint(base_url="http://127.0.0.1:1"))
    assert isinstance(await failure(client, seconds=0.0), NotSent)


async def test_a_host_that_is_no_name_sends_nothing() -> None:
    assert isinstance(
        await failure(Client(Endpoint(base_url=f"http://{'a' * 64}.example"))), NotSent
    )


def test_a_secret_shows_itself_to_nobody() -> None:
    secret = Secret("pa55")
    assert "pa55" not in f"{secret} {secret!r} {[secret]} {secret!s}"
    assert secret.reveal() == "pa55"
    assert secret == Secret.of("pa55")
    assert len({secret, Secret("pa55")}) == 1
    assert Secret.of(secret) is secret
    with pytest.raises(TypeError):
        pickle.dumps(secret)


@pytest.mark.parametrize("wrong", ["", "a\nb", "a\x7f", "é", "a\tb", 7, None])
def test_a_secret_fits_into_a_header(wrong: object) -> None:
    with pytest.raises(ValueError, match="a secret must be"):
        Secret.of(wrong)
