"""Logs: our own sentences, and nothing that anybody else said."""

import asyncio
import io
import itertools
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Literal

import httpx
import pytest
import structlog
from starlette.types import Message, Receive, Scope, Send

from imagewright.adapters.telemetry.logs import LogConfig, configure, frames_only, library_words
from imagewright.adapters.telemetry.metrics import Metrics
from imagewright.api.http.requests import RequestLog

SECRET = "a-cat-nobody-may-read-about"
OURS = "imagewright.services.work"
Form = Literal["json", "console"]
Level = Literal["debug", "info", "error"]


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    """Whatever is configured is put back."""
    root = logging.getLogger()
    names = [None, "imagewright", "uvicorn", "httpx", "fastmcp"]
    before = [(logging.getLogger(name), logging.getLogger(name).level) for name in names]
    handlers = root.handlers[:]
    yield
    root.handlers[:] = handlers
    for logger, level in before:
        logger.setLevel(level)


@pytest.fixture(params=["json", "console"])
def form(request: pytest.FixtureRequest) -> Form:
    chosen: Form = request.param
    return chosen


class Log:
    """What was written."""

    def __init__(self, form: Form = "json", level: Level = "info") -> None:
        self.stream = io.StringIO()
        configure(LogConfig(level=level, format=form), self.stream)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]


def test_a_line_is_one_event_with_its_place_time_and_values() -> None:
    log = Log()
    logging.getLogger(OURS).warning("partial dropped", extra={"job": "job_1"})
    (line,) = log.lines
    assert line.pop("timestamp").endswith("Z")
    assert line == {"event": "partial dropped", "level": "warning", "logger": OURS, "job": "job_1"}


def test_lines_of_a_request_carry_its_id(form: Form) -> None:
    log = Log(form)
    with structlog.contextvars.bound_contextvars(request="req_1"):
        logging.getLogger(OURS).info("called")
        logging.getLogger("httpx").warning("called")
    assert log.text.count("req_1") == 2


@pytest.mark.parametrize(("level", "lines"), [("debug", 3), ("info", 2), ("error", 1)])
def test_ours_are_heard_from_the_level_set(level: Any, lines: int) -> None:
    log = Log(level=level)
    for say in (logging.DEBUG, logging.INFO, logging.ERROR):
        logging.getLogger(OURS).log(say, "event")
    assert len(log.lines) == lines


def test_libraries_are_heard_from_warnings_on() -> None:
    log = Log(level="debug")
    for name in ("httpx", "mcp.server", "uvicorn.error", "unheard.of"):
        logging.getLogger(name).info(SECRET)
        logging.getLogger(name).warning("x")
    assert len(log.lines) == 4


def failing(prompt: str) -> None:
    raise ValueError(prompt)


@pytest.mark.parametrize("name", [OURS, "httpx"])
def test_of_an_exception_only_type_and_frames_are_shown(form: Form, name: str) -> None:
    log = Log(form)
    try:
        try:
            failing(SECRET)
        except ValueError as error:
            raise RuntimeError(SECRET) from error
    except RuntimeError:
        logging.getLogger(name).exception("provider broke", stack_info=False)
    assert SECRET not in log.text
    assert "RuntimeError" in log.text
    assert "test_logs.py" in log.text


def test_of_a_deep_stack_the_innermost_frames_are_shown() -> None:
    log = Log()

    def deep(left: int) -> None:
        if not left:
            failing(SECRET)
        deep(left - 1)

    try:
        deep(50)
    except ValueError:
        logging.getLogger(OURS).exception("provider broke")
    frames = log.lines[0]["frames"]
    assert len(frames) == 12
    assert frames[-1].endswith(" failing")


def test_no_words_of_a_library_come_through(form: Form) -> None:
    log = Log(form)
    extra = {"body": SECRET, "prompt": SECRET}
    logging.getLogger("httpx").error("sent %s", SECRET, extra=extra, stack_info=True)
    logging.getLogger("imagewrightly").error(SECRET)
    logging.getLogger().error(SECRET)
    assert SECRET not in log.text
    assert log.text.count("library message withheld") == 3
    assert "httpx" in log.text


def test_the_servers_own_words_come_through() -> None:
    log = Log()
    logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")
    assert log.lines[0]["event"] == "Invalid HTTP request received."


def test_a_line_that_cannot_be_written_is_missed_and_not_shown_elsewhere(
    form: Form, capsys: pytest.CaptureFixture[str]
) -> None:
    log = Log(form)
    logging.getLogger("httpx").error("%d bytes", SECRET)
    assert log.text == "a line of httpx could not be logged\n"
    assert SECRET not in "".join(capsys.readouterr())


def test_a_stream_that_is_gone_stops_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    log = Log()
    log.stream.close()
    logging.getLogger(OURS).error("event", extra={"job": SECRET})
    assert SECRET not in "".join(capsys.readouterr())


def test_to_configure_again_replaces_what_was() -> None:
    first, second = Log(), Log()
    logging.getLogger(OURS).error("event")
    assert (first.text, len(second.lines)) == ("", 1)


def test_a_librarys_own_handlers_are_silenced(form: Form) -> None:
    elsewhere = io.StringIO()
    logging.getLogger("fastmcp").addHandler(logging.StreamHandler(elsewhere))
    log = Log(form)
    logging.getLogger("fastmcp.server").error(SECRET)
    assert (elsewhere.getvalue(), SECRET in log.text) == ("", False)


def test_exceptions_are_known_in_every_form_they_are_given() -> None:
    error = ValueError(SECRET)
    for info in (error, (ValueError, error, None)):
        told = frames_only(None, "", {"event": "x", "exc_info": info})
        assert told == {"event": "x", "exception": "ValueError", "frames": []}
    try:
        failing(SECRET)
    except ValueError:
        assert frames_only(None, "", {"exc_info": True})["exception"] == "ValueError"
    for none in (None, False, (None, None, None)):
        assert frames_only(None, "", {"exc_info": none}) == {}


def test_an_event_from_nowhere_is_withheld() -> None:
    assert library_words(None, "", {"event": SECRET}) == {"event": "library message withheld"}


async def _empty(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


async def test_lines_of_requests_come_together_each_with_its_own_time_and_id() -> None:
    log, ids = Log(), itertools.count()
    app = RequestLog(_empty, Metrics(), lambda: f"req_{next(ids)}", frozenset({"/health"}))
    asked = []
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://a.example"
    ) as client:
        for _ in range(3):
            begun = datetime.now(UTC)
            await client.get("/health")
            asked.append((begun, datetime.now(UTC)))
        assert log.lines == []
        await asyncio.sleep(0.2)
        assert [line["request"] for line in log.lines] == ["req_0", "req_1", "req_2"]
        times = [datetime.fromisoformat(line["timestamp"]) for line in log.lines]
        spans = zip(times, asked, strict=True)
        assert all(begun <= told <= ended for told, (begun, ended) in spans)


async def test_lines_of_requests_do_not_wait_beyond_the_end() -> None:
    log = Log()
    app = RequestLog(_empty, Metrics(), lambda: "req_1", frozenset())
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://a.example"
    ) as client:
        await client.get("/health")
    await app({"type": "lifespan"}, _never, _ignored)
    (line,) = log.lines
    assert (line["event"], line["route"], line["status"]) == ("request", "other", 204)


async def _never() -> Message:
    raise AssertionError("nothing is received")


async def _ignored(_message: Message) -> None:
    return
