"""The operator's own program: takes notices, and answers as a test says."""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from starlette.types import Receive, Scope, Send

from tests.fakes.loopback import Loopback

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@dataclass(frozen=True, slots=True, kw_only=True)
class Got:
    """A request as it came."""

    target: str
    headers: Mapping[str, str]
    body: bytes


class Receiver:
    """Answers with `statuses` in order, then 204; `hang` answers nothing."""

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.statuses: deque[int] = deque()
        self.hang = False
        self._server = Loopback(self)

    @property
    def url(self) -> str:
        """With a query, as some receivers have their key there."""
        return f"http://{self._server.host}/hook?key=a%20b"

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()

    async def until(self, count: int) -> list[Got]:
        """What came, once there is so much of it."""
        async with asyncio.timeout(10):
            while len(self.got) < count:  # noqa: ASYNC110 - it is filled by another thread
                await asyncio.sleep(0.01)
        return self.got

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while True:
            message: Any = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        query = scope["query_string"].decode()
        target = f"{scope['method']} {scope['path']}?{query}"
        self.got.append(Got(target=target, headers=headers, body=body))
        if self.hang:
            await asyncio.sleep(30)
        status = self.statuses.popleft() if self.statuses else 204
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})
