"""Consent on the MCP face: the client asked in either era, or the quote id given back."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from fastmcp import Context
from fastmcp.exceptions import ToolError
from fastmcp.server.elicitation import AcceptedElicitation
from mcp.shared.exceptions import MCPError
from mcp.types import (
    ClientCapabilities,
    ElicitationCapability,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    FormElicitationCapability,
    InputRequiredResult,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from imagewright.api.mcp.face import Face
from imagewright.core.errors import ConfirmationDeclined, ConfirmationRequired
from imagewright.core.quote import Consent
from imagewright.services.wish import Answer

T = TypeVar("T")
Enter = Callable[[Answer | None], Awaitable[T]]
"""Lets an ask in by an answer to its question, if there is one."""

_log = logging.getLogger(__name__)
_KEY = "spend"
_SCHEMA = {
    "type": "object",
    "properties": {_KEY: {"type": "boolean", "title": "Spend this"}},
    "required": [_KEY],
}
_ABLE = ClientCapabilities(elicitation=ElicitationCapability(form=FormElicitationCapability()))


async def order(
    ctx: Context, face: Face, enter: Enter[T], confirm: str | None
) -> T | InputRequiredResult:
    """Let an ask in, asking the client for consent where it is needed and can be given.

    Raises ConfirmationRequired where the client cannot be asked, ConfirmationDeclined on a no.
    """
    answer = _given(ctx, confirm)
    try:
        return await enter(answer)
    except ConfirmationRequired as required:
        if Consent.CLIENT not in face.gate.consents(face.caller()) or not _can_be_asked(ctx):
            raise
        if _modern(ctx):
            return _question(required)
        quote = str(required.details["quote"])
        await _ask_now(ctx, required, face.elicit_seconds)
    return await enter(Answer(quote=quote, consent=Consent.CLIENT))


def _given(ctx: Context, confirm: str | None) -> Answer | None:
    """The consent that came with the call.

    On the modern protocol the quote stands in the request state, which the server sealed for this
    principal, tool and arguments: answers without it were never asked for and count nothing.
    """
    if ctx.request_state is not None:
        answer = (ctx.input_responses or {}).get(_KEY)
        if not isinstance(answer, ElicitResult) or answer.action != "accept":
            raise ConfirmationDeclined("The question was not answered with yes; nothing was spent.")
        if (answer.content or {}).get(_KEY) is not True:
            raise ConfirmationDeclined("The question was answered with no; nothing was spent.")
        return Answer(quote=ctx.request_state, consent=Consent.CLIENT)
    return Answer(quote=confirm, consent=Consent.ECHO) if confirm else None


def _modern(ctx: Context) -> bool:
    request = ctx.request_context
    return request is not None and request.protocol_version in MODERN_PROTOCOL_VERSIONS


def _can_be_asked(ctx: Context) -> bool:
    return ctx.session.check_client_capability(_ABLE)


def _question(required: ConfirmationRequired) -> InputRequiredResult:
    params = ElicitRequestFormParams(message=required.sentence, requested_schema=_SCHEMA)
    return InputRequiredResult(
        result_type="input_required",
        request_state=str(required.details["quote"]),
        input_requests={_KEY: ElicitRequest(method="elicitation/create", params=params)},
    )


async def _ask_now(ctx: Context, required: ConfirmationRequired, seconds: int) -> None:
    """Return on a yes. A client that fails to ask is one that cannot be asked."""
    try:
        async with asyncio.timeout(seconds):
            answer = await ctx.elicit(required.sentence, bool, response_title="Spend this")
    except TimeoutError:
        raise ConfirmationDeclined("Nobody answered the question; nothing was spent.") from None
    except (MCPError, ToolError, ValueError):
        _log.info("the client could not ask", exc_info=True)
        raise required from None
    if not isinstance(answer, AcceptedElicitation) or answer.data is not True:
        raise ConfirmationDeclined("The question was answered with no; nothing was spent.")
