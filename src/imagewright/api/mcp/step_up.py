"""403 before a call that a wider token of the same subject could make."""

import json
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from imagewright.api.bearer import caller_of, refusal
from imagewright.api.mcp.witnessed import PROMPT, RESOURCE
from imagewright.api.narrowness import AskedFor, too_narrow
from imagewright.core.caller import Caller
from imagewright.core.errors import Forbidden
from imagewright.core.scope import Scope as Right
from imagewright.ports.books import Origin
from imagewright.services.gate import Gate
from imagewright.services.witness import Act, Witness

_LARGEST = 65_536
_READS = frozenset({"resources/read", "prompts/get"})
"""Methods whose components all need one of the same scopes."""


class Reach:
    """Which scope stands between a caller and a call, where that is the token and nothing else."""

    def __init__(
        self,
        gate: Gate,
        tools: Mapping[str, Right],
        resources: frozenset[Right],
        asked_for: AskedFor,
    ) -> None:
        self._gate = gate
        self._tools = tools
        self._resources = resources
        self._asked_for = asked_for

    def missing(self, caller: Caller, method: str, name: str) -> str | None:
        """The issuer's name of the scope to ask for, or None: the surface then has the word."""
        tool = name if method == "tools/call" else None
        rights = self._resources if method in _READS else {self._tools.get(name)}
        for right in sorted(each for each in rights if each is not None):
            if not self._gate.decide(caller, tool, right).allowed:
                return too_narrow(self._gate, caller, (tool, right), self._asked_for)
        return None


class StepUp:
    """Answers 403 `insufficient_scope` with the one scope that the call needs.

    It only tells: what is allowed is decided behind it. The modern era names a call in headers,
    which must agree with the body; for the older one a small body is read ahead.
    """

    def __init__(
        self, app: ASGIApp, path: str, reach: Reach, metadata: str | None, witness: Witness
    ) -> None:
        self._app = app
        self._witness = witness
        self._path = path
        self._reach = reach
        self._metadata = metadata

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = caller_of(scope)
        if caller is None or scope.get("path") != self._path or scope.get("method") != "POST":
            await self._app(scope, receive, send)
            return
        method, name, replayed = await _call(scope, receive)
        wanted = None
        if method in {"tools/call", *_READS}:
            wanted = self._reach.missing(caller, method, name)
        if wanted is None:
            await self._app(scope, replayed, send)
            return
        thing = {"tools/call": name, "prompts/get": PROMPT}.get(method, RESOURCE)
        self._witness.refused(caller, _act(thing, scope))
        fault = Forbidden(
            "This token's scope does not reach this.",
            hint="Get a token with the scope that is named.",
            details={"scopes": [wanted]},
        )
        await refusal(fault, self._metadata)(scope, replayed, send)


def _act(thing: str, scope: Scope) -> Act:
    client, state = scope.get("client"), scope.get("state") or {}
    origin = Origin(request=str(state.get("request_id", "")), address=client[0] if client else None)
    return Act(action="call", thing=thing, outcome="denied", reason="scope", origin=origin)


async def _call(scope: Scope, receive: Receive) -> tuple[str, str, Receive]:
    """The method, the name of its target, and how the body is received after this."""
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    if b"mcp-method" in headers:
        return headers[b"mcp-method"], headers.get(b"mcp-name", ""), receive
    length = headers.get(b"content-length", "")
    if not length.isdecimal() or int(length) > _LARGEST:
        return "", "", receive
    messages: list[Message] = []
    while not messages or messages[-1].get("more_body"):
        messages.append(await receive())
    body = b"".join(message.get("body", b"") for message in messages)
    return (*_named(body), _replaying(messages, receive))


def _named(body: bytes) -> tuple[str, str]:
    try:
        found = json.loads(body)
        method, params = found["method"], found["params"]
        name = params["uri"] if method == "resources/read" else params["name"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return "", ""
    return (method, name) if isinstance(method, str) and isinstance(name, str) else ("", "")


def _replaying(messages: list[Message], receive: Receive) -> Receive:
    left = iter(messages)

    async def replayed() -> Message:
        found = next(left, None)
        return await receive() if found is None else found

    return replayed
