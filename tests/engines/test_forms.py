"""The forms of `imagewright init`, read by the programs that they are written for."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # its types are a package of their own

from imagewright.app.setup.answers import Answers
from imagewright.app.setup.forms import Form, printed
from tests.engines.debian import ensure, obstacle

pytestmark = [pytest.mark.engines, pytest.mark.timeout(600)]

PROGRAMS = {"systemd-analyze": "systemd", "docker-compose": "docker-compose"}
ODD = 'it\'s "100%" $HOME'


@pytest.fixture(scope="module", autouse=True)
def installed() -> None:
    if reason := obstacle(PROGRAMS):
        pytest.skip(reason)
    ensure(PROGRAMS)


def both(directory: Path) -> list[Answers]:
    """Plain answers, and answers whose every path has to be quoted."""
    plain = Answers(directory=directory, state=Path("/var/lib/imagewright"), subject="user:alice")
    odd = directory / ODD
    key = directory / "elsewhere" / "a $key"
    paid: dict[str, Any] = {"provider": "openai", "key_file": key, "budget": "20", "port": 9090}
    return [plain, Answers(directory=odd, state=odd / "state", subject="user:alice", **paid)]


def analysed(unit: Path, text: str) -> tuple[int, str]:
    """What systemd says of a unit, without a running systemd."""
    unit.write_text(text)
    command = ["systemd-analyze", "verify", "--man=no", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    for given in both(tmp_path):
        text = printed(Form.SYSTEMD, given)
        assert analysed(tmp_path / "imagewright.service", text) == (0, "")
        # What it would have said: an unknown directive is passed over with exit code 0.
        wrong = text.replace("ProtectClock=", "ProtectClocks=")
        assert "ProtectClocks" in analysed(tmp_path / "imagewright.service", wrong)[1]


def composed(directory: Path, text: str) -> "subprocess.CompletedProcess[str]":
    (directory / "compose.yaml").write_text(text)
    command = ["docker-compose", "--project-name", "iw", "--file", "compose.yaml", "config"]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)


def test_compose_takes_the_file_and_finds_the_paths_in_it(tmp_path: Path) -> None:
    for given in both(tmp_path):
        done = composed(tmp_path, printed(Form.COMPOSE, given))
        assert (done.returncode, done.stderr) == (0, "")
        service: dict[str, Any] = yaml.safe_load(done.stdout)["services"]["imagewright"]
        mounted = [f"{given.directory}:/etc/imagewright:ro"]
        if given.key_file is not None:
            mounted.append(f"{given.key_file}:{given.key_file}:ro")
        assert service["volumes"] == [*mounted, "state:/var/lib/imagewright:rw"]
        assert service["ports"] == [f"127.0.0.1:{given.port}:{given.port}/tcp"]
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        wrong = printed(Form.COMPOSE, given).replace("read_only:", "read_olny:")
        assert composed(tmp_path, wrong).returncode != 0
