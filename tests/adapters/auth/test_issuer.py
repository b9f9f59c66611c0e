"""What an operator may say of an issuer, and what is refused at the start."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.adapters.auth.discovery import Publications
from imagewright.adapters.auth.issuer import Template, asked_scopes
from imagewright.core.errors import InvalidRequest
from imagewright.core.flaw import Misconfigured
from tests.adapters.auth.tokens_by_hand import config


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "Corp"},
        {"name": ""},
        {"name": "a:b"},
        {"issuer": "http://idp.example.com"},
        {"issuer": "idp.example.com"},
        {"issuer": "https://"},
        {"issuer": "https://user:password@idp.example.com"},
        {"issuer": "https://idp.example.com?x=1"},
        {"issuer": "https://idp.example.com#x"},
        {"issuer": "https://idp.example.com/ x"},
        {"issuer": "https://idp.ex\u0430mple.com"},
        {"issuer": "https://[x"},
        {"issuer": "https://idp.example.com:x"},
        {"issuer": "ftp://127.0.0.1"},
        {"audience": ()},
        {"audience": ("",)},
        {"algorithms": ()},
        {"algorithms": ("RS256", "HS256")},
        {"algorithms": ("none",)},
        {"typ": ("at+jwt", "Logout+JWT")},
        {"typ": ("application/secevent+jwt",)},
        {"leeway": -1},
        {"leeway": 121},
        {"subject": "{sub}"},
        {"subject": "local"},
        {"subject": "admin:{sub}"},
        {"subject": "user:{sub"},
        {"subject": "user:sub}"},
        {"subject": "user:{}"},
        {"subject": "user:{a}{b}"},
        {"scopes": {"x": ("*",)}},
        {"scopes": {"x": ("images:read", "spend:unattended")}},
        {"scopes": {"x": ("spend:relayed",)}},
        {"scopes": {"x": ("approve",)}},
        {"scopes": {"x": ("no such",)}},
        {"jwks_uri": "http://keys.example.com"},
        {"ca_path": Path("ca.pem")},
        {"issuer": "https://token.actions.githubusercontent.com"},
        {
            "issuer": "https://token.actions.githubusercontent.com",
            "conditions": {"ref": ("refs/heads/main",)},
        },
        {"issuer": "https://accounts.google.com", "conditions": {"hd": ()}},
    ],
)
def test_what_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        config(**wrong)


@pytest.mark.parametrize(
    "good",
    [
        {"issuer": "https://idp.example.com/"},
        {"issuer": "https://idp.example.com/realms/a"},
        {"issuer": "http://127.0.0.1:8080"},
        {"issuer": "http://localhost"},
        {"issuer": "http://[::1]:80"},
        {"leeway": 0},
        {"jwks_uri": "https://keys.example.com/k?p=1"},
        {"issuer": "https://gitlab.com", "conditions": {"project_path": ("acme/*",)}},
        {"scopes": {"x": ("read", "spend", "admin:read")}},
    ],
)
def test_what_is_not(good: dict[str, Any]) -> None:
    assert config(**good).issuer == good.get("issuer", "https://idp.example.com")


def test_a_file_without_certificates_stops_the_start(tmp_path: Path) -> None:
    for path in (tmp_path / "none.pem", tmp_path):
        with pytest.raises(Misconfigured, match=r"auth\.issuers\.corp\.ca_path"):
            Publications(config(ca_path=path))


def test_clients_are_told_of_useful_scopes_only() -> None:
    plain = ("images:read", "images:write", "spend", "styles:write")
    assert asked_scopes(config()) == plain
    assert asked_scopes(config(required_scopes=("aud",))) == ("aud", *plain)
    mapped = {"paint": ("write",), "root": ("admin:write",)}
    assert asked_scopes(config(scopes=mapped)) == ("paint",)


PARTS = st.text(st.sampled_from("ab@/:"), min_size=1, max_size=4)


@given(st.tuples(PARTS, PARTS), st.tuples(PARTS, PARTS), st.text("@/:", min_size=1, max_size=2))
def test_no_two_pairs_of_claims_fill_a_template_alike(
    one: tuple[str, str], other: tuple[str, str], between: str
) -> None:
    template = Template(f"user:x{{a}}{between}{{b}}y")
    first = template.fill({"a": one[0], "b": one[1]})
    second = template.fill({"a": other[0], "b": other[1]})
    assert first is None or first != second or one == other


WORDS = st.lists(st.sampled_from(["a", "b", "{x}", "-"]), min_size=1, max_size=4).map("".join)
VALUE = st.text("ab-", min_size=1, max_size=3)


@given(WORDS, WORDS, VALUE, VALUE)
def test_templates_that_are_said_never_to_meet_never_do(
    one: str, other: str, first: str, second: str
) -> None:
    try:
        left, right = Template(f"user:{one}"), Template(f"user:{other}")
    except InvalidRequest:
        return
    filled = left.fill({"x": first})
    if filled is not None and filled == right.fill({"x": second}):
        assert left.meets(right)
