"""A stranger's answer about what is another's is the answer for what never was, everywhere.

The matrix is made from what is registered: a component without a row fails.
"""

import re
import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from starlette.routing import Route

from imagewright.adapters.auth.token_writer import NewToken, add, revoke
from imagewright.api.mcp.server import TOOLS
from imagewright.core.token import mint
from tests.end_to_end.belongings import (
    FRESH,
    NEVER,
    OWN_ROUTE_ROWS,
    PAID,
    POST_ROWS,
    PROMPT_ROWS,
    RESOURCE_ROWS,
    ROUTE_ROWS,
    TOOL_ROWS,
    WORDS,
    Things,
    filled,
)
from tests.end_to_end.program import free_port
from tests.end_to_end.service import (
    MEMBER,
    OWNER,
    STRANGER,
    Mode,
    Service,
    configured,
    digest,
    running,
)
from tests.end_to_end.wire import Answer, Peer

pytestmark = pytest.mark.asyncio(loop_scope="module")

ACL = f"""
[subjects]
"{OWNER}" = ["*", "spend:relayed"]
"{STRANGER}" = ["write", "spend", "spend:relayed"]

[groups.design]
scopes = ["images:read"]
"""
READER, EXPIRED, REVOKED = "olga's reading token", "olga's expired token", "olga's revoked token"
READING = {tool.name for tool in TOOLS if tool.scope == "images:read"}
GARBAGE = "iw_garbage"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Service]:
    price = {"per": "image", "prices": {"*": "0.04"}}
    state = tmp_path_factory.mktemp("strangers") / "state"
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    settings, tokens = configured(
        state,
        ACL,
        auth__issuers={"corp": {"issuer": f"{base}/nobody"}},
        public_url=base,
        proxy__issuer="corp",
        proxy__client_id="imagewright",
        proxy__client_secret="a secret of the test",
        providers__paid__kind="placeholder",
        providers__paid__models=({"id": "placeholder", "price": price},),
    )
    tokens |= of_the_owner(state / "tokens.toml")
    async with running(settings, tokens, port=port) as found:
        yield found


def of_the_owner(file: Path) -> dict[str, str]:
    """Tokens of the owner's that are good for less, or no more."""
    tokens = {each: mint(secrets.token_bytes) for each in (READER, EXPIRED, REVOKED)}
    more: dict[str, dict[str, Any]] = {
        READER: {"scopes": ("images:read",)},
        EXPIRED: {"expires": date(2020, 1, 1)},
        REVOKED: {},
    }
    for each, token in tokens.items():
        id = f"tok_{each.split()[1]}"
        add(file, NewToken(id=id, sha256=digest(token), subject=OWNER, **more[each]))
    revoke(file, "tok_revoked", datetime.now(UTC))
    return tokens


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def owned(shared: Service) -> Things:
    return await things(shared)


async def things(service: Service) -> Things:
    """A new image, its job, and an open quote of the owner's."""
    async with service.http() as http:
        owner = Peer(http, "auto")
        unique = secrets.token_hex(8)
        words: dict[str, Any] = {"folder": WORDS, "tags": [WORDS], "variation": unique}
        made = await owner.call("generate_image", prompt=WORDS, size="64x64", **words)
        job = made.result["structuredContent"]
        image = job["images"][0]["id"]
        refined = await owner.call("refine_image", prompt=WORDS, image=image, size="64x64")
        batch = await owner.call("batch", items=[{"prompt": WORDS, "variation": unique}])
        items = [{**PAID, "variation": job["job"]}]
        priced = await owner.call("batch", items=items)
        asked = await owner.call("generate_image", **PAID, variation=job["job"])
    return Things(
        image=image,
        job=job["job"],
        quote=asked.error["details"]["quote"],
        conversation=refined.result["structuredContent"]["conversation"],
        group=batch.result["structuredContent"]["job"],
        batch_quote=priced.error["details"]["quote"],
        words=WORDS,
    )


def marks(of: Things) -> set[str]:
    return {of.image, of.job, of.quote, of.conversation, of.group, of.batch_quote, OWNER}


def silent(answer: Answer, of: Things) -> bool:
    return not any(mark in answer.body for mark in marks(of))


def steady(answer: httpx.Response) -> str:
    """A page without the value that is new in every form."""
    return re.sub(r'name="csrf" value="[A-Za-z0-9_-]{43}"', "", answer.text)


def _posts(route: Route) -> bool:
    return "POST" in (route.methods or ())


def scoped(who: str) -> set[str]:
    """The tools that somebody of the cast may call."""
    return {tool.name for tool in TOOLS if who != MEMBER or tool.scope == "images:read"}


