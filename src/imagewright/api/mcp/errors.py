"""The one place where an error becomes an answer of the MCP face."""

import functools
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ParamSpec

from fastmcp import Context
from fastmcp.exceptions import FastMCPError, NotFoundError
from fastmcp.exceptions import ValidationError as BadArguments
from fastmcp.tools.base import ToolResult
from mcp.shared.exceptions import MCPError
from mcp.types import INTERNAL_ERROR, INVALID_PARAMS, TextContent
from pydantic import ValidationError

from imagewright.api.mcp.face import Face, face_of
from imagewright.api.mcp.witnessed import heed
from imagewright.core.errors import Fault, Internal, InvalidRequest, NotFound
from imagewright.core.ids import Kind

_log = logging.getLogger(__name__)
_NAME = 64
P = ParamSpec("P")


def error_result(fault: Fault) -> ToolResult:
    """A tool's error: the sentence and hint as text, all of it as structured content."""
    public = fault.public()
    text = f"{fault.code}: {fault.sentence} {public['hint']}"
    if fault.details:
        text += f"\n{json.dumps(dict(fault.details), ensure_ascii=False, default=str)}"
    return ToolResult(
        content=[TextContent(type="text", text=text)],
        structured_content={"error": public},
        is_error=True,
    )


class ResourceFault(FastMCPError):
    """A fault on its way through the framework, which logs and masks every other exception."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.sentence, log_level=logging.DEBUG)
        self.fault = fault


def resource_error(fault: Fault) -> MCPError | NotFoundError:
    """A resource's error; a missing one is told as an address that never was."""
    if isinstance(fault, NotFound):
        return NotFoundError("Unknown resource")
    code = INVALID_PARAMS if fault.status < Internal.status else INTERNAL_ERROR
    return MCPError(code=code, message=fault.sentence, data=fault.public())


def answering(call: Callable[P, Awaitable[Any]]) -> Callable[P, Awaitable[Any]]:
    """A tool that turns every fault into an answer, and counts how it went."""
    counted = _counted(call)

    @functools.wraps(call)
    async def answered(*args: P.args, **kwargs: P.kwargs) -> Any:
        try:
            return await counted(*args, **kwargs)
        except Fault as fault:
            return error_result(fault)

    return answered


def answering_resource(call: Callable[P, Awaitable[Any]]) -> Callable[P, Awaitable[Any]]:
    """A resource that turns every fault into one the surface knows, and counts how it went."""
    counted = _counted(call)

    @functools.wraps(call)
    async def answered(*args: P.args, **kwargs: P.kwargs) -> Any:
        try:
            return await counted(*args, **kwargs)
        except Fault as fault:
            raise ResourceFault(fault) from None

    return answered


def _counted(call: Callable[P, Awaitable[Any]]) -> Callable[P, Awaitable[Any]]:
    """Raises nothing but faults: whatever else broke is logged, and becomes an incident."""

    async def counted(*args: P.args, **kwargs: P.kwargs) -> Any:
        ctx = _context(args, kwargs)
        face = face_of(ctx)
        began = time.monotonic()
        code = "ok"
        try:
            return await call(*args, **kwargs)
        except Fault as fault:
            code = fault.code
            given = {name: each for name, each in kwargs.items() if each is not ctx}
            heed(face, ctx, call.__name__, given, fault)
            raise
        except Exception:  # noqa: BLE001 - whatever breaks becomes an incident
            broken = incident(face, call.__name__)
            code = broken.code
            raise broken from None
        finally:
            face.telemetry.call(call.__name__, code, time.monotonic() - began)

    return counted


def _context(args: tuple[object, ...], kwargs: Mapping[str, object]) -> Context:
    """The framework hands it over by the name it has in every signature here."""
    named = kwargs.get("ctx")
    if isinstance(named, Context):
        return named
    return next(each for each in args if isinstance(each, Context))


def incident(face: Face, component: str) -> Internal:
    """Log what broke and where, under an id that the answer carries; the words stay here."""
    name = face.new_id(Kind.INCIDENT)
    _log.error("incident", exc_info=True, extra={"incident": name, "component": component})
    return Internal(f"Internal error ({name}).", hint="Give the id to the operator.")


def check_text(value: object) -> None:
    """Raise InvalidRequest for text with half a surrogate pair, which no answer could repeat."""
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise InvalidRequest(
                "A text holds half of a surrogate pair.", hint="Send valid Unicode text."
            ) from None
    elif isinstance(value, dict):
        check_text([*value, *value.values()])
    elif isinstance(value, list):
        for each in value:
            check_text(each)


def bad_arguments(fault: BadArguments) -> InvalidRequest:
    """What is wrong with a call's arguments, without repeating their values."""
    cause = fault.__cause__
    if not isinstance(cause, ValidationError):
        return InvalidRequest("The arguments do not fit the tool's schema.")
    return not_valid(cause)


def not_valid(cause: ValidationError) -> InvalidRequest:
    """Likewise, of arguments that were checked against a tool's signature."""
    faults = [
        {
            "argument": ".".join(str(part) for part in each["loc"])[:_NAME],
            "problem": each["msg"].removeprefix("Value error, "),
        }
        for each in cause.errors(include_url=False, include_input=False, include_context=False)
    ]
    first = faults[0]
    return InvalidRequest(
        f"The argument {first['argument']} is not valid: {first['problem']}.",
        hint="See the tool's schema.",
        details={"arguments": faults[:10]},
    )
