"""An ASGI application on a real socket of this machine, whose connections can be broken."""

import asyncio
import socket
import threading
import time
from typing import Any, Self

import uvicorn
from uvicorn.config import WSProtocolType
from uvicorn.protocols.http.h11_impl import H11Protocol


class Loopback:
    """Serves an application from a thread of its own, between `with` and its end."""

    def __init__(self, app: Any, *, ws: WSProtocolType = "none", **config: Any) -> None:
        transports: dict[int, asyncio.Transport] = {}
        self._transports = transports

        class Traced(H11Protocol):
            """Keeps each connection's transport, so that the application can break it."""

            def connection_made(self, transport: Any) -> None:
                transports[transport.get_extra_info("peername")[1]] = transport
                super().connection_made(transport)

        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                http=Traced,
                ws=ws,
                lifespan="off",
                log_config=None,
                # Below it, it writes down the headers that it receives, secrets among them.
                log_level="info",
                access_log=False,
                timeout_graceful_shutdown=0,
                **config,
            )
        )
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        until = time.monotonic() + 10
        while not self._server.started:
            if time.monotonic() > until:
                raise TimeoutError
            time.sleep(0.002)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(10)
        self._socket.close()

    def abort(self, scope: Any) -> None:
        """Break the connection that a request came on, without another byte."""
        self._transports[scope["client"][1]].abort()

    def _run(self) -> None:
        self._server.run(sockets=[self._socket])
