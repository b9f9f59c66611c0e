"""What thieves of codes, tokens, names and browsers get from the authorization server: nothing."""

import json
import sqlite3
from asyncio import to_thread
from contextlib import closing
from pathlib import Path

import pytest

from tests.end_to_end.proxies import Stage, staged
from tests.end_to_end.registrant import BACK, Recorded
from tests.identity.people import SECRET, People


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'"x"', b"{}", b"[" * 60_000, b"x" * 70_000, b'{"redirect_uris": [null]}'],
)
async def test_a_registration_that_is_none_is_refused(stage: Stage, body: bytes) -> None:
    answer = await stage.program.http.post("/register", content=body)
    assert answer.status_code == 400
    assert answer.json()["error"].startswith("invalid_")


@pytest.mark.parametrize(
    "redirect",
    [
        "https://evil.example/callback",
        "http://localhost.evil.example/callback",
        "http://localhost:1@evil.example/callback",
        "http://localhost/callback#x",
        "javascript:alert(1)",
        "loopback",
        "//evil.example",
        "http://localhost/\r\nSet-Cookie: x=y",
    ],
)
async def test_no_browser_is_ever_sent_to_such_an_address(stage: Stage, redirect: str) -> None:
    answer = await stage.program.register(redirect_uris=[redirect])
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_redirect_uri")
    for more in ({}, {"scope": "nonsense"}, {"response_type": "token"}):
        asked = await stage.program.http.get(stage.program.address(redirect_uri=redirect, **more))
        assert asked.status_code == 400
        assert "location" not in asked.headers
        assert "evil" not in asked.text


async def test_a_redirect_that_the_client_did_not_register_is_none(stage: Stage) -> None:
    for redirect in ("http://localhost:39999/other", "http://127.0.0.1:39999/callback", ""):
        asked = await stage.program.http.get(stage.program.address(redirect_uri=redirect))
        assert asked.status_code == 400
        assert "location" not in asked.headers


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge_method": ""}, "invalid_request"),
        ({"code_challenge": "", "code_challenge_method": ""}, "invalid_request"),
        ({"response_type": "id_token token"}, "unsupported_response_type"),
        ({"scope": "images:read spend:unattended"}, "invalid_scope"),
        ({"resource": "https://other.example.com/mcp"}, "invalid_target"),
    ],
)
async def test_a_weaker_request_is_refused_at_its_clients_own_address(
    stage: Stage, changes: dict[str, str], error: str
) -> None:
    back = await to_thread(Recorded().came_back, stage.program.address(**changes))
    assert (back["error"], back["state"], back["iss"]) == (error, "their-state", stage.service.base)


async def test_parameters_that_are_named_twice_are_refused(stage: Stage) -> None:
    asked = await stage.program.http.get(f"{stage.program.address()}&state=other")
    assert asked.status_code == 400
    form = "grant_type=refresh_token&grant_type=authorization_code"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await stage.program.http.post("/token", content=form, headers=kind)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    answer = await stage.program.http.post("/token", json={"grant_type": "refresh_token"})
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def test_a_code_is_for_its_client_its_redirect_and_its_verifier_once(stage: Stage) -> None:
    program, thief = stage.program, await stage.another()
    for taker, changes in (
        (thief, {}),
        (program, {"code_verifier": "w" * 43}),
        (program, {"code_verifier": ""}),
        (program, {"redirect_uri": "http://localhost:1/callback"}),
    ):
        code = (await to_thread(Recorded().came_back, program.address()))["code"]
        for answer in (await taker.exchange(code, **changes), await program.exchange(code)):
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
    back = await stage.signed_in()
    assert (await program.asked()).status_code < 401
    assert (await program.exchange(back["code"])).status_code == 400
    assert (await program.asked()).status_code == 401


async def test_the_question_is_asked_each_time_and_says_who_asks(stage: Stage) -> None:
    program = stage.program
    await program.register(client_name='<script>alert("x")</script>')
    visitor = Recorded()
    await to_thread(visitor.came_back, program.address())
    page = await program.http.get(program.address(), headers={"Cookie": "x=y"})
    assert "&lt;script&gt;" in page.text
    assert "<script" not in page.text
    assert BACK in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert page.headers["x-frame-options"] == "DENY"
    assert page.headers["cache-control"] == "no-store"
    cookie = page.headers["set-cookie"]
    assert cookie.startswith("__Host-")
    for word in ("Secure", "HttpOnly", "SameSite=lax", "Path=/"):
        assert word in cookie
    assert "domain" not in cookie.lower()
    seen = len(visitor.pages)
    await to_thread(visitor.came_back, program.address())
    assert any("Agree" in each.text for each in visitor.pages[seen:])


