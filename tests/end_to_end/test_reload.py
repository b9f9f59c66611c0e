"""The operator's files while the service runs: changed, broken, gone, and there again."""

from pathlib import Path
from typing import Any

import pytest
from prometheus_client import generate_latest

from tests.end_to_end.service import ACL, OWNER, Service, configured, running
from tests.end_to_end.wire import Peer

KEPT: dict[str, list[str]] = {"acl": [], "tokens": []}


def write(path: Path, text: str) -> None:
    beside = path.with_suffix(".new")
    beside.write_text(text)
    beside.chmod(0o600)
    beside.replace(path)


def faulty(service: Service) -> set[str]:
    """The files that the metric says are not in force."""
    lines = generate_latest(service.app.parts.metrics.registry).decode().splitlines()
    gauge = [line for line in lines if line.startswith("imagewright_configuration_fault{")]
    assert len(gauge) == 2
    return {line.split('"')[1] for line in gauge if line.endswith(" 1.0")}


async def ready(service: Service, who: str | None = None) -> dict[str, Any]:
    """What /ready tells, with status 200; nobody's request comes from loopback."""
    async with service.http(who) as http:
        answer = await http.get("/ready")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


async def may_list(service: Service, who: str = OWNER) -> int:
    """How many tools the subject sees, or the status of the refusal."""
    async with service.http(who) as http:
        answer = await Peer(http, "auto").ask("tools/list")
    return len(answer.result["tools"]) if answer.status == 200 else -answer.status


async def test_a_broken_acl_keeps_the_last_good_and_is_told_to_admins(service: Service) -> None:
    path = service.app.settings.state / "acl.toml"
    assert (await ready(service))["configuration"] == KEPT
    assert faulty(service) == set()
    before = await may_list(service)
    write(path, ACL.replace('"*"', '"everything"'))
    service.app.refresh()
    for who in (None, OWNER):
        told = (await ready(service, who))["configuration"]
        assert told["tokens"] == []
        (said,) = told["acl"]
        assert said.startswith(f"{path}:3: ")
        assert "There is no scope 'everything'." in said
    assert (await may_list(service), faulty(service)) == (before, {"acl"})
    write(path, ACL)
    service.app.refresh()
    assert ((await ready(service))["configuration"], faulty(service)) == (KEPT, set())


async def test_strangers_learn_nothing_of_the_files(tmp_path: Path) -> None:
    settings, tokens = configured(tmp_path / "state")
    async with running(settings, tokens) as service:
        (tmp_path / "state" / "acl.toml").write_text("[subjects")
        service.app.refresh()
        async with service.http(None) as http:
            answer = await http.get("/ready", headers={"X-Forwarded-For": "192.0.2.1"})
    assert (answer.status_code, answer.json()) == (200, {"ready": True})


@pytest.mark.parametrize(("file", "seen"), [("acl", 0), ("tokens", -401)])
async def test_a_file_that_is_gone_means_nobody_until_it_is_back(
    service: Service, file: str, seen: int
) -> None:
    path = service.app.settings.state / f"{file}.toml"
    text, before = path.read_text(), await may_list(service)
    path.unlink()
    service.app.refresh()
    assert await may_list(service) == seen
    (said,) = (await ready(service))["configuration"][file]
    assert said.startswith(f"{path}: The file is gone")
    assert faulty(service) == {file}
    write(path, text)
    service.app.refresh()
    assert await may_list(service) == before
    assert faulty(service) == set()
