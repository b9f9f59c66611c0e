"""Make and edit pictures through litellm's proxy, a relay that somebody else wrote.

`make prove-relay` brings the proxy and runs it: `python -m tests.prove.relay <litellm>`.
A service of ours is asked over MCP, it asks the proxy, and that asks fake vendors. Every step
counts what we asked the relay for, which is once an ask whatever comes back, and what the relay
ordered of the vendor, which is more where it asks again by itself.
"""

import asyncio
import base64
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.end_to_end.books import disagreements
from tests.end_to_end.service import OWNER, configured, running
from tests.end_to_end.wire import Peer
from tests.fakes.openai_images import FakeOpenAI, error
from tests.fakes.openai_responses import FakeResponses
from tests.fakes.pictures import encoded, half_changed
from tests.fakes.vendor import VENDOR_WORDS, Reply, Vendor, Way, html
from tests.prove import litellm

ACL = f"""
[subjects."{OWNER}"]
scopes = ["*", "spend:unattended"]
budget = {{ per_call = "5", day = "500" }}
"""
KNOWN, HOUSE, WORDS, UNPRICED = "gpt-image-1", "house-image", "gpt-5.6-luna", "dall-e-3"
SAFETY = "Your request was rejected by the safety system. safety_violations=[violence]. "
_SIZE = "1024x1024"


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """Whom a step asks, and what stands behind: the relay and its two vendors."""

    peer: Peer
    relay: litellm.Relay
    images: FakeOpenAI
    responses: FakeResponses
    numbers: Iterator[int] = field(default_factory=itertools.count)

    async def ask(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """The structured answer; nothing in it may be a vendor's or the relay's own words."""
        answer = await self.peer.call(tool, **arguments)
        assert VENDOR_WORDS not in answer.body, answer.body
        assert "litellm." not in answer.body, answer.body
        found: dict[str, Any] = answer.result["structuredContent"]
        return found

    async def make(self, tool: str = "generate_image", **arguments: Any) -> dict[str, Any]:
        """One ask that goes to the relay, which we ask once, whatever becomes of it."""
        before = len(self.relay.asked())
        told = {"provider": "relay", "model": KNOWN, "size": _SIZE, "wait": 60, **arguments}
        made = await self.ask(tool, **told)
        asked = len(self.relay.asked()) - before
        assert asked == 1, f"the relay was asked {asked} times: {made}"
        return made


def settled(made: dict[str, Any], cost: str) -> None:
    assert made.get("state") == "succeeded", made
    assert made["cost_usd"] == cost, made


def ordered(vendor: Vendor, count: int) -> None:
    assert len(vendor.orders) == count, f"{len(vendor.orders)} orders, not {count}"


async def generates(road: Road) -> str:
    made = await road.make(prompt="a fox", n=2, quality="low")
    assert len(made["images"]) == 2, made
    ordered(road.images, 1)
    sent = road.images.orders[0].values
    assert (sent["n"], sent["size"], sent["quality"]) == (2, _SIZE, "low"), sent
    settled(made, "0.070690001")
    return "two pictures, one order, $0.070690001 by the relay's own price"


async def edits(road: Road) -> str:
    made = await road.make(prompt="a fox for masks")
    image = made["images"][0]["id"]
    road.images.forget()
    told = {"images": [image, image], "mask": _data(half_changed(1024, 1024))}
    edited = await road.make("edit_image", prompt="in snow", **told)
    ordered(road.images, 1)
    names = [name for name, *_ in road.images.orders[0].files]
    assert names == ["image[]", "image[]", "mask"], names
    settled(edited, "0.070690001")
    return "two input images and a mask, one order"


async def counts_tokens(road: Road) -> str:
    made = await road.make(prompt="a badger", model=HOUSE)
    ordered(road.images, 1)
    settled(made, "0.05305")
    return "a model without a price at the relay is settled by its tokens, $0.05305"


async def streams_nothing(road: Road) -> str:
    made = await road.make(prompt="a hare in parts", model=HOUSE, partial_images=1)
    assert made["state"] == "succeeded", made
    ordered(road.images, 1)
    assert "stream" not in road.images.orders[0].values
    return "no stream is asked for, which this relay could not read"


_REFUSALS: tuple[tuple[Reply, str], ...] = (
    (error(400, "invalid_value", param="size"), "provider_rejected"),
    (error(401, "invalid_api_key"), "provider_misconfigured"),
    (error(403, "unsupported_country"), "provider_misconfigured"),
    (error(404, "model_not_found"), "provider_misconfigured"),
)
_TROUBLES: tuple[tuple[Reply, str], ...] = (
    (error(409, "conflict"), "provider_unavailable"),
    (error(429, "rate_limit_exceeded"), "provider_busy"),
    (error(500, "server_error"), "provider_unavailable"),
    (html(502), "outcome_unknown"),
    (html(504), "outcome_unknown"),
    (Reply(way=Way.CLOSE_MID_BODY), "outcome_unknown"),
    (Reply(way=Way.HANG), "outcome_unknown"),
)
"""What the relay asks for again, twice, before it says so."""
_GARBAGE = (Reply(body=b"junk"), Reply(body=b'{"data":[]}'))


async def refuses(road: Road) -> str:
    for reply, code in _REFUSALS:
        await _fails(road, [reply], code)
        ordered(road.images, 1)
    return f"{len(_REFUSALS)} refusals mapped, each one order and no money"


async def moderates(road: Road) -> str:
    worded = error(400, "moderation_blocked", message=SAFETY + VENDOR_WORDS)
    older = error(
        400,
        "content_policy_violation",
        message="Your request was rejected as a result of our safety system. " + VENDOR_WORDS,
    )
    for reply in (worded, older):
        await _fails(road, [reply], "moderation_blocked")
        ordered(road.images, 1)
    edit = {"tool": "edit_image", "images": [_data(encoded(64, 64))]}
    await _fails(road, [worded], "moderation_blocked", **edit)
    ordered(road.images, 1)
    return "told from other refusals though the relay drops the code"


async def keeps_what_is_unknown(road: Road) -> str:
    told = []
    for reply, code in _TROUBLES:
        await _fails(road, [reply] * 3, code)
        told.append(f"{reply.status} {reply.way}: {len(road.images.orders)}")
    for reply in _GARBAGE:
        await _fails(road, [reply], "outcome_unknown")
        ordered(road.images, 1)
    return f"mapped; orders of the relay's own for one ask ({', '.join(told)})"


async def discovers(road: Road) -> str:
    listed = await road.ask("list_providers", refresh=True)
    (relay,) = [each for each in listed["providers"] if each["name"] == "relay"]
    assert [each["id"] for each in relay["models"]] == [KNOWN, HOUSE], relay
    (attic,) = [each for each in listed["providers"] if each["name"] == "attic"]
    found = {each["id"] for each in attic["models"]}
    assert found == {KNOWN, UNPRICED}, attic
    refused = await road.ask("generate_image", prompt="x", provider="attic", model=UNPRICED)
    assert refused["error"]["code"] == "unpriced_model", refused
    ordered(road.images, 0)
    return "its list is read, what makes no pictures as we know them left out, no price refused"


async def responds(road: Road) -> str:
    told = {"provider": "thinker", "model": "gpt-image-2"}
    first = await road.make(prompt="a fox by words", partial_images=1, **told)
    assert first["state"] == "succeeded", first
    ordered(road.responses, 1)
    image = first["images"][0]["id"]
    second = await road.make("refine_image", prompt="in snow", image=image, **told)
    assert second["state"] == "succeeded", second
    ordered(road.responses, 2)
    sent = road.responses.orders[1].values
    assert sent.get("previous_response_id") == "resp_fake_1", sent
    assert "a fox by words" not in json.dumps(sent), sent
    return "the Responses API, streamed and gone on from, one order each"


async def is_let_in_by_its_key(road: Road) -> str:
    made = await road.make(prompt="no key", provider="stranger", model=KNOWN)
    assert made["error"]["code"] == "provider_misconfigured", made
    ordered(road.images, 0)
    return "a wrong key is the operator's to mend"


STEPS: tuple[Callable[[Road], Awaitable[str]], ...] = (
    discovers,
    generates,
    edits,
    counts_tokens,
    streams_nothing,
    refuses,
    moderates,
    keeps_what_is_unknown,
    responds,
    is_let_in_by_its_key,
)


async def _fails(road: Road, replies: list[Reply], code: str, **more: Any) -> None:
    """One ask that the vendor answers so; what is told of it, and that it costs nothing."""
    road.images.forget()
    road.images.replies.extend(replies)
    told = {"tool": "generate_image", **more}
    made = await road.make(**told, prompt=f"x {code}", variation=str(next(road.numbers)))
    assert made["error"]["code"] == code, (replies[0], made)
    released = {"outcome_unknown": None}.get(code, "0.00")
    assert made.get("cost_usd") == released, made


def _data(picture: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(picture).decode()


def _settings(relay: litellm.Relay) -> dict[str, Any]:
    """Accounts of the relay: with models of ours, with what is found, shut out, and by words."""
    server = {"base_url": relay.base_url, "api_key": litellm.MASTER, "retries": 0}
    images = {"kind": "openai_compatible", "dialect": "litellm", **server}
    tokens = {"per": "token", "text_in": "5", "image_in": "8", "image_out": "30"}
    known = {"id": KNOWN, "price": {"per": "image", "prices": {"*": "0.30"}}}
    price = {
        **tokens,
        "table": {f"{level}/{_SIZE}": 2000 for level in ("low", "medium", "high")},
        "partial": 100,
        "reference": 8192,
    }
    house = {
        "id": HOUSE,
        "like": "gpt-image",
        "partials": 3,
        "sizes": {"listed": [_SIZE]},
        "price": price,
    }
    return {
        "providers__relay": {**images, "models": [known, house]},
        "providers__attic": images,
        "providers__stranger": {**images, "api_key": "sk-wrong", "models": [known]},
        "providers__thinker": {
            "kind": "openai_responses",
            **server,
            "discover": False,
            "text_model": WORDS,
            "text_in": "1.25",
            "text_out": "10",
            "store": True,
            "models": [{"id": "gpt-image-2"}],
        },
        "routing.failures": 10_000,
    }


async def prove(program: Path, directory: Path) -> int:
    """Every step; the number of those that went wrong."""
    bad = 0
    with FakeOpenAI() as images, FakeResponses() as responses:
        models = dict.fromkeys((KNOWN, HOUSE, UNPRICED), images.base_url)
        served = {**models, WORDS: responses.base_url}
        with litellm.running(program, directory, served) as relay:
            settings, tokens = configured(directory / "state", ACL, **_settings(relay))
            async with running(settings, tokens) as service, service.http() as http:
                http.timeout = 60
                road = Road(
                    peer=Peer(http, "auto"), relay=relay, images=images, responses=responses
                )
                for step in STEPS:
                    bad += await _took(step, road)
    for each in disagreements(directory / "state"):
        print(f"WRONG in the books: {each}")
        bad += 1
    return bad


async def _took(step: Callable[[Road], Awaitable[str]], road: Road) -> bool:
    """Whether a step went wrong; what it shows is printed."""
    road.images.forget()
    road.responses.forget()
    name = step.__name__.replace("_", " ")
    try:
        print(f"{name}: {await step(road)}", flush=True)
    except AssertionError as fault:
        print(f"WRONG {name}: {fault}", flush=True)
        return True
    return False


def main() -> None:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        bad = asyncio.run(prove(Path(sys.argv[1]).absolute(), Path(directory)))
    print(f"{bad} of {len(STEPS)} steps went wrong, {time.monotonic() - began:.0f} s")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
