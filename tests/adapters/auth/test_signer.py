"""Tokens of our own: known again after a restart, and by nobody else's hand."""

from dataclasses import replace

import jwt
import pytest

from imagewright.adapters.auth.signer import HmacSigner, SignerConfig
from imagewright.core.errors import Unauthenticated
from tests.adapters.auth.tokens_by_hand import part

CONFIG = SignerConfig(
    typ="at+jwt",
    issuer="https://images.example.com",
    audience="https://images.example.com/mcp",
    key=bytes(range(32)),
)
CLAIMS = {"sub": "user:alice", "exp": 1}


def test_a_token_is_known_again_after_a_restart() -> None:
    token = HmacSigner(CONFIG).sign(CLAIMS)
    assert HmacSigner(replace(CONFIG)).read(token) == {
        **CLAIMS,
        "iss": CONFIG.issuer,
        "aud": CONFIG.audience,
    }


def test_the_key_is_not_shown() -> None:
    assert repr(CONFIG.key) not in repr(CONFIG)


@pytest.mark.parametrize("token", ["", "iw_x", "a.b", "x" * 20_000])
def test_other_credentials_are_left_to_others(token: str) -> None:
    assert HmacSigner(CONFIG).read(token) is None


def test_another_issuers_token_is_left_to_others() -> None:
    other = HmacSigner(replace(CONFIG, issuer="https://other.example.com"))
    assert HmacSigner(CONFIG).read(other.sign(CLAIMS)) is None


@pytest.mark.parametrize(
    "changes",
    [{"key": bytes(32)}, {"typ": "rt+jwt"}, {"typ": "JWT"}, {"audience": "https://x/mcp"}],
)
def test_what_says_it_is_ours_and_is_not(changes: dict[str, object]) -> None:
    forged = HmacSigner(replace(CONFIG, **changes))  # type: ignore[arg-type]  # parametrised
    with pytest.raises(Unauthenticated):
        HmacSigner(CONFIG).read(forged.sign(CLAIMS))


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none", "typ": "at+jwt"},
        {"alg": "HS512", "typ": "at+jwt"},
        {"alg": "HS256", "typ": "at+jwt", "kid": "x"},
        {"alg": "HS256", "typ": "at+jwt", "crit": ["x"]},
        {"alg": "HS256"},
    ],
)
def test_another_header_is_refused_though_the_key_be_ours(header: dict[str, object]) -> None:
    body = {**CLAIMS, "iss": CONFIG.issuer, "aud": CONFIG.audience}
    signed = f"{part(header)}.{part(body)}"
    method = jwt.PyJWS().get_algorithm_by_name("HS256")
    token = f"{signed}.{part(method.sign(signed.encode(), CONFIG.key))}"
    with pytest.raises(Unauthenticated):
        HmacSigner(CONFIG).read(token)


def test_every_changed_letter_is_refused() -> None:
    token = HmacSigner(CONFIG).sign(CLAIMS)
    for at in range(len(token)):
        letter = "B" if token[at] == "A" else "A"
        changed = f"{token[:at]}{letter}{token[at + 1 :]}"
        try:
            assert HmacSigner(CONFIG).read(changed) is None
        except Unauthenticated:
            continue
