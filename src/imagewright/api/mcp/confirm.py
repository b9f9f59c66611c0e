"""Consent on the MCP face: the client asked in either era, or the quote id given back.

Where only a person's consent counts, the client is asked to lead its user to the approval page.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TypeVar

from fastmcp import Context
from fastmcp.exceptions import ToolError
from fastmcp.server.elicitation import AcceptedElicitation, DeclinedElicitation
from mcp.shared.exceptions import MCPError
from mcp.types import (
    ClientCapabilities,
    ElicitationCapability,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitRequestURLParams,
    ElicitResult,
    FormElicitationCapability,
    InputRequiredResult,
    UrlElicitationCapability,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from imagewright.api.mcp.face import Face, origin_of
from imagewright.core.errors import ConfirmationDeclined, ConfirmationRequired, NotFound
from imagewright.core.quote import Consent
from imagewright.services.wish import Answer

T = TypeVar("T")
Enter = Callable[[Answer | None], Awaitable[T]]
"""Lets an ask in by an answer to its question, if there is one."""

_log = logging.getLogger(__name__)
_SCHEMA = {
    "type": "object",
    "properties": {"spend": {"type": "boolean", "title": "Spend this"}},
    "required": ["spend"],
}
_LOOK_EVERY = 0.5
_CLOSED = "The question was declined, or answers another call; this one spent nothing."
_NO = "The question was answered with no; nothing was spent."


class _Way(StrEnum):
    """How a client can be asked; the key of its answer on the modern protocol."""

    FORM = "spend"
    PAGE = "approve"


_ABLE = {
    _Way.FORM: ElicitationCapability(form=FormElicitationCapability()),
    _Way.PAGE: ElicitationCapability(url=UrlElicitationCapability()),
}


async def order(
    ctx: Context, face: Face, enter: Enter[T], confirm: str | None
) -> T | InputRequiredResult:
    """Let an ask in, asking the client for consent where it is needed and can be given.

    Raises ConfirmationRequired where the client cannot be asked, ConfirmationDeclined on a no.
    """
    asked = ctx.request_state
    answer = await _answered(ctx, face, asked) if asked is not None else _given(confirm)
    try:
        return await enter(answer)
    except ConfirmationRequired as required:
        way = _way(ctx, face, required)
        if way is None or asked is not None:
            raise await _called_for(ctx, face, required) from None
        if _modern(ctx):
            return _question(required, way)
        quote = str(required.details["quote"])
        if way is _Way.FORM:
            await _ask_now(ctx, face, required)
            answer = Answer(quote=quote, consent=Consent.CLIENT)
        else:
            await _lead_now(ctx, face, required)
    return await enter(answer)


async def _called_for(
    ctx: Context, face: Face, required: ConfirmationRequired
) -> ConfirmationRequired:
    """The question that nobody was asked, once somebody else was sent for."""
    await face.approvals.call_for(face.caller(), required, origin_of(ctx))
    return required


def _given(confirm: str | None) -> Answer | None:
    return Answer(quote=confirm, consent=Consent.ECHO) if confirm else None


async def _answered(ctx: Context, face: Face, quote: str) -> Answer | None:
    """The consent that came back to a question of the modern protocol.

    The quote stands in the request state, which the server sealed for this principal, tool and
    arguments: answers without it were never asked for and count nothing. Who was led to the page
    has answered there, if at all.
    """
    answers = ctx.input_responses or {}
    if _Way.PAGE in answers:
        await _check(ctx, face, quote, answers[_Way.PAGE])
        await _approved(face, quote)
        return None
    answer = answers.get(_Way.FORM)
    await _check(ctx, face, quote, answer)
    if not isinstance(answer, ElicitResult) or (answer.content or {}).get("spend") is not True:
        await _close(ctx, face, quote)
        raise ConfirmationDeclined(_NO)
    return Answer(quote=quote, consent=Consent.CLIENT)


async def _check(ctx: Context, face: Face, quote: str, answer: object) -> None:
    """Raise ConfirmationDeclined for what is no yes; a question that was waved away stays open."""
    if isinstance(answer, ElicitResult) and answer.action == "accept":
        return
    if isinstance(answer, ElicitResult) and answer.action == "decline":
        await _close(ctx, face, quote)
    raise ConfirmationDeclined("The question was not answered with yes; nothing was spent.")


async def _close(ctx: Context, face: Face, quote: str) -> None:
    await face.approvals.declined(face.caller(), quote, origin_of(ctx))


async def _approved(face: Face, quote: str) -> None:
    """Return once a person has approved the quote, or has had the time that a call waits."""
    caller = face.caller()
    try:
        async with asyncio.timeout(face.wait):
            # Approved maybe by another process, which cannot wake this one.
            while not await face.approvals.approved(caller, quote):  # noqa: ASYNC110 - as above
                await asyncio.sleep(_LOOK_EVERY)
    except TimeoutError:
        return
    except NotFound:
        raise ConfirmationDeclined(_CLOSED) from None


def _modern(ctx: Context) -> bool:
    request = ctx.request_context
    return request is not None and request.protocol_version in MODERN_PROTOCOL_VERSIONS


def _way(ctx: Context, face: Face, required: ConfirmationRequired) -> _Way | None:
    """By a form where the client's word counts, else by the page where there is one."""
    wanted = _Way.FORM if Consent.CLIENT in face.gate.consents(face.caller()) else _Way.PAGE
    if wanted is _Way.PAGE and "approval_url" not in required.details:
        return None
    able = ctx.session.check_client_capability(ClientCapabilities(elicitation=_ABLE[wanted]))
    return wanted if able else None


