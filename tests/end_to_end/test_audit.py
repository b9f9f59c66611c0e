"""The audit of a running service, read and verified by commands beside it."""

import asyncio
import json
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from imagewright.adapters.sql.engines import NotMade
from imagewright.app.auditing import AdminAct, enter_acts
from tests.end_to_end.program import beside, program
from tests.end_to_end.service import OWNER, STRANGER, Service, configured, running

FREE = {"prompt": "a fox", "size": "64x48"}


async def command(state: Path, *words: str) -> tuple[int, str]:
    """What `imagewright audit` says."""
    return await beside(state, "audit", *words)


async def made(service: Service, who: str = OWNER, prompt: str = "a fox") -> None:
    async with service.client(who) as client:
        await client.call_tool("generate_image", {**FREE, "prompt": prompt})


def read(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


async def until_sealed(state: Path) -> str:
    """What verify says once nothing waits any more."""
    for _ in range(100):
        code, said = await command(state, "verify")
        assert code == 0, said
        if " 0 lines wait" in said and "none" not in said:
            return said
        await asyncio.sleep(0.1)
    raise TimeoutError


async def test_a_running_service_is_verified_beside_it(service: Service) -> None:
    state = service.app.settings.state
    await made(service)
    said = await until_sealed(state)
    assert said.startswith("ok: ")
    head = said.split()[-1]
    await made(service, prompt="another")
    assert (await command(state, "verify", "--head", head))[0] == 0
    code, said = await command(state, "verify", "--head", "900:0123456789abcdef")
    assert (code, "cut off" in said) == (1, True)
    code, said = await command(state, "verify", "--head", "900")
    assert (code, said.partition(".")[0]) == (2, "The head is not of the form number:letters")


async def test_export_and_tail_tell_the_same_lines(service: Service) -> None:
    state = service.app.settings.state
    await made(service)
    await made(service, STRANGER, "a dog")
    await until_sealed(state)
    exported = read((await command(state, "export"))[1])
    entries = [each["entry"] for each in exported if "entry" in each]
    assert entries == read((await command(state, "tail"))[1])
    assert entries[-1:] == read((await command(state, "tail", "-n", "1"))[1])
    theirs = read((await command(state, "tail", "--subject", STRANGER))[1])
    assert theirs == [each for each in entries if each["subject"] == STRANGER]
    assert {"admit", "settle"} <= {each["action"] for each in theirs}
    chosen = read((await command(state, "export", "--subject", STRANGER))[1])
    assert [each["entry"] for each in chosen if "entry" in each] == theirs
    assert read((await command(state, "export", "--until", "2001-01-01"))[1]) == []
    assert read((await command(state, "export", "--since", "2001-01-01T00:00:00Z"))[1]) == exported


async def test_following_shows_what_is_new(service: Service, tmp_path: Path) -> None:
    state = service.app.settings.state
    await made(service)
    environment = {"PATH": os.environ["PATH"], "IMAGEWRIGHT_STATE": str(state)}
    words = ("audit", "tail", "--follow", "-n", "1")
    async with program(tmp_path / "log", *words, env=environment) as tailing:
        output = tailing.process.stdout
        assert output is not None
        async with asyncio.timeout(20):
            first = json.loads(await output.readline())
            await made(service, prompt="another")
            second, third = json.loads(await output.readline()), json.loads(await output.readline())
    ids = [first["id"], second["id"], third["id"]]
    assert ids == sorted(set(ids))
    assert [second["action"], third["action"]] == ["admit", "settle"]


async def test_a_service_that_ends_leaves_nothing_unsealed(tmp_path: Path) -> None:
    settings, tokens = configured(tmp_path / "state")
    async with running(settings, tokens) as service:
        await made(service)
    code, said = await command(settings.state, "verify")
    assert (code, " 0 lines wait" in said) == (0, True)
    assert not said.startswith("ok: 0 seals")


async def test_reading_leaves_a_stopped_state_as_it_was(tmp_path: Path) -> None:
    settings, tokens = configured(tmp_path / "state")
    async with running(settings, tokens) as service:
        await made(service)
    before = {path: path.stat().st_mtime_ns for path in settings.state.rglob("*") if path.is_file()}
    for words in (["verify"], ["export"], ["tail"]):
        assert (await command(settings.state, *words))[0] == 0
    after = {path: path.stat().st_mtime_ns for path in settings.state.rglob("*") if path.is_file()}
    assert after == before


async def test_a_changed_line_is_named_with_exit_code_1(tmp_path: Path) -> None:
    settings, tokens = configured(tmp_path / "state")
    async with running(settings, tokens) as service:
        await made(service)
    with sqlite3.connect(settings.state / "imagewright.db") as database:
        database.execute("DROP TRIGGER audit_keeps_rows")
        database.execute("UPDATE audit SET amount = 1 WHERE action = 'admit'")
    code, said = await command(settings.state, "verify")
    assert code == 1
    assert said.startswith("broken: seal ")
    assert "A line was changed, or the seal." in said


@pytest.mark.parametrize("words", ["verify", "export", "tail"])
async def test_what_is_not_there_is_said_and_not_made(tmp_path: Path, words: str) -> None:
    state = tmp_path / "state"
    code, said = await command(state, words)
    assert (code, "master.key" in said) == (1, True)
    assert not state.exists()
    state.mkdir()
    (state / "master.key").write_bytes(b"k" * 32)
    (state / "master.key").chmod(0o600)
    code, said = await command(state, words)
    assert (code, "no database" in said) == (1, True)
    assert [path.name for path in state.iterdir()] == ["master.key"]


async def test_another_services_key_proves_nothing(tmp_path: Path) -> None:
    settings, tokens = configured(tmp_path / "state")
    async with running(settings, tokens) as service:
        await made(service)
    (settings.state / "master.key").write_bytes(b"k" * 32)
    code, said = await command(settings.state, "verify")
    assert (code, "another key" in said) == (1, True)


async def test_what_a_command_does_is_entered_beside_the_service_and_sealed(
    service: Service,
) -> None:
    act = AdminAct(
        by="root", action="token_add", thing="tok_1", outcome="added", shape={"subject": "user:a"}
    )
    await enter_acts(service.app.settings, [act, act])
    state = service.app.settings.state
    await until_sealed(state)
    found = read((await command(state, "tail", "--subject", "operator"))[1])
    line, again = [each for each in found if each["action"] == "token_add"]
    assert (line["thing"], line["credential"]) == ("tok_1", "root")
    assert line["shape"] == again["shape"] == {"subject": "user:a"}


async def test_an_act_before_the_first_start_makes_no_database(tmp_path: Path) -> None:
    settings, _ = configured(tmp_path / "state")
    act = AdminAct(by="root", action="token_add", thing="tok_1", outcome="added")
    with pytest.raises(NotMade):
        await enter_acts(settings, [act])
    assert not list(settings.state.glob("imagewright.db*"))
