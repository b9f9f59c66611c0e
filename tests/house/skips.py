"""A pytest plugin: a test that did not run is named, counted and, in CI, a failure."""

import os
from collections.abc import Iterable
from pathlib import Path

import pytest


def _sentence(report: pytest.TestReport | pytest.CollectReport) -> str:
    place, reason = report.nodeid, ""
    if isinstance(report.longrepr, tuple):
        path, line, reason = report.longrepr
        place = report.nodeid or f"{Path(path).name}:{line}"
    return f"{place}: {reason.removeprefix('Skipped: ')}"


def _skips(terminal: pytest.TerminalReporter) -> list[str]:
    reports: Iterable[pytest.TestReport | pytest.CollectReport] = terminal.stats.get("skipped", [])
    return [_sentence(report) for report in reports]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Lists what did not run, after everything else that pytest says."""
    if not (skips := _skips(terminalreporter)):
        return
    terminalreporter.section(f"{len(skips)} NOT RUN", sep="!", red=True, bold=True)
    for sentence in skips:
        terminalreporter.write_line(sentence, red=True)
    if os.environ.get("CI"):
        terminalreporter.write_line("CI is set: what was not run counts as failed", red=True)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Turns a good end into a bad one when CI is set and anything was skipped."""
    terminal = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == pytest.ExitCode.OK and os.environ.get("CI") and terminal and _skips(terminal):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
