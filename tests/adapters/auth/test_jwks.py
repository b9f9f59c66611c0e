"""When an issuer is asked for its keys, how often, and how long they are good."""

import asyncio

import pytest

from imagewright.adapters.auth.jwks import KeyCache, read_keys
from imagewright.core.errors import Unauthenticated, Unavailable
from tests.adapters.auth.tokens_by_hand import (
    Json,
    Published,
    claims,
    header,
    oidc,
    private,
    public,
    sign,
    token,
)
from tests.fakes.clock import HandClock


def cache(*keys: Json) -> tuple[KeyCache, Published, HandClock]:
    published, clock = Published(*keys), HandClock()
    return KeyCache("corp", published, clock), published, clock


async def test_keys_are_asked_for_once_and_kept() -> None:
    keys, published, clock = cache(public("k1"))
    for _ in range(10):
        assert await keys.find("k1", "RS256") == (private("k1").public_key(),)
        clock.advance(20)
    assert published.asked == 1


@pytest.mark.parametrize("step", [1, 7, 59, 239, 299])
async def test_a_withdrawn_key_dies_within_five_minutes(step: int) -> None:
    keys, published, clock = cache(public("k1"))
    assert await keys.find("k1", "RS256")
    published.jwks = [public("k2")]
    passed = 0
    while await keys.find("k1", "RS256"):
        assert passed < 300
        clock.advance(step)
        passed += step
    assert published.asked <= 3


async def test_an_emptied_set_withdraws_every_key() -> None:
    keys, published, clock = cache(public("k1"))
    assert await keys.find("k1", "RS256")
    published.jwks = []
    clock.advance(299)
    assert await keys.find("k1", "RS256") == ()


async def test_a_new_key_works_within_ten_seconds_while_strangers_hammer() -> None:
    keys, published, clock = cache(public("k1"))
    assert await keys.find("k1", "RS256")
    published.jwks.append(public("k2"))
    passed = 0.0
    while not await keys.find("k2", "RS256"):
        await keys.find(f"made up {passed}", "RS256")
        clock.advance(0.5)
        passed += 0.5
    assert passed <= 10


async def test_a_thousand_tokens_with_unknown_keys_are_a_few_questions() -> None:
    published, clock = Published(public("k1")), HandClock()
    source = oidc(published=published, clock=clock)
    for number in range(1000):
        with pytest.raises(Unauthenticated):
            await source.authenticate(token({"kid": f"unknown-{number}"}), None)
        clock.advance(0.01)
    assert published.asked <= 3


async def test_many_at_once_are_one_question() -> None:
    keys, published, _ = cache(public("k1"))
    found = await asyncio.gather(*(keys.find("k1", "RS256") for _ in range(100)))
    assert all(found)
    assert published.asked == 1


async def test_a_caller_that_leaves_does_not_end_the_question_for_others() -> None:
    keys, published, _ = cache(public("k1"))
    first = asyncio.create_task(keys.find("k1", "RS256"))
    second = asyncio.create_task(keys.find("k1", "RS256"))
    await asyncio.sleep(0)
    first.cancel()
    assert await second
    assert published.asked == 1


async def test_an_issuer_that_was_never_reached_is_unavailable() -> None:
    keys, published, clock = cache(public("k1"))
    published.away = True
    for _ in range(50):
        with pytest.raises(Unavailable) as caught:
            await keys.find("k1", "RS256")
        assert caught.value.details["retry_after"] == 5
        clock.advance(0.1)
    assert published.asked == 1
    published.away = False
    clock.advance(5)
    assert await keys.find("k1", "RS256")


async def test_known_keys_outlive_an_outage_by_fifteen_minutes_at_most() -> None:
    keys, published, clock = cache(public("k1"))
    assert await keys.find("k1", "RS256")
    published.away = True
    for _ in range(89):
        clock.advance(10)
        assert await keys.find("k1", "RS256")
        with pytest.raises(Unavailable):
            await keys.find("k2", "RS256")
    clock.advance(10)
    with pytest.raises(Unavailable):
        await keys.find("k1", "RS256")


async def test_after_an_outage_the_next_token_is_judged_by_new_keys() -> None:
    keys, published, clock = cache(public("k1"))
    assert await keys.find("k1", "RS256")
    published.away = True
    clock.advance(250)
    assert await keys.find("k1", "RS256")
    published.away, published.jwks = False, [public("k2")]
    clock.advance(6)
    assert await keys.find("k1", "RS256") == ()


async def test_a_source_that_breaks_is_an_outage(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Published):
        async def keys(self) -> list[Json]:
            raise ZeroDivisionError

    keys = KeyCache("corp", Broken(), HandClock())
    with pytest.raises(Unavailable):
        await keys.find("k1", "RS256")
    await keys.close()


@pytest.mark.parametrize(
    "jwk",
    [
        public("k", use="enc"),
        public("k", key_ops=["sign"]),
        public("k", d="AQAB"),
        public("k", "short"),
        public("k", kty="oct", k="c2VjcmV0"),
        {"kty": "oct", "k": "c2VjcmV0", "kid": "k"},
        {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg", "kid": "k"},
        {"kty": "EC", "crv": "secp256k1", "x": "AQ", "y": "AQ", "kid": "k"},
        {"kty": "EC", "crv": "P-256", "x": "AQ", "y": "AQ", "kid": "k"},
        {"kty": "RSA", "n": 7, "e": "AQAB", "kid": "k"},
        {"kty": "RSA", "kid": "k"},
        {"kty": ["RSA"], "kid": "k"},
        {**public("k"), "kid": 1},
        public("k", key_ops=7),
        public("k", alg=["RS256"]),
        public("k", x5c="x", n="!"),
    ],
)
def test_what_is_no_public_signing_key_is_left_out(jwk: Json) -> None:
    assert read_keys([jwk]) == {}


@pytest.mark.parametrize(
    ("kind", "algorithms"),
    [
        ("RSA", {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
        ("P-256", {"ES256"}),
        ("P-384", {"ES384"}),
        ("P-521", {"ES512"}),
    ],
)
def test_a_key_is_for_the_algorithms_of_its_kind(kind: str, algorithms: set[str]) -> None:
    (key,) = read_keys([public("k", kind)])["k"]
    assert key.algorithms == algorithms
    (only,) = read_keys([public("k", kind, alg=min(algorithms))])["k"]
    assert only.algorithms == {min(algorithms)}


def test_at_most_a_hundred_keys_are_kept() -> None:
    assert len(read_keys([public("k") | {"kid": str(number)} for number in range(500)])) == 100


@pytest.mark.parametrize(
    ("algorithm", "kind"),
    [
        *((f"{family}{bits}", "RSA") for family in ("RS", "PS") for bits in (256, 384, 512)),
        ("ES256", "P-256"),
        ("ES384", "P-384"),
        ("ES512", "P-521"),
    ],
)
async def test_every_algorithm_on_the_list_is_verified(algorithm: str, kind: str) -> None:
    source = oidc(published=Published(public("k", kind)))
    made = sign(header(alg=algorithm, kid="k"), claims(), private("k", kind), algorithm=algorithm)
    caller = await source.authenticate(made, None)
    assert caller is not None
    assert caller.subject == "user:corp/alice"
