"""The FastMCP server: every tool, resource and prompt, behind the surface."""

import inspect
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from fastmcp import FastMCP
from fastmcp.prompts.base import Prompt, PromptArgument
from fastmcp.server.providers import Provider
from fastmcp.tools.base import Tool
from fastmcp.utilities.versions import VersionSpec
from mcp.server.request_state import RequestStateSecurity
from pydantic import TypeAdapter
from starlette.middleware import Middleware

from imagewright.api.mcp import (
    tools_batch,
    tools_conversations,
    tools_images,
    tools_jobs,
    tools_library,
    tools_prices,
    tools_service,
)
from imagewright.api.mcp.auth import BearerAuth, Signpost, Watch
from imagewright.api.mcp.completion import Completion
from imagewright.api.mcp.component import Components, PromptSpec, ToolSpec
from imagewright.api.mcp.errors import answering
from imagewright.api.mcp.face import Face
from imagewright.api.mcp.open_answers import EndOpen, OpenAnswers
from imagewright.api.mcp.prompts import PROMPTS
from imagewright.api.mcp.resources import RESOURCES
from imagewright.api.mcp.schema import compact_input, compact_output
from imagewright.api.mcp.step_up import Reach, StepUp
from imagewright.api.mcp.surface import Surface, check_complete
from imagewright.api.narrowness import AskedFor
from imagewright.ports.auth import Authenticator

TOOLS: tuple[ToolSpec, ...] = (
    *tools_images.TOOLS,
    *tools_prices.TOOLS,
    *tools_batch.TOOLS,
    *tools_conversations.TOOLS,
    *tools_jobs.TOOLS,
    *tools_library.TOOLS,
    *tools_service.TOOLS,
)
COMPONENTS = Components(tools=TOOLS, resources=RESOURCES, prompts=PROMPTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """How the server names itself; `seal` keys (32 bytes each) close what clients carry for us.

    `signpost` and `asked_for` tell clients of tokens' issuers what they lack, at `path`.
    `answers` are those that a revocation ends.
    """

    name: str
    version: str
    instructions: str
    seal: tuple[bytes, ...]
    signpost: Signpost | None = None
    asked_for: AskedFor | None = None
    answers: OpenAnswers | None = None
    path: str = "/mcp"


class Server(FastMCP[Any]):
    """What a caller sees is `Surface`'s to say, on each call."""

    fixed: Mapping[str, Tool] = MappingProxyType({})
    """Every tool by its name, once all are there."""

    async def get_tool(self, name: str, version: VersionSpec | None = None) -> Tool | None:
        # The framework would ask every provider in a task of its own, then look up rules of the
        # session. There is one provider and no rule, and the search costs each call a tenth.
        if version is None and name in self.fixed:
            return self.fixed[name]
        return await Provider.get_tool(self, name, version)


def build_server(face: Face, chain: Authenticator | None, options: ServerOptions) -> Server:
    """A server with every component registered, to be finished before it serves."""

    @asynccontextmanager
    async def lifespan(_server: FastMCP[Any]) -> AsyncIterator[dict[str, object]]:
        yield face.lifespan_value()

    surface = Surface(face, COMPONENTS, options.instructions)
    server = Server(
        options.name,
        version=options.version,
        lifespan=lifespan,
        auth=_auth(face, chain, options) if chain else None,
        middleware=[surface],
        mask_error_details=True,
        strict_input_validation=True,
        request_state_security=RequestStateSecurity(keys=list(options.seal)),
    )
    for tool in TOOLS:
        server.add_tool(_tool(tool))
    for resource in RESOURCES:
        server.resource(
            resource.uri,
            title=resource.title,
            description=inspect.getdoc(resource.call),
            mime_type=resource.mime,
        )(resource.call)
    for prompt in PROMPTS:
        server.add_prompt(_prompt(prompt))
    server.add_completion_handler(Completion(face, PROMPTS))
    return server


async def finish_server(server: Server) -> None:
    """Raise RuntimeError for a component without a scope; then fix the tables of tools."""
    await check_complete(server, COMPONENTS)
    await _fix_tools(server)


def _auth(face: Face, chain: Authenticator, options: ServerOptions) -> BearerAuth:
    watch = Watch(telemetry=face.telemetry, limiter=face.limiter)
    return BearerAuth(chain, watch, options.signpost, _inner(face, options))


def _inner(face: Face, options: ServerOptions) -> list[Middleware]:
    """What stands behind authentication, the outer first."""
    metadata = options.signpost.metadata if options.signpost else None
    found = []
    if options.answers is not None:
        found.append(Middleware(EndOpen, answers=options.answers, metadata=metadata))
    if options.asked_for is not None:
        found.append(_step_up(face, options, options.asked_for, metadata))
    return found


def _step_up(
    face: Face, options: ServerOptions, asked_for: AskedFor, metadata: str | None
) -> Middleware:
    reach = Reach(
        face.gate,
        {tool.name: tool.scope for tool in TOOLS},
        frozenset(each.scope for each in (*RESOURCES, *PROMPTS)),
        asked_for,
    )
    return Middleware(
        StepUp, path=options.path, reach=reach, metadata=metadata, witness=face.witness
    )


def _tool(spec: ToolSpec) -> Tool:
    tool = Tool.from_function(
        answering(spec.call),
        title=spec.title,
        annotations=spec.annotations,
        output_schema=compact_output(TypeAdapter(spec.answer).json_schema()),
    )
    return tool.model_copy(update={"parameters": compact_input(tool.parameters)})


def _prompt(spec: PromptSpec) -> Prompt:
    prompt = Prompt.from_function(spec.call, title=spec.title)
    arguments = [
        PromptArgument(name=name, description=words, required=True)
        for name, words in spec.arguments.items()
    ]
    return prompt.model_copy(update={"arguments": arguments})


async def _fix_tools(server: Server) -> None:
    """Look tools and schemas up, not all of them again on each modern call (python-sdk 3565).

    The tables are made from the local provider: a listing leaves out what a caller may not see.
    """
    tools = await server.local_provider.list_tools()
    server.fixed = MappingProxyType({tool.name: tool for tool in tools})
    table = {tool.name: tool.parameters for tool in tools}
    server._mcp_server.get_tool_input_schema = table.get  # noqa: SLF001 - no public hook in 4.1
