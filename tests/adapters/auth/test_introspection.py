"""Opaque tokens: which are asked for, what is believed, how long it is kept, and outages."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

import pytest

from imagewright.adapters.auth.client import ClientConfig
from imagewright.adapters.auth.discovery import NotPublished
from imagewright.adapters.auth.introspection import (
    Introspection,
    IntrospectionConfig,
    check_apart,
)
from imagewright.adapters.auth.verdicts import Verdicts, token_hash
from imagewright.core.caller import Caller
from imagewright.core.errors import Forbidden, InvalidRequest, Unauthenticated, Unavailable
from tests.adapters.auth.ci_tokens import GITHUB
from tests.adapters.auth.tokens_by_hand import AUDIENCE, NOW, Json, claims, config, token
from tests.fakes.clock import HandClock

OPAQUE = "yVmkH1pO9sQ2nX4bT7cW0eR5uI8aLfDg"


class Issuer:
    """Knows tokens and what to say of them; counted, slow, away or broken as it is told."""

    def __init__(self, **tokens: Json) -> None:
        self.tokens = dict(tokens)
        self.asked: list[str] = []
        self.fault: Exception | None = None
        self.slow = asyncio.Event()
        self.slow.set()

    async def ask(self, token: str) -> Mapping[str, Any] | None:
        self.asked.append(token)
        await self.slow.wait()
        if self.fault is not None:
            raise self.fault
        return self.tokens.get(token)

    async def close(self) -> None:
        return None


def told(**more: object) -> Json:
    """What is said of an active token."""
    found = {**claims(jti=None), "active": True, "token_type": "Bearer", **more}
    return {name: value for name, value in found.items() if value is not None}


def asking(**more: Any) -> IntrospectionConfig:
    client = ClientConfig(id="imagewright", secret="s")
    return IntrospectionConfig(**{"issuer": config(), "client": client, **more})


def source(says: Issuer, **more: Any) -> tuple[Introspection, HandClock]:
    clock = HandClock()
    return Introspection(asking(**more), clock, lambda _: says), clock


async def who(source: Introspection, made: str = OPAQUE) -> Caller:
    found = await source.authenticate(made, None)
    assert found is not None
    return found


async def test_an_active_token_is_somebody_by_the_same_mapping_as_a_signed_one() -> None:
    mapped = config(groups_claim=("groups",), subject="user:{sub}", scopes={"p": ("read",)})
    issuer = Issuer(**{OPAQUE: told(groups=["design"], scope="p x", name="Alice")})
    found = await who(source(issuer, issuer=mapped)[0])
    assert (found.subject, found.name) == ("user:alice", "Alice")
    assert found.groups == frozenset({"design"})
    assert found.credential.scopes == frozenset({"images:read"})
    assert found.credential.line == "oidc:corp"
    assert OPAQUE not in found.credential.id


async def test_an_id_that_is_the_token_itself_is_not_kept() -> None:
    found = await who(source(Issuer(**{OPAQUE: told(jti=OPAQUE)}))[0])
    assert OPAQUE not in repr(found)


REFUSED: dict[str, Json] = {
    "no iss": told(iss=None),
    "iss of another": told(iss="https://other.example.com"),
    "no aud": told(aud=None),
    "aud of another": told(aud="https://other.example.com"),
    "aud a prefix": told(aud=AUDIENCE[:-1]),
    "no exp": told(exp=None),
    "exp passed": told(exp=NOW - 30),
    "exp a text": told(exp=str(NOW + 300)),
    "exp true": told(exp=True),
    "nbf to come": told(nbf=NOW + 31),
    "iat to come": told(iat=NOW + 31),
    "no sub": told(sub=None),
    "sub empty": told(sub=""),
    "sub of Cyrillic letters": told(sub="\u0430lice"),
    "no token_type": told(token_type=None),
    "token_type of DPoP": told(token_type="DPoP"),
    "token_type a list": told(token_type=["Bearer"]),
    "bound to a key": told(cnf={"jkt": "x"}),
    "bound to nothing named": told(cnf=None) | {"cnf": None},
    "a refresh token": told(token_use="refresh_token"),
    "a refresh token of Keycloak's": told(typ="Refresh"),
    "an offline token": told(typ="Offline"),
    "an ID token": told(typ="ID"),
    "an ID token by its nonce": told(nonce="n"),
    "a logout": told(events={}),
    "scope a number": told(scope=7),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_one_fault_is_enough(name: str) -> None:
    with pytest.raises(Unauthenticated) as caught:
        await who(source(Issuer(**{OPAQUE: REFUSED[name]}))[0])
    assert caught.value.public() == Unauthenticated("The token is not valid.").public()


async def test_conditions_and_required_scopes_count_as_with_signed_tokens() -> None:
    picky = config(conditions={"tenant": ("7",)})
    with pytest.raises(Unauthenticated):
        await who(source(Issuer(**{OPAQUE: told(tenant="8")}), issuer=picky)[0])
    scoped = config(required_scopes=("images:read",))
    with pytest.raises(Forbidden) as caught:
        await who(source(Issuer(**{OPAQUE: told()}), issuer=scoped)[0])
    assert caught.value.details["scopes"] == ["images:read"]


@pytest.mark.parametrize(
    "made",
    [
        "iw_" + "a" * 38,
        "iw_notevenone-of-ours",
        token(),
        token(iss="https://other.example.com"),
        "a.b.c" + "d" * 20,
        "short",
        "x" * 4097,
        "white space in it all",
        "é" * 20,
        "a-line\nof-two-lines-long",
        "",
    ],
)
async def test_what_is_not_opaque_or_ours_never_leaves(made: str) -> None:
    issuer = Issuer()
    assert await source(issuer)[0].authenticate(made, None) is None
    assert issuer.asked == []


async def test_a_prefix_keeps_the_tokens_of_others_here() -> None:
    issuer = Issuer()
    with_prefix, _ = source(issuer, prefix="ory_at_")
    assert await with_prefix.authenticate(OPAQUE, None) is None
    assert issuer.asked == []
    with pytest.raises(Unauthenticated):
        await with_prefix.authenticate(f"ory_at_{OPAQUE}", None)


async def test_a_yes_is_kept_for_thirty_seconds_and_then_asked_for_again() -> None:
    issuer = Issuer(**{OPAQUE: told()})
    asked, clock = source(issuer)
    for _ in range(29):
        await who(asked)
        clock.advance(1)
    assert len(issuer.asked) == 1
    clock.advance(1)
    await who(asked)
    assert len(issuer.asked) == 2


@pytest.mark.parametrize("step", [0.5, 1, 7, 29.9])
async def test_a_revoked_token_dies_within_thirty_seconds(step: float) -> None:
    issuer = Issuer(**{OPAQUE: told()})
    asked, clock = source(issuer)
    await who(asked)
    issuer.tokens.clear()
    passed = 0.0
    while passed < 30:
        clock.advance(step)
        passed += step
        if passed < 30:
            await who(asked)
    with pytest.raises(Unauthenticated):
        await who(asked)


async def test_a_yes_never_outlives_the_token() -> None:
    issuer = Issuer(**{OPAQUE: told(exp=NOW + 4)})
    asked, clock = source(issuer)
    await who(asked)
    clock.advance(3.9)
    await who(asked)
    assert len(issuer.asked) == 1
    clock.advance(0.1)
    await who(asked)  # within the leeway, and asked for each time
    await who(asked)
    assert len(issuer.asked) == 3
    clock.advance(30)
    with pytest.raises(Unauthenticated):
        await who(asked)


async def test_a_no_is_kept_for_three_seconds() -> None:
    issuer = Issuer()
    asked, clock = source(issuer)
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            await who(asked)
    assert len(issuer.asked) == 1
    issuer.tokens[OPAQUE] = told()
    clock.advance(3)
    await who(asked)


async def test_a_no_is_a_new_error_each_time() -> None:
    asked, _ = source(Issuer())
    seen = []
    for _ in range(3):
        with pytest.raises(Unauthenticated) as caught:
            await who(asked)
        seen.append(caught.value)
    assert len({id(each) for each in seen}) == 3
    depth = [len(pytest.ExceptionInfo.from_exception(each).traceback) for each in seen]
    assert depth[1] == depth[2]


async def test_many_at_once_are_one_question() -> None:
    issuer = Issuer(**{OPAQUE: told()})
    issuer.slow.clear()
    asked, _ = source(issuer)
    waiting = [asyncio.create_task(who(asked)) for _ in range(50)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    issuer.slow.set()
    found = await asyncio.gather(*waiting[1:])
    assert {each.subject for each in found} == {"user:corp/alice"}
    assert len(issuer.asked) == 1
    assert not asked._asking  # noqa: SLF001 - nothing else sees what is left over
    assert not asked._new  # noqa: SLF001 - likewise


def strange(number: int) -> str:
    return f"stranger-{number:012}"


async def test_strangers_are_asked_for_at_a_bounded_rate_and_never_let_in() -> None:
    issuer = Issuer(**{OPAQUE: told()})
    asked, clock = source(issuer)
    await who(asked)
    outcomes: dict[type[BaseException], int] = {Unauthenticated: 0, Unavailable: 0}
    for number in range(3000):
        with pytest.raises((Unauthenticated, Unavailable)) as caught:
            await who(asked, strange(number))
        outcomes[caught.type] += 1
        clock.advance(0.01)
    assert len(issuer.asked) <= 100 + 30 * 20 + 1
    assert outcomes[Unavailable] > 2000
    clock.advance(1)
    for number in range(100):
        with pytest.raises((Unauthenticated, Unavailable)):
            await who(asked, strange(9000 + number))
    with pytest.raises(Unavailable):
        await who(asked, strange(9999))
    # Who was good lately is not in their queue.
    await who(asked)
    assert issuer.asked[-1] == OPAQUE


async def test_strangers_wait_for_few_answers_at_once() -> None:
    issuer = Issuer(**{OPAQUE: told()})
    asked, clock = source(issuer)
    await who(asked)
    clock.advance(31)
    issuer.slow.clear()
    waiting = [asyncio.create_task(who(asked, strange(number))) for number in range(40)]
    waiting.append(asyncio.create_task(who(asked)))
    for _ in range(3):
        await asyncio.sleep(0)
    assert len(issuer.asked) == 1 + 16 + 1
    issuer.slow.set()
    *refused, known = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(known, Caller)
    assert sum(isinstance(each, Unavailable) for each in refused) == 24
    assert sum(isinstance(each, Unauthenticated) for each in refused) == 16


async def test_an_outage_is_neither_yes_nor_no() -> None:
    issuer = Issuer(**{OPAQUE: told()})
    asked, clock = source(issuer)
    await who(asked)
    issuer.fault = NotPublished("ConnectError", away=True)
    clock.advance(29)
    await who(asked)  # what was said holds until it was to hold
    with pytest.raises(Unavailable) as caught:
        await who(asked, strange(1))
    assert caught.value.details["retry_after"] == 5
    clock.advance(1)
    count = len(issuer.asked)
    for _ in range(20):
        with pytest.raises(Unavailable):
            await who(asked)
    assert len(issuer.asked) == count  # for five seconds nobody asks a server that is away
    issuer.fault = None
    clock.advance(5)
    await who(asked)


async def test_a_strange_answer_to_one_token_is_no_outage_for_others() -> None:
    issuer = Issuer(**{OPAQUE: told()})
    asked, _ = source(issuer)
    issuer.fault = NotPublished("The answer was 500.")
    with pytest.raises(Unavailable):
        await who(asked, strange(1))
    issuer.fault = None
    await who(asked)


async def test_what_breaks_lets_nobody_in() -> None:
    issuer = Issuer(**{OPAQUE: told()})
    asked, _ = source(issuer)
    issuer.fault = ZeroDivisionError()
    with pytest.raises(Unavailable):
        await who(asked)


async def test_no_log_holds_a_token(caplog: pytest.LogCaptureFixture) -> None:
    issuer = Issuer()
    asked, _ = source(issuer)
    with caplog.at_level(logging.DEBUG):
        for fault in (None, NotPublished("x"), ZeroDivisionError()):
            issuer.fault = fault
            with pytest.raises((Unauthenticated, Unavailable)):
                await who(asked, f"{OPAQUE}{type(fault).__name__}")
    said = [str(record.__dict__) for record in caplog.records]
    assert any("corp: inactive" in each for each in said)
    assert not any(OPAQUE in each for each in said)


async def test_closing_ends_what_is_asked() -> None:
    issuer = Issuer(**{OPAQUE: told()})
    issuer.slow.clear()
    asked, _ = source(issuer)
    waiting = asyncio.create_task(who(asked))
    await asyncio.sleep(0)
    await asked.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_credential_is_left_to_the_issuers_section() -> None:
    assert await source(Issuer())[0].credential("oidc:corp:x") is None


def test_what_is_kept_is_bounded_and_rubbish_pushes_out_rubbish() -> None:
    kept, somebody = Verdicts(), Caller(subject="user:a")
    kept.put(token_hash("good"), somebody, 30)
    for number in range(10_000):
        kept.put(token_hash(str(number)), Unauthenticated("no"), 30)
    assert kept.find(token_hash("good"), 0) is not None
    assert kept.find(token_hash("0"), 0) is None
    assert kept.find(token_hash("9999"), 0) is not None
    for number in range(5000):
        kept.put(token_hash(f"g{number}"), somebody, 30)
    assert kept.find(token_hash("good"), 0) is None
    kept.put(token_hash("g4999"), Unauthenticated("no"), 30)
    assert not kept.is_known(token_hash("g4999"), 0)
    assert kept.is_known(token_hash("g4998"), 900)
    assert not kept.is_known(token_hash("g4998"), 930)


@pytest.mark.parametrize(
    "wrong",
    [
        {"prefix": "iw_"},
        {"prefix": "iw_x"},
        {"prefix": "a b"},
        {"prefix": "x" * 65},
        {"endpoint": "http://idp.example.com/introspect"},
        {"issuer": config(issuer=GITHUB, conditions={"repository_id": ("7",)})},
    ],
)
def test_what_is_refused_at_the_start(wrong: Json) -> None:
    with pytest.raises(InvalidRequest):
        asking(**wrong)


def test_no_issuer_is_shown_the_tokens_of_another() -> None:
    other = config(name="other", issuer="https://other.example.com")
    check_apart((asking(prefix="a_"), asking(issuer=other, prefix="b_")))
    for prefixes in (("", ""), ("a", ""), ("a", "ab"), ("ab", "a"), ("a", "a")):
        with pytest.raises(InvalidRequest, match="corp and other"):
            check_apart((asking(prefix=prefixes[0]), asking(issuer=other, prefix=prefixes[1])))
