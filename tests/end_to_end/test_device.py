"""The device flow: a client without a browser is let in by somebody who has one (RFC 8628)."""

from pathlib import Path
from typing import Any

import httpx
from fastmcp import Client
from fastmcp.client.auth import BearerAuth

from tests.end_to_end.program import free_port
from tests.end_to_end.service import Mode, configured, running
from tests.identity.people import DEVICE, People, Visitor
from tests.identity.provider import signing_key

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
ACL = """
[subjects]
"user:idp/alice" = ["images:read", "images:write"]
"""


def begun(people: People, resource: str) -> dict[str, Any]:
    """What the device is told, and shows."""
    asked = {"client_id": DEVICE, "scope": "openid images:read images:write", "resource": resource}
    answer = httpx.post(f"{people.issuer}/device/auth", data=asked)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def polled(people: People, code: str, resource: str) -> dict[str, Any]:
    asked = {
        "client_id": DEVICE,
        "grant_type": GRANT,
        "device_code": code,
        "resource": resource,
    }
    found: dict[str, Any] = httpx.post(f"{people.issuer}/token", data=asked).json()
    return found


async def test_a_device_that_somebody_lets_in_makes_an_image(tmp_path: Path, mode: Mode) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    with People(keys=[signing_key("first")], redirect=f"{base}/callback") as people:
        settings, _ = configured(
            tmp_path / "state",
            ACL,
            auth__issuers={"idp": {"issuer": people.issuer}},
            public_url=base,
        )
        async with running(settings, {}, port=port) as service:
            shown = begun(people, service.url)
            waiting = polled(people, shown["device_code"], service.url)
            page = Visitor(name="alice").visit(shown["verification_uri_complete"])
            token = polled(people, shown["device_code"], service.url)
            again = polled(people, shown["device_code"], service.url)
            auth = BearerAuth(token["access_token"])
            async with Client(service.url, auth=auth, mode=mode) as client:
                made = await client.call_tool("generate_image", {"prompt": "a red bicycle"})
                told = await client.call_tool("server_info", {})
    assert waiting["error"] == "authorization_pending"
    assert isinstance(page, httpx.Response)
    assert again["error"] == "invalid_grant"
    assert made.structured_content is not None
    assert made.structured_content["state"] == "succeeded"
    assert told.structured_content is not None
    assert told.structured_content["subject"] == "user:idp/alice"
