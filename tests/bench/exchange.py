"""MCP over plain HTTP, both eras, without a client library between the clock and the server."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MODERN = "2026-07-28"
LEGACY = "2025-11-25"
_META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A POST that may be sent again and again; its body's one `@ID@` becomes the request's id."""

    headers: Mapping[str, str] = field(repr=False)
    body: str


class Exchange:
    """Requests of one subject, a connection each."""

    def __init__(self, port: int, token: str | None) -> None:
        self._port = port
        self._headers = {
            "accept": "application/json, text/event-stream",
            "content-type": "application/json",
        }
        if token is not None:
            self._headers["authorization"] = f"Bearer {token}"

    def modern(self, method: str, **params: Any) -> Request:
        """A request of the era without sessions."""
        named = {"mcp-protocol-version": MODERN, "mcp-method": method}
        if name := params.get("name") or params.get("uri"):
            named["mcp-name"] = name
        body = {"jsonrpc": "2.0", "id": "@ID@", "method": method}
        return Request(
            headers=self._headers | named,
            body=json.dumps({**body, "params": {**params, "_meta": _META}}),
        )

    def legacy(self, method: str, **params: Any) -> Request:
        """A request in a session, which this opens."""
        opening = {
            "protocolVersion": LEGACY,
            "capabilities": {},
            "clientInfo": {"name": "bench", "version": "1"},
        }
        body = {"jsonrpc": "2.0", "id": "@ID@", "method": "initialize", "params": opening}
        headers, _ = self._post(Request(headers=self._headers, body=json.dumps(body)))
        session = {"mcp-session-id": headers["mcp-session-id"], "mcp-protocol-version": LEGACY}
        note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        inside = self._headers | session
        self._post(Request(headers=inside, body=json.dumps(note)))
        body = {"jsonrpc": "2.0", "id": "@ID@", "method": method, "params": params}
        return Request(headers=inside, body=json.dumps(body))

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """A tool's result. Raises OSError, and RuntimeError where the tool refuses."""
        answer = self.ask(self.modern("tools/call", name=tool, arguments=arguments))
        result = answer.get("result", {})
        if "result" not in answer or result.get("isError"):
            raise RuntimeError(f"{tool} answered {answer}")
        return dict(result)

    def ask(self, request: Request) -> dict[str, Any]:
        """The JSON-RPC answer, error or not. Raises OSError."""
        return self._post(request)[1]

    def _post(self, request: Request) -> tuple[http.client.HTTPMessage, dict[str, Any]]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
        try:
            body = request.body.replace("@ID@", "1")
            connection.request("POST", "/mcp", body.encode(), dict(request.headers))
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        return response.headers, _answer(text)


def _answer(text: str) -> dict[str, Any]:
    """The last message of a stream of events, or the whole body."""
    data = [line.removeprefix("data:") for line in text.splitlines() if line.startswith("data:")]
    return dict(json.loads(data[-1] if data else text or "{}"))
