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
EGRESS = directives(UNITS / "imagewright-egress.service")
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


def rows(heading: str) -> list[str]:
    """The directives under a heading of the egress proxy's page, each with a sentence."""
    found = tables(DOCS / "reference/egress.md", heading)
    assert all(row["Why"].endswith(".") for row in found)
    return [codes(row["Directive"])[0] for row in found]


def test_every_directive_of_the_profile_has_its_sentence() -> None:
    assert sorted(rows("The drop-in")) == sorted(directives(UNITS / "imagewright-egress.conf"))
    assert sorted(rows("The proxy's socket")) == sorted(
        directives(UNITS / "imagewright-egress.socket")
    )


def test_the_proxys_unit_is_the_services_but_for_what_is_told() -> None:
    other = {name for name, values in EGRESS.items() if SERVICE.get(name) != values}
    assert sorted(rows("The proxy's unit")) == sorted(other)
    text = (DOCS / "reference/egress.md").read_text("utf-8")
    (line,) = (each for each in text.splitlines() if each.startswith("It has no `"))
    assert set(codes(line)) == SERVICE.keys() - EGRESS.keys()


def test_the_profile_uses_the_proxys_socket() -> None:
    (path,) = directives(UNITS / "imagewright-egress.socket")["ListenStream"]
    drop_in = directives(UNITS / "imagewright-egress.conf")
    assert drop_in["Environment"] == [f"IMAGEWRIGHT_EGRESS__SOCKET={path}"]
    assert drop_in["BindReadOnlyPaths"] == [path.rpartition("/")[0]]
    assert EGRESS["User"] != SERVICE["User"]
    (seconds,) = EGRESS["TimeoutStopSec"]
    assert int(seconds) > Server().drain