async def test_every_component_has_a_row(shared: Service) -> None:
    local = shared.app.mcp.local_provider
    assert {tool.name for tool in await local.list_tools()} == set(TOOL_ROWS)
    fixed = {str(each.uri) for each in await local.list_resources()}
    templates = {each.uri_template for each in await local.list_resource_templates()}
    assert fixed | templates == set(RESOURCE_ROWS)
    assert {prompt.name for prompt in await local.list_prompts()} == set(PROMPT_ROWS)
    app = shared.app.mcp.http_app(path="/mcp")
    routes = {each.path for each in app.routes if isinstance(each, Route)}
    assert routes - {"/mcp"} == set(ROUTE_ROWS) | set(OWN_ROUTE_ROWS)
    sent = {each.path for each in app.routes if isinstance(each, Route) and _posts(each)}
    assert sent - {"/mcp"} == set(POST_ROWS)


@pytest.mark.parametrize("tool", TOOL_ROWS)
async def test_the_owner_is_answered(shared: Service, mode: Mode, tool: str) -> None:
    if tool == "delete_image":
        async with shared.http() as http:
            made = await Peer(http, mode).call("generate_image", prompt=FRESH, variation=mode)
        image = made.result["structuredContent"]["images"][0]["id"]
        of = replace(NEVER, image=image)
    else:
        of = await things(shared)
    async with shared.http() as http:
        peer = Peer(http, mode)
        for row in TOOL_ROWS[tool]:
            answer = await peer.call(tool, **row(of))
            assert not answer.result.get("isError"), answer.body


@pytest.mark.parametrize("who", [STRANGER, MEMBER])
@pytest.mark.parametrize("tool", TOOL_ROWS)
async def test_a_tool_tells_a_stranger_nothing(
    shared: Service, owned: Things, mode: Mode, tool: str, who: str
) -> None:
    async with shared.http(who) as http:
        peer = Peer(http, mode)
        for row in TOOL_ROWS[tool]:
            about, nothing = (
                await peer.call(tool, **row(owned)),
                await peer.call(tool, **row(NEVER)),
            )
            assert about.text == nothing.text
            assert silent(about, owned)
            if tool not in scoped(who):
                unknown = await peer.call("no_such_tool", **row(owned))
                assert about.body.replace(tool, "no_such_tool") == unknown.body
    async with shared.http() as http:
        still = await Peer(http, mode).call("get_image", image=owned.image)
    assert not still.result.get("isError")


@pytest.mark.parametrize("uri", RESOURCE_ROWS)
async def test_a_resource_tells_a_stranger_nothing(
    shared: Service, owned: Things, mode: Mode, uri: str
) -> None:
    for who in (STRANGER, MEMBER):
        async with shared.http(who) as http:
            peer = Peer(http, mode)
            for row in RESOURCE_ROWS[uri]:
                about, nothing = await peer.read(row(owned)), await peer.read(row(NEVER))
                assert about.text == nothing.text
                if owned.image in row(owned):
                    assert f"Resource not found: '{row(owned)}'" in about.body
                else:
                    assert silent(about, owned)
    async with shared.http() as http:
        for row in RESOURCE_ROWS[uri]:
            assert "result" in (await Peer(http, mode).read(row(owned))).message


@pytest.mark.parametrize("prompt", PROMPT_ROWS)
async def test_a_prompt_tells_a_stranger_nothing(
    shared: Service, owned: Things, mode: Mode, prompt: str
) -> None:
    for who in (STRANGER, MEMBER, READER):
        async with shared.http(who) as http:
            peer = Peer(http, mode)
            for row in PROMPT_ROWS[prompt]:
                about, nothing = [
                    await peer.ask("prompts/get", name=prompt, arguments=row(of))
                    for of in (owned, NEVER)
                ]
                assert about.text == nothing.text
                assert silent(about, owned)


@pytest.mark.parametrize("tool", TOOL_ROWS)
async def test_a_reading_token_reads_what_is_its_owners_and_no_more(
    shared: Service, owned: Things, mode: Mode, tool: str
) -> None:
    async with shared.http(READER) as http:
        peer = Peer(http, mode)
        listed = {each["name"] for each in (await peer.ask("tools/list")).result["tools"]}
        assert listed == READING
        for row in TOOL_ROWS[tool]:
            answer = await peer.call(tool, **row(owned))
            if tool in READING:
                assert not answer.result.get("isError"), answer.body
            else:
                unknown = await peer.call("no_such_tool", **row(owned))
                assert answer.body.replace(tool, "no_such_tool") == unknown.body
    async with shared.http() as http:
        still = await Peer(http, mode).call("get_image", image=owned.image)
    assert not still.result.get("isError")


