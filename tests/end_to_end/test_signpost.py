"""What a client without a good token is told: one answer for every fault, and where to go."""

import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from imagewright.adapters.auth.chain import Chain
from imagewright.adapters.auth.local import Local
from imagewright.adapters.auth.oidc import Oidc
from imagewright.adapters.auth.tokens import Tokens
from imagewright.app.parts import parts_of
from imagewright.core.errors import Unauthenticated
from tests.adapters.auth.faulty_tokens import faulty
from tests.adapters.auth.tokens_by_hand import ISSUER, Published, config, public, token
from tests.end_to_end.service import Service, configured, running
from tests.fakes.clock import HandClock

BASE = "https://images.example.com"
METADATA = f"{BASE}/.well-known/oauth-protected-resource/mcp"
CHALLENGE = (
    'Bearer error="invalid_token", error_description="The token is not valid.", '
    f'resource_metadata="{METADATA}"'
)


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    """It trusts an issuer that publishes two keys, and its day is always the same."""
    settings, tokens = configured(
        tmp_path / "state",
        public_url=BASE,
        auth__issuers={
            "corp": {"issuer": ISSUER},
            "second": {"issuer": "https://second.example.com/", "subject": "user:second/{sub}"},
            "ci": {
                "issuer": "https://gitlab.com",
                "audience": ["imagewright"],
                "id_tokens": True,
                "subject": "service:ci/{project_path}",
                "conditions": {"project_path": "acme/*"},
            },
        },
    )
    parts = parts_of(settings)
    published = Published(public("k1"), public("e1", "P-256"))
    oidc = Oidc([config()], HandClock(), lambda _: published)
    mapped = [each for each in parts.refreshed if isinstance(each, Tokens)]
    chain = Chain(*mapped, oidc, Local())
    async with running(settings, tokens, dataclasses.replace(parts, oidc=oidc, chain=chain)) as it:
        yield it


def shown(answer: httpx.Response) -> tuple[int, bytes, list[tuple[str, str]]]:
    """All of an answer but the request's own id and the time of day."""
    own = {"x-request-id", "date"}
    headers = [(name, value) for name, value in answer.headers.items() if name not in own]
    return answer.status_code, answer.content, headers


async def test_every_faulty_token_meets_one_answer(service: Service) -> None:
    answers = {}
    async with service.http(None) as http:
        for name, made in faulty().items():
            headers = {"Authorization": f"Bearer {made}"}
            answers[name] = shown(await http.post("/mcp", headers=headers, json={}))
        good = await http.post("/mcp", headers={"Authorization": f"Bearer {token()}"}, json={})
    assert good.status_code < 401
    assert len(answers) >= 100
    ((status, body, common),) = {
        (status, body, tuple(found)) for status, body, found in answers.values()
    }
    assert status == 401
    assert json.loads(body) == {"error": Unauthenticated("The token is not valid.").public()}
    assert dict(common)["www-authenticate"] == CHALLENGE


async def test_a_request_without_a_token_is_told_where_to_go(service: Service) -> None:
    async with service.http(None) as http:
        answer = await http.post("/mcp", json={})
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == f'Bearer resource_metadata="{METADATA}"'


@pytest.mark.parametrize("path", ["/.well-known/oauth-protected-resource/mcp", None])
async def test_the_metadata_is_exact_to_the_byte(service: Service, path: str | None) -> None:
    async with service.http(None) as http:
        answer = await http.get(path or "/.well-known/oauth-protected-resource")
    assert answer.headers["content-type"] == "application/json"
    assert answer.text == (
        '{"resource":"https://images.example.com/mcp",'
        '"authorization_servers":["https://idp.example.com","https://second.example.com/"],'
        '"scopes_supported":["images:read","images:write","spend","styles:write"],'
        '"bearer_methods_supported":["header"],"resource_name":"Imagewright"}'
    )


async def test_without_issuers_nobody_is_sent_anywhere(tmp_path: Path) -> None:
    settings, tokens = configured(tmp_path / "state", public_url=BASE)
    async with running(settings, tokens) as service, service.http(None) as http:
        missing = await http.get("/.well-known/oauth-protected-resource/mcp")
        answer = await http.post("/mcp", json={})
    assert missing.status_code == 404
    assert answer.status_code == 401
    assert "resource_metadata" not in answer.headers["www-authenticate"]
