"""The client's address in the place of the proxy's, where the proxy is to be believed."""

from starlette.types import ASGIApp, Receive, Scope, Send

from imagewright.core.forwarding import Proxies, forwarded, forwarded_for


class BehindProxies:
    """The outermost layer where there are proxies; everything below sees the client's address.

    Nothing else of what they say is believed: not the scheme, and not the host. Headers of
    whoever connects from elsewhere change nothing.
    """

    # Not uvicorn's own: it takes any text for an address, and knows no Forwarded.

    def __init__(self, app: ASGIApp, proxies: Proxies) -> None:
        self._app = app
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            peer = scope["client"][0] if scope.get("client") else None
            if self._proxies.trusts(peer):
                client = self._client(peer, scope)
                scope = {**scope, "client": None if client is None else (client, 0)}
        await self._app(scope, receive, send)

    def _client(self, peer: str | None, scope: Scope) -> str | None:
        """None where it cannot be told; then only what may come from anywhere is good."""
        told = [
            self._proxies.client(peer, hops)
            for hops in (
                forwarded_for(_lines(scope, b"x-forwarded-for")),
                forwarded(_lines(scope, b"forwarded")),
            )
            if hops
        ]
        # A proxy writes one of the two headers and may hand the client's own other one on: where
        # they differ, one of them may be made up, and neither is believed.
        return (told or [peer])[0] if len(set(told)) <= 1 else None


def _lines(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]
