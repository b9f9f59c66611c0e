"""Logs: structured, one line an event, without what callers say or show."""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, TextIO

import structlog

_QUIET = ("fastmcp", "FastMCP", "mcp", "httpx", "httpcore", "uvicorn", "uvicorn.error", "alembic")

_KEPT = frozenset(
    {"_record", "_from_structlog", "level", "logger", "timestamp", "exception", "frames"}
)


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
    handler = _Handler(stream)
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
    """Keep only our own sentences: of a library's message where it came from is left, no more."""
    name = str(event.get("logger", ""))
    if name.partition(".")[0] in {"imagewright", "uvicorn"}:
        return event
    kept = _KEPT | structlog.contextvars.get_contextvars().keys()
    return {
        **{key: value for key, value in event.items() if key in kept},
        "event": "library message withheld",
    }


class _Handler(logging.StreamHandler[TextIO]):
    """The standard handler shows a message that cannot be written, arguments and all."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Say that a line is missing, and from where."""
        with suppress(OSError, ValueError):
            self.stream.write(f"a line of {record.name} could not be logged\n")
