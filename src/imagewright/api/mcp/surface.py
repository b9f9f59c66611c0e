"""What each caller sees of the server: lists, refusals, enums and schema faults."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import mcp.types as mt
from fastmcp import Context, FastMCP
from fastmcp.exceptions import FastMCPError, NotFoundError
from fastmcp.exceptions import ValidationError as BadArguments
from fastmcp.prompts.base import Prompt, PromptResult
from fastmcp.resources.base import Resource
from fastmcp.resources.template import ResourceTemplate
from fastmcp.server.middleware import CallNext, Middleware, MiddlewareContext
from fastmcp.tools.base import Tool, ToolResult

from imagewright.api.mcp.choices import with_choices
from imagewright.api.mcp.completion import Completion
from imagewright.api.mcp.component import Components, PromptSpec
from imagewright.api.mcp.errors import (
    ResourceFault,
    bad_arguments,
    check_text,
    error_result,
    incident,
    resource_error,
)
from imagewright.api.mcp.face import Face
from imagewright.api.mcp.instructions import instructions
from imagewright.api.mcp.witnessed import PROMPT, REQUEST, RESOURCE, allowed, denied, heed
from imagewright.core.errors import Fault, InvalidRequest, RateLimited, Unauthenticated
from imagewright.core.scope import Scope
from imagewright.services.judge import Judge

_log = logging.getLogger(__name__)
_CALL = "tools/call"


class Surface(Middleware):
    """Lists what the caller may use; refuses the rest in the words of a thing not there."""

    def __init__(self, face: Face, components: Components, text: str) -> None:
        self._face = face
        self._tools = {tool.name: tool.scope for tool in components.tools}
        self._resources = {each.uri: each.scope for each in components.resources}
        self._prompts = {prompt.name: prompt for prompt in components.prompts}
        self._text = text

    async def on_request(
        self, context: MiddlewareContext[Any], call_next: CallNext[Any, Any]
    ) -> Any:
        # Where grants cannot be told there is no list, and no resource is there or not.
        try:
            if context.method != _CALL:
                await self._count(context)
            return await call_next(context)
        except Fault as fault:
            raise resource_error(fault) from None

    async def on_list_tools(
        self,
        context: MiddlewareContext[mt.ListToolsRequest],
        call_next: CallNext[mt.ListToolsRequest, Sequence[Tool]],
    ) -> Sequence[Tool]:
        caller = self._face.caller()
        tools = await call_next(context)
        judge = self._face.gate.judge(caller)
        offers = self._face.images.offers(caller, judge)
        return [with_choices(tool, offers) for tool in tools if self._may_call(tool.name, judge)]

    async def on_call_tool(
        self,
        context: MiddlewareContext[mt.CallToolRequestParams],
        call_next: CallNext[mt.CallToolRequestParams, ToolResult],
    ) -> ToolResult:
        name = context.message.name
        given = context.message.arguments or {}
        try:
            await self._count(context)
            judge = self._judge()
            if not self._may_call(name, judge):
                if name in self._tools:
                    self._tell_denied(
                        context.fastmcp_context, judge, (name, given), self._tools[name]
                    )
                raise NotFoundError(f"Unknown tool: {name!r}")
            if self._tools[name] is Scope.IMAGES_READ and context.fastmcp_context is not None:
                allowed(self._face, context.fastmcp_context, name, given)
            check_text(given)
            return await call_next(context)
        except Fault as fault:
            return self._refused(name, fault)
        except BadArguments as fault:
            return self._refused(name, bad_arguments(fault))
        except FastMCPError:
            return self._refused(name, incident(self._face, name))

    async def on_list_resources(
        self,
        context: MiddlewareContext[mt.ListResourcesRequest],
        call_next: CallNext[mt.ListResourcesRequest, Sequence[Resource]],
    ) -> Sequence[Resource]:
        found, judge = await call_next(context), self._judge()
        return [each for each in found if self._may_read(str(each.uri), judge)]

    async def on_list_resource_templates(
        self,
        context: MiddlewareContext[mt.ListResourceTemplatesRequest],
        call_next: CallNext[mt.ListResourceTemplatesRequest, Sequence[ResourceTemplate]],
    ) -> Sequence[ResourceTemplate]:
        found, judge = await call_next(context), self._judge()
        return [each for each in found if self._may_read(each.uri_template, judge)]

    async def on_read_resource(
        self,
        context: MiddlewareContext[mt.ReadResourceRequestParams],
        call_next: CallNext[mt.ReadResourceRequestParams, Any],
    ) -> Any:
        # Every resource needs the same scope or a wider one, so one that cannot be told from
        # its URI is refused unless the caller holds them all.
        given, judge = {"uri": str(context.message.uri)}, self._judge()
        if not all(self._may_read(uri, judge) for uri in self._resources):
            scopes = sorted(set(self._resources.values()))
            self._tell_denied(context.fastmcp_context, judge, (RESOURCE, given), *scopes)
            raise NotFoundError("Unknown resource")
        if context.fastmcp_context is not None:
            allowed(self._face, context.fastmcp_context, RESOURCE, given)
        try:
            return await call_next(context)
        except ResourceFault as raised:
            raise resource_error(raised.fault) from None

    async def on_list_prompts(
        self,
        context: MiddlewareContext[mt.ListPromptsRequest],
        call_next: CallNext[mt.ListPromptsRequest, Sequence[Prompt]],
    ) -> Sequence[Prompt]:
        found, judge = await call_next(context), self._judge()
        return [each for each in found if self._may_get(each.name, judge)]

    async def on_get_prompt(
        self,
        context: MiddlewareContext[mt.GetPromptRequestParams],
        call_next: CallNext[mt.GetPromptRequestParams, PromptResult],
    ) -> PromptResult:
        name, ctx, judge = context.message.name, context.fastmcp_context, self._judge()
        given: dict[str, Any] = dict(context.message.arguments or {})
        if not self._may_get(name, judge):
            if name in self._prompts:
                self._tell_denied(ctx, judge, (PROMPT, given), self._prompts[name].scope)
            raise NotFoundError(f"Unknown prompt: {name!r}")
        # Here, because the framework logs what it finds wrong with its value.
        _check_given(self._prompts[name], given)
        if ctx is not None:
            allowed(self._face, ctx, PROMPT, given)
        try:
            return await call_next(context)
        except ResourceFault as raised:
            raise resource_error(raised.fault) from None

    async def on_initialize(
        self,
        context: MiddlewareContext[mt.InitializeRequest],
        call_next: CallNext[mt.InitializeRequest, mt.InitializeResult | None],
    ) -> mt.InitializeResult | None:
        result = await call_next(context)
        return result.model_copy(update=self._own_words()) if result is not None else None

    async def on_discover(
        self,
        context: MiddlewareContext[mt.DiscoverRequest],
        call_next: CallNext[mt.DiscoverRequest, mt.DiscoverResult | dict[str, Any]],
    ) -> mt.DiscoverResult | dict[str, Any]:
        result = await call_next(context)
        if isinstance(result, mt.DiscoverResult):
            return result.model_copy(update=self._own_words())
        return result

    async def _count(self, context: MiddlewareContext[Any]) -> None:
        """Count the request as its caller's; nobody's is refused by what it asks for."""
        try:
            caller = self._face.caller()
        except Unauthenticated:
            return
        try:
            await self._face.limiter.ask(caller)
        except RateLimited as fault:
            if context.fastmcp_context is not None:
                thing = getattr(context.message, "name", None)
                known = thing if thing in self._tools or thing in self._prompts else REQUEST
                heed(self._face, context.fastmcp_context, known, {}, fault)
            raise

    def _refused(self, name: str, fault: Fault) -> ToolResult:
        self._face.telemetry.call(name, fault.code, 0.0)
        return error_result(fault)

    def _tell_denied(
        self,
        ctx: Context | None,
        judge: Judge | None,
        call: tuple[str, dict[str, Any]],
        *scopes: Scope,
    ) -> None:
        """A component and what it was given; nobody's tries are not told."""
        if ctx is None or judge is None:
            return
        component, given = call
        tool = component if component in self._tools else None
        decisions = [judge.decide(tool, scope) for scope in scopes]
        reason = next(each.reason for each in decisions if not each.allowed)
        denied(self._face, ctx, component, given, reason)

    def _own_words(self) -> Mapping[str, str]:
        return {"instructions": instructions(self._face, self._text)}

    def _may_call(self, name: str, judge: Judge | None) -> bool:
        scope = self._tools.get(name)
        return scope is not None and _allows(judge, name, scope)

    def _may_read(self, uri: str, judge: Judge | None) -> bool:
        scope = self._resources.get(uri)
        return scope is not None and _allows(judge, None, scope)

    def _may_get(self, name: str, judge: Judge | None) -> bool:
        spec = self._prompts.get(name)
        return spec is not None and _allows(judge, None, spec.scope)

    def _judge(self) -> Judge | None:
        """For the caller; None is nobody, who may nothing."""
        try:
            return self._face.gate.judge(self._face.caller())
        except Unauthenticated:
            return None


