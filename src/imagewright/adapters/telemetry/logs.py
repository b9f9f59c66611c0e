"""Logs: structured, one line an event, without what callers say or show."""

import json
import logging
import sys
import traceback
from collections.abc import MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
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
    if config.format == "json":
        render: structlog.typing.Processor = _Json()
    else:
        render = structlog.dev.ConsoleRenderer(colors=stream.isatty())
    handler = _Handler(stream)
    handler.setFormatter(_Lines(render))
    # No line tells them, so no record need ask.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("imagewright").setLevel(config.level.upper())
    for name in _QUIET:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.WARNING)


class _Lines(logging.Formatter):
    """A record as an event, told what its context holds, through the processors.

    `at` is when it happened, in seconds since 1970, where that is not when it was told.

    structlog's own bridge does the same at several times the cost, on each request.
    """

    def __init__(self, render: structlog.typing.Processor) -> None:
        super().__init__()
        self._render = render

    def format(self, record: logging.LogRecord) -> str:
        given = record.__dict__
        created = given.get("at", record.created)
        event: dict[str, object] = {
            "event": record.getMessage(),
            **structlog.contextvars.get_contextvars(),
            "level": record.levelname.lower(),
            "logger": record.name,
            **{name: given[name] for name in given if name not in _OF_EVERY_RECORD},
            "timestamp": f"{datetime.fromtimestamp(created, UTC):%Y-%m-%dT%H:%M:%S.%fZ}",
        }
        if record.exc_info:
            event["exc_info"] = record.exc_info
            event = dict(frames_only(None, "", event))
        if record.stack_info:
            event["stack_info"] = record.stack_info
        return str(self._render(None, record.levelname, library_words(None, "", event)))


class _Json:
    """An event as one line of JSON; what JSON has no word for is told as text."""

    def __init__(self) -> None:
        self._encode = json.JSONEncoder(default=str).encode

    def __call__(self, _logger: object, _method: str, event: MutableMapping[str, object]) -> str:
        return self._encode(event)


_OF_EVERY_RECORD = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "at"}


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
