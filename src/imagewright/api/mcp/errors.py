"""The one place where an error becomes an answer of the MCP face."""

import functools
import json
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ParamSpec

from fastmcp import Context
from fastmcp.exceptions import ValidationError as BadArguments
from fastmcp.tools.base import ToolResult
from mcp.shared.exceptions import MCPError
from mcp.types import INTERNAL_ERROR, INVALID_PARAMS, TextContent
from pydantic import ValidationError

from imagewright.api.mcp.face import Face, face_of
from imagewright.core.errors import Fault, Internal, InvalidRequest
from imagewright.core.ids import Kind

_log = logging.getLogger(__name__)
P = ParamSpec("P")


def error_result(fault: Fault) -> ToolResult:
    """A tool's error: the sentence and hint as text, all of it as structured content."""
    public = fault.public()
    text = f"{fault.code}: {fault.sentence}"
    if fault.hint:
        text += f" {fault.hint}"
    if fault.details:
        text += f"\n{json.dumps(dict(fault.details), ensure_ascii=False, default=str)}"
    return ToolResult(
        content=[TextContent(type="text", text=text)],
        structured_content={"error": public},
        is_error=True,
    )


def resource_error(fault: Fault) -> MCPError:
    """A resource's error; a missing one is told by the face in the protocol's own words."""
    code = INVALID_PARAMS if fault.status < Internal.status else INTERNAL_ERROR
    return MCPError(code=code, message=fault.sentence, data=fault.public())


def answering(
    call: Callable[P, Awaitable[Any]],
) -> Callable[P, Awaitable[Any]]:
    """A tool that turns every fault into an answer, and counts how it went."""

    @functools.wraps(call)
    async def answered(*args: P.args, **kwargs: P.kwargs) -> Any:
        face = face_of(_context(args, kwargs))
        began = time.monotonic()
        code = "ok"
        try:
            return await call(*args, **kwargs)
        except Fault as fault:
            code = fault.code
            return error_result(fault)
        except Exception:
            broken = incident(face, call.__name__)
            code = broken.code
            return error_result(broken)
        finally:
            face.telemetry.call(call.__name__, code, time.monotonic() - began)

    return answered


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


def bad_arguments(fault: BadArguments) -> InvalidRequest:
    """What is wrong with a call's arguments, without repeating their values."""
    cause = fault.__cause__
    if not isinstance(cause, ValidationError):
        return InvalidRequest("The arguments do not fit the tool's schema.")
    faults = [
        {"argument": ".".join(str(part) for part in each["loc"]), "problem": each["msg"]}
        for each in cause.errors(include_url=False, include_input=False, include_context=False)
    ]
    first = faults[0]
    return InvalidRequest(
        f"The argument {first['argument']} is not valid: {first['problem']}.",
        hint="See the tool's schema.",
        details={"arguments": faults[:10]},
    )