async def test_whoever_says_no_is_not_taken_to_the_provider(stage: Stage) -> None:
    visitor = Recorded(answer="no")
    back = await to_thread(visitor.came_back, stage.program.address())
    assert (back["error"], back["state"]) == ("access_denied", "their-state")
    assert not any(stage.people.issuer in str(page.url) for page in visitor.pages)


async def test_the_question_is_answered_only_on_its_page_in_its_browser(stage: Stage) -> None:
    victim, attacker = Recorded(), Recorded()
    page = await to_thread(attacker.get, stage.program.address())
    theirs = await to_thread(victim.get, stage.program.address())
    own = {"Origin": stage.service.base}
    for visitor, shown, headers in (
        (victim, page, own),
        (Recorded(), page, own),
        (attacker, theirs, own),
        (attacker, page, {}),
        (attacker, page, {"Origin": "https://evil.example"}),
        (attacker, page, {"Origin": "null"}),
        (attacker, page, {**own, "Sec-Fetch-Site": "cross-site"}),
        (attacker, page, {**own, "Sec-Fetch-Site": "same-site"}),
    ):
        fields = visitor.fields(shown) | {"answer": "yes"}
        where = f"{stage.service.base}/authorize/consent"
        answer = await to_thread(visitor.browser.post, where, data=fields, headers=headers)
        assert answer.status_code in {400, 403}
        assert "location" not in answer.headers
        assert stage.people.issuer not in answer.text
    answer = await to_thread(attacker.submit, page, "/authorize/consent")
    assert answer.status_code == 200
    assert f"0;url={stage.people.issuer}/auth?" in answer.text


async def test_only_the_browser_that_agreed_may_finish(stage: Stage) -> None:
    attacker, victim = Recorded(), Recorded(name="bob")
    returning = f"{stage.service.base}/authorize/callback"
    left = await to_thread(attacker.visit, stage.program.address(), returning, follow=False)
    assert isinstance(left, str)
    for visitor in (victim, Recorded()):
        await to_thread(visitor.get, stage.program.address())
        answer = await to_thread(visitor.get, left)
        assert answer.status_code == 400
        assert "location" not in answer.headers
    tampered = await to_thread(attacker.get, f"{left}&iss=https://evil.example")
    assert tampered.status_code == 400
    assert (await to_thread(attacker.get, left)).status_code == 303
    assert (await to_thread(attacker.get, left)).status_code == 400


async def test_an_answer_of_another_provider_is_no_sign_in(stage: Stage) -> None:
    visitor = Recorded()
    returning = f"{stage.service.base}/authorize/callback"
    left = await to_thread(visitor.visit, stage.program.address(), returning, follow=False)
    assert isinstance(left, str)
    assert "iss=" in left
    other = left.replace(f"127.0.0.1%3A{stage.people.port}", "evil.example")
    assert other != left
    answer = await to_thread(visitor.get, other)
    assert "error=access_denied" in answer.headers["location"]


async def test_no_other_token_is_an_access_token(stage: Stage) -> None:
    await stage.signed_in()
    access = stage.program.tokens["access_token"]
    head, body, signature = access.split(".")
    for token in (
        stage.program.tokens["refresh_token"],
        f"{head}.{body}.{signature[:-2]}AA",
        f"{head}.{body[:-4]}AAAA.{signature}",
    ):
        answer = await stage.program.asked(token)
        assert answer.status_code == 401
    assert (await stage.program.asked(access)).status_code < 401


async def test_the_database_tells_nobody_anything(
    tmp_path: Path, people: People, port: int
) -> None:
    async with staged(tmp_path / "state", people, port) as stage:
        await stage.signed_in()
        tokens = stage.program.tokens
    stored = b"".join(path.read_bytes() for path in (tmp_path / "state").glob("imagewright.db*"))
    assert b"oauth-grants" in stored
    for word in ("Painter", "39999", tokens["access_token"], tokens["refresh_token"]):
        assert word.encode() not in stored
    # The audit alone says who it was.
    with closing(sqlite3.connect(tmp_path / "state" / "imagewright.db")) as database:
        rows = database.execute("SELECT * FROM sealed").fetchall()
    assert {row[0] for row in rows} >= {"oauth-clients", "oauth-grants", "oauth-turns"}
    assert "alice" not in repr(rows)


async def test_the_log_tells_nobody_anything(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG", logger="imagewright"):
        back = await stage.signed_in()
        await stage.program.exchange(back["code"])
        await stage.program.refresh()
    ours = [each for each in caplog.records if each.name.startswith("imagewright")]
    text = json.dumps([{**each.__dict__, "exc_info": None} for each in ours], default=str)
    assert "grant ended" in text
    for word in (back["code"], SECRET, *map(str, stage.program.tokens.values())):
        if len(word) > 10:
            assert word not in text
