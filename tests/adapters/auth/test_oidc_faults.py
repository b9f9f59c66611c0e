"""One fault is enough: every such token is refused, and all in the same words."""

import pytest

from imagewright.adapters.auth.compact import BadToken, is_compact, parse
from imagewright.core.errors import Unauthenticated
from tests.adapters.auth.faulty_tokens import faulty
from tests.adapters.auth.tokens_by_hand import NOW, Published, config, oidc, public, token

FAULTY = faulty()


async def verdict(made: str) -> object:
    """None, or the words that came of it."""
    source = oidc(published=Published(public("k1"), public("e1", "P-256")))
    try:
        return await source.authenticate(made, None)
    except Unauthenticated as refused:
        return refused.public()


def test_there_are_enough_of_them() -> None:
    assert len(FAULTY) >= 100
    assert len(set(FAULTY.values())) == len(FAULTY)


@pytest.mark.parametrize("name", FAULTY)
async def test_a_token_with_one_fault_is_nobody(name: str) -> None:
    refused = await verdict(FAULTY[name])
    assert refused is None or refused == Unauthenticated("The token is not valid.").public()


async def test_without_the_fault_it_is_good() -> None:
    caller = await oidc().authenticate(token(), None)
    assert caller is not None
    assert caller.subject == "user:corp/alice"


@pytest.mark.parametrize(
    "good",
    [
        token(exp=NOW - 29),
        token(nbf=NOW + 30),
        token(iat=NOW + 30),
        token(iat=None),
        token(exp=NOW + 0.5),
        token(aud=["other", "https://images.example.com/mcp"]),
        token({"typ": "application/at+jwt"}),
        token({"typ": "AT+JWT"}),
    ],
)
async def test_what_only_looks_like_a_fault_is_none(good: str) -> None:
    assert await oidc().authenticate(good, None) is not None


@pytest.mark.parametrize("name", ["a logout token", "typ of a logout token"])
async def test_a_logout_token_is_refused_where_id_tokens_are_meant(name: str) -> None:
    source = oidc(config(id_tokens=True, typ=("JWT", "at+jwt", "")))
    with pytest.raises(Unauthenticated):
        await source.authenticate(FAULTY[name], None)


@pytest.mark.parametrize(
    "name",
    [
        "an ID token by its nonce",
        "an ID token by at_hash",
        "an ID token by c_hash",
        "an ID token by its typ claim",
        "an ID token by token_use",
    ],
)
async def test_an_id_token_is_refused_by_its_claims_whatever_its_typ(name: str) -> None:
    with pytest.raises(Unauthenticated):
        await oidc(config(typ=("JWT", "at+jwt"))).authenticate(FAULTY[name], None)
    assert await oidc(config(typ=("at+jwt",), id_tokens=True)).authenticate(FAULTY[name], None)


@pytest.mark.parametrize("text", ["", ".", "a.b", "iw_abc", "a.b.c.d", "a b.c.d", "é.b.c"])
async def test_what_has_another_form_is_not_ours(text: str) -> None:
    assert not is_compact(text)
    assert await oidc().authenticate(text, None) is None


def test_why_is_said_to_the_log_only() -> None:
    with pytest.raises(BadToken) as caught:
        parse(FAULTY["sub twice"])
    assert caught.value.reason == "duplicate"
