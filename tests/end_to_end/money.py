"""A running service with a vendor that charges, and a cast that spends in every way."""

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import httpx
from fastmcp import Client
from fastmcp.client.elicitation import ElicitResult

from tests.end_to_end.service import OWNER, Mode, Service, configured, running
from tests.fakes.openai_images import KEY, FakeOpenAI
from tests.fakes.vendor import Reply

HUMAN = OWNER
OTHER = "user:otto@example.com"
RELAY = "service:relay"
ROBOT = "service:robot"
POOR = "user:pia@example.com"
CAST = (HUMAN, OTHER, RELAY, ROBOT, POOR)
ACL = f"""
[subjects]
"{HUMAN}" = ["images:read", "images:write", "spend"]
"{OTHER}" = ["images:read", "images:write", "spend"]
"{RELAY}" = ["images:read", "images:write", "spend:relayed"]
"{POOR}" = ["images:read", "images:write"]

[subjects."{ROBOT}"]
scopes = ["images:read", "images:write", "spend:unattended"]
budget = {{ per_call = "0.03", day = "1000" }}
"""
MODEL = "gpt-image-2.5-flare"
MODERN = "2026-07-28"
EXACT: dict[str, Any] = {
    "input_tokens": 10,
    "output_tokens": 100,
    "total_tokens": 110,
    "input_tokens_details": {"text_tokens": 10, "image_tokens": 0},
}
"""Usage that lies within the ceiling: 10 x $5 and 100 x $30 a million."""
EXACT_NANO = 10 * 5_000 + 100 * 30_000

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """The service, its vendor, and where everything is kept."""

    service: Service
    vendor: FakeOpenAI
    state: Path

    def client(self, who: str, mode: Mode = "auto", **more: Any) -> Client[Any]:
        return self.service.client(who, mode, **more)

    def wire(self, who: str, *, elicits: bool = True) -> "Wire":
        return Wire(self.service.url, self.service.tokens[who], elicits=elicits)


def with_vendor(vendor: FakeOpenAI, **explicit: object) -> dict[str, object]:
    """Settings that make the vendor the provider `paint`, and whatever else is set."""
    found: dict[str, object] = {
        "providers__paint__kind": "openai",
        "providers__paint__base_url": vendor.base_url,
        "providers__paint__api_key": KEY,
        "providers__paint__retries": 0,
        "default_provider": "placeholder",
        # The vendor of these tests fails more often in a row than one that is left alone.
        "routing.failures": 10_000,
    }
    return found | explicit


@asynccontextmanager
async def paid(
    state: Path, vendor: FakeOpenAI, acl: str = ACL, **explicit: object
) -> AsyncIterator[Paid]:
    """Serve with the vendor until the context ends."""
    settings, tokens = configured(state, acl, CAST, **with_vendor(vendor, **explicit))
    async with running(settings, tokens) as service:
        yield Paid(service=service, vendor=vendor, state=state)


def ask(prompt: str | None = None, **more: Any) -> dict[str, Any]:
    """Arguments of a small paid ask that nobody made before."""
    return {
        "prompt": prompt or f"a fox, {uuid.uuid4().hex}",
        "provider": "paint",
        "model": MODEL,
        "quality": "low",
        "size": "1024x640",
        **more,
    }


def exact(count: int = 1) -> list[Reply]:
    """Right answers with usage that is below the ceiling."""
    return [Reply(usage=EXACT) for _ in range(count)]


async def call(client: Client[Any], tool: str, arguments: Mapping[str, Any]) -> Answer:
    """The structured content of an answer, be it an error or not."""
    answer = await client.call_tool(tool, dict(arguments), raise_on_error=False)
    found = answer.structured_content
    assert found is not None, answer.content
    return {**found, "is_error": answer.is_error, "content": answer.content}


async def generate(client: Client[Any], arguments: Mapping[str, Any]) -> Answer:
    return await call(client, "generate_image", arguments)


def code(answer: Answer) -> str | None:
    """The stable code of an error, whether of the call or of the job."""
    found = answer.get("error")
    return None if found is None else str(found["code"])


async def day(client: Client[Any], level: str = "subject") -> dict[str, str]:
    """One's own account of the day."""
    usage = await call(client, "get_usage", {})
    (found,) = [
        each for each in usage["allowances"] if (each["level"], each["span"]) == (level, "day")
    ]
    return dict(found)


class Elicited:
    """A client's handler that answers every question in one way, and keeps the questions."""

    def __init__(
        self,
        action: Literal["accept", "decline", "cancel", "raise"] = "accept",
        value: object = True,
    ) -> None:
        self.questions: list[str] = []
        self._action = action
        self._value = value

    async def __call__(self, message: str, _kind: Any, params: Any, _ctx: Any) -> Any:
        self.questions.append(message)
        if self._action == "raise":
            raise RuntimeError("the window was closed")
        if self._action != "accept":
            return ElicitResult(action=self._action)
        (key,) = params.requested_schema["properties"]
        return ElicitResult(action="accept", content={key: self._value})


class Wire:
    """The modern protocol, spoken by hand."""

    def __init__(self, url: str, token: str, *, elicits: bool = True) -> None:
        self._http = httpx.AsyncClient(timeout=60)
        self._url = url
        self._token = token
        self._able: dict[str, Any] = {"elicitation": {"form": {}}} if elicits else {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def send(self, arguments: Mapping[str, Any], **more: Any) -> Answer:
        """The result of one call, or its protocol error."""
        meta = {
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientInfo": {"name": "wire", "version": "1"},
            "io.modelcontextprotocol/clientCapabilities": self._able,
        }
        params = {"name": "generate_image", "arguments": dict(arguments), "_meta": meta, **more}
        answer = await self._http.post(
            self._url,
            headers={
                "accept": "application/json, text/event-stream",
                "mcp-protocol-version": MODERN,
                "mcp-method": "tools/call",
                "mcp-name": "generate_image",
                "authorization": f"Bearer {self._token}",
            },
            json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params},
        )
        body: Answer = answer.json()
        if "result" not in body:
            return {"protocol_error": body["error"]}
        result: Answer = body["result"]
        return {**result, **(result.get("structuredContent") or {})}


def yes(asked: Answer, value: object = True) -> dict[str, Any]:
    """What a client sends back with a yes to a question."""
    (key,) = asked["inputRequests"]
    return {
        "requestState": asked["requestState"],
        "inputResponses": {key: {"action": "accept", "content": {key: value}}},
    }
