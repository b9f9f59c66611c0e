"""Jobs of a CI system at the door: which get in, and what an ACL may not give them."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from fastmcp import Client
from fastmcp.client.auth import BearerAuth

from imagewright.settings import SettingsFault
from tests.adapters.auth.ci_tokens import github, github_strangers, gitlab, gitlab_strangers
from tests.adapters.auth.tokens_by_hand import AUDIENCE
from tests.end_to_end.service import Mode, Service, configured, running
from tests.identity.ci import CiIssuer

ACL = """
[subjects]
"service:ci/acme/site" = ["images:read", "images:write"]
"""
SPENDING = """
[subjects."service:ci/acme/site"]
scopes = ["images:read", "images:write", "spend:unattended"]
budget = { per_call = "0.10", day = "2" }
"""
HUB = {
    "repository": "acme/site",
    "repository_id": "74",
    "repository_owner_id": "65",
    "ref": "refs/heads/main",
}
LAB = {
    "project_path": "acme/site",
    "project_id": "20",
    "namespace_id": "72",
    "ref_path": "refs/heads/main",
}
KINDS = {
    "github": (HUB, github, github_strangers),
    "gitlab": (LAB, gitlab, gitlab_strangers),
}
SAID_BY_THE_ISSUER = {"expired", "a customised issuer"}


@pytest.fixture(scope="module")
def ci() -> Iterator[CiIssuer]:
    with CiIssuer() as found:
        yield found


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def section(ci: CiIssuer, kind: str, **conditions: object) -> dict[str, object]:
    return {
        "preset": kind,
        "issuer": ci.issuer,
        "audience": AUDIENCE,
        "conditions": conditions or KINDS[kind][0],
    }


@pytest.fixture
async def service(tmp_path: Path, ci: CiIssuer, kind: str) -> AsyncIterator[Service]:
    settings, tokens = configured(tmp_path / "state", ACL, auth__issuers={"ci": section(ci, kind)})
    async with running(settings, tokens) as found:
        yield found


async def test_a_job_makes_an_image_without_a_stored_secret(
    service: Service, ci: CiIssuer, kind: str, mode: Mode
) -> None:
    made = ci.token(KINDS[kind][1]())
    async with Client(service.url, auth=BearerAuth(made), mode=mode) as client:
        drawn = await client.call_tool("generate_image", {"prompt": "a red bicycle"})
        told = await client.call_tool("server_info", {})
    assert drawn.structured_content is not None
    assert drawn.structured_content["state"] == "succeeded"
    assert told.structured_content is not None
    assert told.structured_content["subject"] == "service:ci/acme/site"


async def test_every_stranger_meets_one_answer(service: Service, ci: CiIssuer, kind: str) -> None:
    answers = set()
    async with service.http(None) as http:
        for name, claims in KINDS[kind][2]().items():
            if name not in SAID_BY_THE_ISSUER:
                answers.add(await shown(http, ci.token(claims)))
        answers.add(await shown(http, ci.token(KINDS[kind][1](), key="thief")))
        good = await http.post("/mcp", headers=bearer(ci.token(KINDS[kind][1]())), json={})
    assert good.status_code < 401
    ((status, _),) = answers
    assert status == 401


async def test_an_acl_that_would_open_a_hole_is_not_taken_up(
    tmp_path: Path, ci: CiIssuer, kind: str
) -> None:
    where = {"github": "repository_id", "gitlab": "project_id"}[kind]
    wide = section(ci, kind, **{where: ["74", "20"]})
    settings, tokens = configured(tmp_path / "state", ACL, auth__issuers={"ci": wide})
    made = ci.token(KINDS[kind][1](ref="refs/heads/x", ref_path="refs/heads/x"))
    async with running(settings, tokens) as service:
        (tmp_path / "state/acl.toml").write_text(SPENDING)
        service.app.refresh()
        async with Client(service.url, auth=BearerAuth(made)) as client:
            told = await client.call_tool("server_info", {})
            assert told.structured_content is not None
            assert told.structured_content["scopes"] == ["images:read", "images:write"]
        (tmp_path / "state/acl.toml").write_text(ACL.replace(', "images:write"', ""))
        service.app.refresh()
        async with Client(service.url, auth=BearerAuth(made)) as client:
            told = await client.call_tool("server_info", {})
            assert told.structured_content is not None
            assert told.structured_content["scopes"] == ["images:read"]


def test_a_start_that_would_open_it_is_refused_with_its_line(
    tmp_path: Path, ci: CiIssuer, kind: str
) -> None:
    where = {"github": "repository_id", "gitlab": "project_id"}[kind]
    with pytest.raises(SettingsFault) as caught:
        configured(
            tmp_path / "wide", SPENDING, auth__issuers={"ci": section(ci, kind, **{where: "74"})}
        )
    said = str(caught.value)
    assert "acl.toml:3: " in said
    assert "The CI system of [auth.issuers.ci] may spend on conditions that are too wide." in said
    assert f"Name one {where}" in said
    configured(tmp_path / "narrow", SPENDING, auth__issuers={"ci": section(ci, kind)})


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def shown(http: httpx.AsyncClient, token: str) -> tuple[int, bytes]:
    answer = await http.post("/mcp", headers=bearer(token), json={})
    return answer.status_code, answer.content
