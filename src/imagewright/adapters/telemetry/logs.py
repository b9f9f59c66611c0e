"""Logs: structured, one line an event, without what callers say or show."""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Literal, TextIO

import structlog

_QUIET = ("fastmcp", "FastMCP", "mcp", "httpx", "httpcore", "uvicorn", "uvicorn.error", "alembic")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfig:
    """How much is logged, and in which form."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console"] = "json"


def configure(config: LogConfig, stream: TextIO = sys.stderr) -> None:
    """Send every logger's lines to the stream, with request id and UTC time, ours at the level set.

    Libraries are heard from warnings on; their messages may hold what callers sent, so only
    the name of the event stays.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        frames_only,
        library_words,
    ]
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if config.format == "json"
        else structlog.dev.ConsoleRenderer(colors=stream.isatty())
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("imagewright").setLevel(config.level.upper())
    for name in _QUIET:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.WARNING)


def frames_only(
    _logger: object, _method: str, event: MutableMapping[str, object]
) -> MutableMapping[str, object]:
    """Replace an exception by its type and frames: its message may hold a prompt or a key."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    fault = info[1] if isinstance(info, tuple) else info
    if isinstance(fault, BaseException):
        event["exception"] = type(fault).__name__
        event["frames"] = [
            f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(fault.__traceback__)[-12:]
        ]
    return event


def library_words(
    _logger: object, _method: str, event: MutableMapping[str, object]
) -> MutableMapping[str, object]:
    """Keep only our own sentences: a library's message is replaced by where it came from."""
    name = str(event.get("logger", ""))
    if name.partition(".")[0] not in {"imagewright", "uvicorn"}:
        event["event"] = "library message withheld"
    return event
