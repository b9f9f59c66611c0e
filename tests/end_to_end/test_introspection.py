"""Opaque tokens of a certified identity provider, which is asked of each."""

import dataclasses
import logging
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from fastmcp import Client
from fastmcp.client.auth import BearerAuth

from imagewright.adapters.auth.chain import Chain
from imagewright.adapters.auth.local import Local
from imagewright.app.identity import introspections_of, tokens_of
from imagewright.app.parts import parts_of
from imagewright.settings import Settings
from tests.adapters.auth.tokens_by_hand import private, public
from tests.end_to_end.service import MEMBER, Mode, Service, configured, running
from tests.end_to_end.test_oidc import Skewed
from tests.end_to_end.wire import Peer
from tests.identity.provider import IdentityProvider, signing_key

SECRET = "a+secret/of:the test%20="
ACL = f"""
[subjects]
"user:idp/alice" = ["images:read", "images:write"]
"{MEMBER}" = ["images:read"]
"""
METHODS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "basic": (
        {"client_secret": SECRET, "token_endpoint_auth_method": "client_secret_basic"},
        {"client_secret": SECRET},
    ),
    "post": (
        {"client_secret": SECRET, "token_endpoint_auth_method": "client_secret_post"},
        {"client_secret": SECRET, "method": "client_secret_post"},
    ),
    "key": (
        {
            "jwks": {"keys": [public("asker", "P-256")]},
            "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": "ES256",
        },
        {"private_key_file": "asker.pem"},
    ),
}


@dataclasses.dataclass(kw_only=True)
class Stage:
    """The provider, the service that asks it, and the clock by which answers age."""

    identity: IdentityProvider
    service: Service
    clock: Skewed

    def token(self, scope: str = "") -> str:
        return self.identity.token(self.service.url, scope)

    async def asked(self, token: str) -> httpx.Response:
        async with self.service.http(None) as http:
            headers = {"Authorization": f"Bearer {token}"}
            return await http.post("/mcp", headers=headers, json={})


def asking(registered: Mapping[str, Any]) -> IdentityProvider:
    return IdentityProvider(
        keys=[signing_key("first")],
        claims={"sub": "alice"},
        format="opaque",
        askers=[{"client_id": "imagewright", **registered}],
    )


def trusting(state: Path, identity: IdentityProvider, said: Mapping[str, Any]) -> Settings:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    introspection = {"client_id": "imagewright", **said}
    if "private_key_file" in said:
        state.mkdir(parents=True)
        introspection["private_key_file"] = str(state / "asker.pem")
        write_key(state / "asker.pem")
    section = {"issuer": identity.issuer, "introspection": introspection}
    settings, tokens = configured(
        state,
        ACL,
        cast=(MEMBER,),
        auth__issuers={"idp": section},
        public_url=f"http://127.0.0.1:{port}",
    )
    (state / "member").write_text(tokens[MEMBER])
    return settings


def write_key(file: Path) -> None:
    file.write_bytes(
        private("asker", "P-256").private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    file.chmod(0o600)


@asynccontextmanager
async def staged(state: Path, method: str = "basic") -> AsyncIterator[Stage]:
    registered, said = METHODS[method]
    clock = Skewed()
    with asking(registered) as identity:
        settings = trusting(state, identity, said)
        parts, asked = parts_of(settings), introspections_of(settings, clock)
        mapped = tokens_of(settings, clock, lambda _: None)
        assert mapped is not None
        assert parts.oidc is not None
        chain = Chain(mapped, parts.oidc, *asked, Local())
        aged = dataclasses.replace(parts, introspections=asked, chain=chain)
        port = int(str(settings.public_url).rpartition(":")[2])
        async with running(settings, {}, aged, port) as service:
            yield Stage(identity=identity, service=service, clock=clock)


@pytest.mark.parametrize("method", METHODS)
async def test_an_opaque_token_makes_an_image(tmp_path: Path, method: str, mode: Mode) -> None:
    with asking(METHODS[method][0]) as identity:
        settings = trusting(tmp_path / "state", identity, METHODS[method][1])
        port = int(str(settings.public_url).rpartition(":")[2])
        async with running(settings, {}, port=port) as service:
            made = identity.token(service.url, "images:read images:write")
            assert "." not in made
            async with Client(service.url, auth=BearerAuth(made), mode=mode) as client:
                drawn = await client.call_tool("generate_image", {"prompt": "a red bicycle"})
                told = await client.call_tool("server_info", {})
    assert drawn.structured_content is not None
    assert drawn.structured_content["state"] == "succeeded"
    assert told.structured_content is not None
    assert told.structured_content["subject"] == "user:idp/alice"


async def test_a_token_that_is_taken_back_dies_within_thirty_seconds(tmp_path: Path) -> None:
    async with staged(tmp_path / "state") as stage:
        made, other = stage.token(), stage.token()
        assert (await stage.asked(made)).status_code < 401
        stage.identity.revoke(made)
        stage.clock.ahead += 30
        assert (await stage.asked(made)).status_code == 401
        assert (await stage.asked(other)).status_code < 401


async def test_a_token_for_another_resource_or_of_nobody_is_refused(tmp_path: Path) -> None:
    async with staged(tmp_path / "state") as stage:
        elsewhere = stage.identity.token(f"{stage.service.base}/other")
        answers = [await stage.asked(each) for each in (elsewhere, "x" * 43, f"{elsewhere}x")]
        assert {answer.status_code for answer in answers} == {401}
        assert len({answer.content for answer in answers}) == 1
        assert "error=" in answers[0].headers["www-authenticate"]


async def test_a_narrow_token_is_told_the_one_scope_of_the_call(tmp_path: Path, mode: Mode) -> None:
    async with staged(tmp_path / "state") as stage, stage.service.http(None) as http:
        http.headers["Authorization"] = f"Bearer {stage.token('images:read')}"
        answer = await Peer(http, mode).call("generate_image", prompt="a fox")
    assert answer.status == 403
    assert 'scope="images:write"' in answer.headers["www-authenticate"]


async def test_an_outage_is_503_and_costs_others_nothing(tmp_path: Path) -> None:
    async with staged(tmp_path / "state") as stage:
        known, unseen = stage.token(), stage.token()
        mapped = (tmp_path / "state/member").read_text()
        assert (await stage.asked(known)).status_code < 401
        stage.identity.stop()
        assert (await stage.asked(known)).status_code < 401
        assert (await stage.asked(mapped)).status_code < 401
        answer = await stage.asked(unseen)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert "www-authenticate" not in answer.headers
        stage.clock.ahead += 30
        assert (await stage.asked(known)).status_code == 503
        stage.identity.start()
        stage.clock.ahead += 5
        # The provider has forgotten what it kept in memory, and says so.
        assert (await stage.asked(known)).status_code == 401
        assert (await stage.asked(stage.token())).status_code < 401


async def test_no_log_of_the_service_holds_a_token(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        async with staged(tmp_path / "state") as stage:
            made = stage.token()
            await stage.asked(made)
            await stage.asked(f"{made}x")
            stage.identity.stop()
            await stage.asked(f"{made}y")
    assert caplog.records
    assert not any(made in str(record.__dict__) for record in caplog.records)
    assert not any(SECRET in str(record.__dict__) for record in caplog.records)