def _allows(judge: Judge | None, component: str | None, scope: Scope) -> bool:
    if judge is None:
        return False
    decision = judge.decide(component, scope)
    if not decision.allowed:
        _log.debug("refused", extra={"component": component, "reason": decision.reason})
    return decision.allowed


def _check_given(prompt: PromptSpec, given: Mapping[str, Any]) -> None:
    check_text(dict(given))
    if set(given) != set(prompt.arguments):
        raise InvalidRequest(
            f"The prompt {prompt.name} needs its arguments, and no others.",
            hint=f"Give {', '.join(prompt.arguments)}.",
        )


async def check_complete(server: FastMCP[Any], components: Components) -> None:
    """Raise RuntimeError for a registered component that declares no scope."""
    local = server.local_provider
    found = {tool.name for tool in await local.list_tools()}
    found |= {str(each.uri) for each in await local.list_resources()}
    found |= {each.uri_template for each in await local.list_resource_templates()}
    found |= {prompt.name for prompt in await local.list_prompts()}
    found -= {tool.name for tool in components.tools}
    found -= {resource.uri for resource in components.resources}
    found -= {prompt.name for prompt in components.prompts}
    handler = server._completion_handler  # noqa: SLF001 - no public way to ask
    if handler is not None and not isinstance(handler, Completion):
        found.add("completion")
    if found:
        raise RuntimeError(f"Without a declared scope: {', '.join(sorted(found))}.")
