"""MCP over plain HTTP in both eras, so that a test sees the very bytes that a caller gets."""

import json
import re
from dataclasses import dataclass
from typing import Any

import httpx

from tests.end_to_end.service import Mode

MODERN = "2026-07-28"
LEGACY = "2025-11-25"
_CLIENT = {"name": "wire", "version": "1"}
_META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientInfo": _CLIENT,
    "io.modelcontextprotocol/clientCapabilities": {},
}
_ID = re.compile(r"\b(img|job|quo|inc|req|cnv|grp)_[a-z2-7]{26}\b")
_ACCEPT = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A response as it came; `text` has every id of ours replaced by its kind."""

    status: int
    headers: httpx.Headers
    body: str

    @property
    def text(self) -> str:
        return f"{self.status} {self.headers.get('content-type')} {anonymous(self.body)}"

    @property
    def message(self) -> Json:
        """The last JSON-RPC message."""
        lines = [each[5:] for each in self.body.splitlines() if each.startswith("data:")]
        found: Json = json.loads(lines[-1] if lines else self.body)
        return found

    @property
    def result(self) -> Json:
        found: Json = self.message["result"]
        return found

    @property
    def error(self) -> Json:
        """The fault of a tool's or a resource's error."""
        message = self.message
        found: Json = (
            message["result"]["structuredContent"]["error"]
            if "result" in message
            else message["error"]
        )
        return found


def anonymous(text: str) -> str:
    return _ID.sub(r"\1_ID", text)


class Peer:
    """One caller in one era; a session is opened where the era has them."""

    def __init__(self, http: httpx.AsyncClient, mode: Mode, path: str = "/mcp") -> None:
        self._http = http
        self._mode = mode
        self._path = path
        self._asked = 0
        self.session: dict[str, str] = {}

    async def ask(self, method: str, **params: Any) -> Answer:
        if self._mode == "legacy":
            if not self.session:
                await self.open()
            return await self.post(method, params, self.session)
        headers = {"mcp-protocol-version": MODERN, "mcp-method": method}
        if name := params.get("name") or params.get("uri"):
            headers["mcp-name"] = name
        return await self.post(method, {**params, "_meta": _META}, headers)

    async def call(self, tool: str, **arguments: Any) -> Answer:
        return await self.ask("tools/call", name=tool, arguments=arguments)

    async def read(self, uri: str) -> Answer:
        return await self.ask("resources/read", uri=uri)

    async def open(self) -> Answer:
        """Shake hands; the answer to initialize."""
        opening = {"protocolVersion": LEGACY, "capabilities": {}, "clientInfo": _CLIENT}
        answer = await self.post("initialize", opening, {})
        if answer.status == 200:
            self.session = {
                "mcp-session-id": answer.headers["mcp-session-id"],
                "mcp-protocol-version": LEGACY,
            }
            note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
            await self._http.post(self._path, headers=_ACCEPT | self.session, json=note)
        return answer

    async def post(self, method: str, params: Json, headers: dict[str, str]) -> Answer:
        self._asked += 1
        number = self._asked
        body = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        data = json.dumps(body)
        answer = await self._http.post(self._path, headers=_ACCEPT | headers, content=data)
        text = answer.text.replace(f'"id":{number},', '"id":1,')
        return Answer(status=answer.status_code, headers=answer.headers, body=text)