def _question(required: ConfirmationRequired, way: _Way) -> InputRequiredResult:
    params: ElicitRequestFormParams | ElicitRequestURLParams
    if way is _Way.PAGE:
        url = str(required.details["approval_url"])
        params = ElicitRequestURLParams(message=required.sentence, url=url)
    else:
        params = ElicitRequestFormParams(message=required.sentence, requested_schema=_SCHEMA)
    return InputRequiredResult(
        result_type="input_required",
        request_state=str(required.details["quote"]),
        input_requests={way: ElicitRequest(method="elicitation/create", params=params)},
    )


async def _ask_now(ctx: Context, face: Face, required: ConfirmationRequired) -> None:
    """Return on a yes. A client that fails to ask is one that cannot be asked."""
    try:
        async with asyncio.timeout(face.elicit_seconds):
            answer = await ctx.elicit(required.sentence, bool, response_title="Spend this")
    except TimeoutError:
        raise ConfirmationDeclined("Nobody answered the question; nothing was spent.") from None
    except (MCPError, ToolError, ValueError):
        _log.info("the client could not ask", exc_info=True)
        raise await _called_for(ctx, face, required) from None
    if isinstance(answer, AcceptedElicitation) and answer.data is True:
        return
    if isinstance(answer, AcceptedElicitation | DeclinedElicitation):
        await _close(ctx, face, str(required.details["quote"]))
    raise ConfirmationDeclined(_NO)


async def _lead_now(ctx: Context, face: Face, required: ConfirmationRequired) -> None:
    """Have the client lead its user to the page, and wait for the answer there.

    A client that fails to is one that cannot be asked.
    """
    quote, url = str(required.details["quote"]), str(required.details["approval_url"])
    try:
        async with asyncio.timeout(face.elicit_seconds):
            answer = await ctx.session.elicit_url(
                required.sentence, url, quote, related_request_id=ctx.request_id
            )
    except TimeoutError:
        raise ConfirmationDeclined("Nobody answered the question; nothing was spent.") from None
    except (MCPError, ValueError):
        _log.info("the client could not ask", exc_info=True)
        raise await _called_for(ctx, face, required) from None
    await _check(ctx, face, quote, answer)
    await _approved(face, quote)
    await ctx.session.send_elicit_complete(quote, related_request_id=ctx.request_id)
