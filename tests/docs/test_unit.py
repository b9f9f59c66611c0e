"""The page on the units has a sentence for each of their lines."""

import re
from pathlib import Path

import pytest

from imagewright.cli.sources import BAD_CONFIGURATION
from imagewright.settings.sections import Server
from tests.docs.pages import DOCS, ROOT, codes, tables

PAGE = DOCS / "reference/unit.md"
UNITS = ROOT / "packaging/systemd"
_LINE = re.compile(r"(\w+)=(.*)")


def directives(path: Path) -> dict[str, list[str]]:
    """The values of each directive of a unit file."""
    found: dict[str, list[str]] = {}
    for line in path.read_text("utf-8").splitlines():
        if matched := _LINE.match(line):
            found.setdefault(matched[1], []).append(matched[2])
    return found


SERVICE = directives(UNITS / "imagewright.service")
BACKUP = directives(UNITS / "imagewright-backup.service")
TIMER = directives(UNITS / "imagewright-backup.timer")
NIGHTLY = "The nightly backup"
_ABOUT = {"Description", "Documentation"}


def test_every_directive_has_its_sentence() -> None:
    nightly = tables(PAGE, NIGHTLY)
    rows = [row for row in tables(PAGE) if "Directive" in row and row not in nightly]
    named = [codes(row["Directive"])[0] for row in rows]
    socket = directives(UNITS / "imagewright.socket")
    assert set(named) == SERVICE.keys() | socket.keys()
    assert len(named) == len(set(named))
    assert all(row["Why"].endswith(".") for row in rows)


def test_what_the_backup_has_otherwise_than_the_service_has_its_sentence() -> None:
    rows = tables(PAGE, NIGHTLY)
    named = [codes(row["Directive"])[0] for row in rows]
    otherwise = {name for name, values in BACKUP.items() if SERVICE.get(name) != values}
    assert set(named) == (otherwise | TIMER.keys()) - _ABOUT
    assert len(named) == len(set(named))
    assert all(row["Why"].endswith(".") for row in rows)


def test_the_backup_lacks_nothing_of_the_services_sandbox() -> None:
    apart = {name for name in SERVICE if name.startswith(("Restart", "Start", "Timeout"))}
    apart |= {"Wants", "NotifyAccess", "ExecReload", "WatchdogSec", "LimitNOFILE", "OOMPolicy"}
    assert SERVICE.keys() - BACKUP.keys() - {"WantedBy"} == apart - {"TimeoutStartSec"}


def test_the_unit_waits_longer_than_the_drain() -> None:
    (seconds,) = SERVICE["TimeoutStopSec"]
    assert int(seconds) > Server().drain


def test_a_bad_configuration_is_not_tried_again() -> None:
    (prevented,) = SERVICE["RestartPreventExitStatus"]
    assert str(BAD_CONFIGURATION) in prevented.split()


@pytest.mark.parametrize("name", ["imagewright.socket"])
def test_the_socket_is_the_services_address(name: str) -> None:
    assert directives(UNITS / name)["ListenStream"] == [f"{Server().host}:{Server().port}"]
