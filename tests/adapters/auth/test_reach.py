"""Whether an ACL lets a CI system's jobs spend on conditions that are too wide."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.adapters.auth.conditions import holds
from imagewright.adapters.auth.issuer import IssuerConfig, Template
from imagewright.adapters.auth.reach import reaching
from imagewright.core.policy import Acl, Entry
from imagewright.core.scope import expand
from tests.adapters.auth.ci_tokens import GITHUB
from tests.adapters.auth.tokens_by_hand import AUDIENCE
from tests.adapters.auth.tokens_by_hand import config as plain

WIDE = {"repository_id": ("74",)}
BOT = "service:ci/acme/site"


def section(**more: Any) -> IssuerConfig:
    return IssuerConfig(
        **{
            "name": "ci",
            "issuer": GITHUB,
            "audience": (AUDIENCE,),
            "conditions": WIDE,
            **more,
        }
    )


def reached(config: IssuerConfig, **scopes: str) -> set[str]:
    acl = Acl(subjects={BOT: Entry(scopes=expand([scopes.get("subject", "read")]))})
    return {each.entry[1] for each in reaching([config], acl)}


@pytest.mark.parametrize("scope", ["spend", "spend:relayed", "spend:unattended", "*"])
def test_every_scope_that_spends_counts(scope: str) -> None:
    assert reached(section(), subject=scope) == {BOT}
    guarded = section(conditions={**WIDE, "ref": ("refs/heads/main",)})
    assert reached(guarded, subject=scope) == set()


@pytest.mark.parametrize("scope", ["read", "write", "admin:write", "approve"])
def test_no_other_does(scope: str) -> None:
    assert reached(section(), subject=scope) == set()


def test_an_entry_that_expired_counts_too() -> None:
    entry = Entry(scopes=expand(["spend"]), expires=date(2000, 1, 1))
    assert list(reaching([section()], Acl(subjects={BOT: entry})))


def test_other_issuers_are_not_asked() -> None:
    config = plain(subject="service:ci/{repository}", conditions=WIDE)
    assert reached(config, subject="*") == set()


@pytest.mark.parametrize(
    ("subject", "conditions", "hit"),
    [
        ("service:bot", WIDE, False),
        (BOT, WIDE, True),
        ("service:ci/{repository}", WIDE, True),
        ("service:ci/{repository}", {"repository": ("acme/shop",)}, False),
        ("service:ci/{repository}", {"repository": ("acme/*",)}, True),
        ("service:ci/{repository}", {"repository": ("acme/shop", "acme/s*")}, True),
        ("service:ci/{repository}", {"repository": ("other/*",)}, False),
        ("service:ci/acme/{name}", WIDE, True),
        ("service:{a}/{b}", WIDE, True),
        ("service:CI/{b}", WIDE, False),
    ],
)
def test_a_subject_is_reached_where_its_claims_may_yield_it(
    subject: str, conditions: dict[str, tuple[str, ...]], *, hit: bool
) -> None:
    assert (
        reached(section(subject=subject, conditions=conditions), subject="spend") == {BOT}
    ) is hit


@pytest.mark.parametrize(
    ("more", "hit"),
    [
        ({}, False),
        ({"groups_claim": ("groups_direct",)}, True),
        ({"groups_claim": ("g",), "groups": {"acme": ("buyers",)}}, True),
        ({"groups_claim": ("g",), "groups": {"acme": ("others",)}}, False),
    ],
)
def test_a_group_is_reached_where_a_claim_names_it(more: dict[str, Any], *, hit: bool) -> None:
    acl = Acl(groups={"buyers": Entry(scopes=expand(["spend"]))})
    found = [each.entry for each in reaching([section(**more)], acl)]
    assert found == ([("groups", "buyers")] if hit else [])


NAMES = st.text("ab/*", min_size=1, max_size=4)
VALUES = st.text("ab/", min_size=1, max_size=4)


@given(NAMES, VALUES, st.sampled_from(["service:{ref}", "service:a{ref}/b", "service:{ref}@a"]))
def test_whatever_the_conditions_let_in_is_seen(wanted: str, value: str, subject: str) -> None:
    config = section(subject=subject, conditions={**WIDE, "ref": (wanted, "b*")})
    filled = Template(subject).fill({"ref": value})
    if filled is None or not holds(value, config.conditions["ref"]):
        return
    acl = Acl(subjects={filled: Entry(scopes=expand(["spend"]))})
    assert list(reaching([config], acl))