@pytest.mark.parametrize("token", [None, GARBAGE, "not-ours", EXPIRED, REVOKED])
async def test_without_a_token_everything_is_the_same_refusal(
    shared: Service, owned: Things, mode: Mode, token: str | None
) -> None:
    shown = shared.tokens.get(token or "", token)
    headers = {"Authorization": f"Bearer {shown}"} if shown else {}
    seen = set()
    async with httpx.AsyncClient(base_url=shared.base, headers=headers) as http:
        peer = Peer(http, mode)
        peer.session = {"mcp-session-id": "0" * 32, "mcp-protocol-version": "2025-11-25"}
        for of in (owned, NEVER):
            for tool, rows in TOOL_ROWS.items():
                seen |= {(await peer.call(tool, **row(of))).text for row in rows}
            for reads in RESOURCE_ROWS.values():
                seen |= {(await peer.read(row(of))).text for row in reads}
            for prompt, gets in PROMPT_ROWS.items():
                for row in gets:
                    got = await peer.ask("prompts/get", name=prompt, arguments=row(of))
                    seen.add(got.text)
        seen.add((await peer.ask("tools/list")).text)
        seen.add((await peer.open()).text)
    assert len(seen) == 1
    assert seen.pop().startswith("401 ")


@pytest.mark.parametrize("route", ROUTE_ROWS)
async def test_a_route_tells_a_stranger_nothing(shared: Service, owned: Things, route: str) -> None:
    bearers = [None, GARBAGE, *shared.tokens.values()]
    for token in bearers:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with httpx.AsyncClient(base_url=shared.base, headers=headers) as http:
            for row in ROUTE_ROWS[route]:
                about, nothing = await http.get(row(owned)), await http.get(row(NEVER))
                assert (about.status_code, steady(about)) == (nothing.status_code, steady(nothing))
                assert not any(mark in about.text for mark in marks(owned))


@pytest.mark.parametrize("route", OWN_ROUTE_ROWS)
async def test_an_owners_route_tells_a_stranger_nothing(
    shared: Service, owned: Things, route: str
) -> None:
    others = [shared.tokens[who] for who in (STRANGER, MEMBER, EXPIRED, REVOKED)]
    for token in (None, GARBAGE, *others):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with httpx.AsyncClient(base_url=shared.base, headers=headers) as http:
            for row in OWN_ROUTE_ROWS[route]:
                about, nothing = await http.get(row(owned)), await http.get(row(NEVER))
                assert about.status_code in {401, 404}
                assert (about.status_code, about.text) == (nothing.status_code, nothing.text)
                assert not any(mark in about.text for mark in marks(owned))
    for who in (OWNER, READER):
        async with shared.http(who) as http:
            mine = await http.get(OWN_ROUTE_ROWS[route][0](owned))
            assert (mine.status_code, owned.job in mine.text) == (200, True)


@pytest.mark.parametrize("route", POST_ROWS)
async def test_a_form_tells_a_stranger_nothing(shared: Service, owned: Things, route: str) -> None:
    origin = {"Origin": shared.base}
    for token in (None, GARBAGE, *shared.tokens.values()):
        headers = origin | ({"Authorization": f"Bearer {token}"} if token else {})
        async with httpx.AsyncClient(base_url=shared.base, headers=headers) as http:
            for row in POST_ROWS[route]:
                about = await http.post(filled(route, owned), data=row(owned))
                nothing = await http.post(filled(route, NEVER), data=row(NEVER))
                assert about.status_code in {303, 400, 401, 403, 404, 429}
                assert about.headers.get("location") == nothing.headers.get("location")
                assert (about.status_code, about.text) == (nothing.status_code, nothing.text)
                assert not any(mark in about.text for mark in marks(owned))


async def test_completions_tell_nothing(shared: Service, owned: Things, mode: Mode) -> None:
    seen = set()
    for who in (OWNER, MEMBER, STRANGER):
        async with shared.http(who) as http:
            for uri in RESOURCE_ROWS:
                answer = await Peer(http, mode).ask(
                    "completion/complete",
                    ref={"type": "ref/resource", "uri": uri},
                    argument={"name": "id", "value": owned.image[:5]},
                )
                seen.add(answer.body)
    assert len(seen) == 1
    assert "img_" not in seen.pop()


async def test_a_session_belongs_to_its_principal(shared: Service) -> None:
    async with shared.http() as mine, shared.http(STRANGER) as theirs:
        owner, thief = Peer(mine, "legacy"), Peer(theirs, "legacy")
        await owner.open()
        thief.session = owner.session
        taken = await thief.ask("tools/list")
        thief.session = {**owner.session, "mcp-session-id": "0" * 32}
        unknown = await thief.ask("tools/list")
        assert (taken.status, taken.body) == (unknown.status, unknown.body) == (404, taken.body)
        assert (await owner.ask("tools/list")).status == 200
        ended = await theirs.delete("/mcp", headers=owner.session)
        assert ended.status_code == 404
        assert (await owner.ask("tools/list")).status == 200
