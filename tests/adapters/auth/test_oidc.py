"""Who a good token is: subject, groups, scopes, name, and which of several issuers it is of."""

import logging
from typing import Any

import pytest

from imagewright.adapters.auth.oidc import Oidc
from imagewright.core.caller import Caller
from imagewright.core.errors import Forbidden, InvalidRequest, Unauthenticated
from imagewright.core.scope import Scope
from tests.adapters.auth.tokens_by_hand import (
    NOW,
    Published,
    claims,
    config,
    header,
    oidc,
    private,
    public,
    sign,
    token,
)
from tests.contracts.samples import SECOND
from tests.fakes.clock import HandClock

GITHUB = "https://token.actions.githubusercontent.com"


async def caller(made: str, **settings: Any) -> Caller:
    found = await oidc(config(**settings)).authenticate(made, None)
    assert found is not None
    return found


async def refused(made: str, **settings: Any) -> None:
    with pytest.raises(Unauthenticated):
        await oidc(config(**settings)).authenticate(made, None)


async def test_the_subject_bears_the_name_of_its_source() -> None:
    found = await caller(token())
    assert found.subject == "user:corp/alice"
    assert found.groups == frozenset()
    assert found.credential.id == "oidc:corp:j1"
    assert found.credential.scopes is None
    assert found.credential.ends_at == (NOW + 300) * SECOND


@pytest.mark.parametrize("jti", [None, 7, "", "x" * 65, "é", "a:b", "a\nb"])
async def test_a_token_without_a_plain_id_is_told_by_its_hash(jti: object) -> None:
    first = await caller(token(jti=jti))
    second = await caller(token(jti=jti, x=1))
    assert first.credential.id.startswith("oidc:corp:")
    assert len(first.credential.id) == len("oidc:corp:") + 32
    assert first.credential.id != second.credential.id
    assert first.credential.line == second.credential.line == "oidc:corp"


async def test_an_email_counts_only_if_it_is_verified() -> None:
    by_email = {"subject": "user:{email}"}
    made = token(email="alice@example.com", email_verified=True)
    assert (await caller(made, **by_email)).subject == "user:alice@example.com"
    doubtful: tuple[object, ...] = (None, False, "true", 1, "false", [])
    for verified in doubtful:
        await refused(token(email="alice@example.com", email_verified=verified), **by_email)
        await refused(
            token(email="alice@example.com", email_verified=verified),
            conditions={"email": ("*",)},
        )


@pytest.mark.parametrize("value", ["", 7, True, None, ["a"], {"a": 1}, "\u0430", "a\tb", " a"])
async def test_a_claim_of_the_subject_is_printable_ascii_or_the_token_is_refused(
    value: object,
) -> None:
    await refused(token(login=value), subject="user:{login}")


async def test_two_tokens_never_fill_a_subject_alike() -> None:
    subject = "service:{repository}@{ref}"
    found = await caller(token(repository="acme/site", ref="refs/heads/a@b"), subject=subject)
    assert found.subject == "service:acme/site@refs/heads/a@b"
    await refused(token(repository="acme/site@refs/heads/a", ref="b"), subject=subject)


@pytest.mark.parametrize(
    ("allowed", "value", "holds"),
    [
        (("acme/site",), "acme/site", True),
        (("acme/site",), "acme/site2", False),
        (("acme/site",), "Acme/site", False),
        (("acme/site",), None, False),
        (("a", "b"), "b", True),
        (("acme/*",), "acme/site", True),
        (("acme/*",), "acme", False),
        (("acme/*",), "evil/acme/site", False),
        (("acme/*",), "acme/site/else", False),
        (("refs/heads/*",), "refs/heads/a/b", False),
        (("*",), "a/b", False),
        (("*",), "a", True),
        (("acme/s*e",), "acme/site", False),
        (("acme/*",), 7, False),
        ((True,), True, True),
        ((True,), 1, False),
        ((True,), "true", False),
        ((1,), True, False),
        ((7,), 7, True),
        (("a",), ["x", "a"], True),
        (("a",), ["x"], False),
        ((), "a", False),
    ],
)
async def test_a_condition_is_exact_but_for_a_star_at_its_end(
    allowed: tuple[str, ...], value: object, *, holds: bool
) -> None:
    made = token(claim=value)
    if holds:
        await caller(made, conditions={"claim": allowed})
    else:
        await refused(made, conditions={"claim": allowed})


async def test_every_condition_has_to_hold() -> None:
    both = {"conditions": {"a": ("1",), "b": ("2",)}}
    await caller(token(a="1", b="2"), **both)
    await refused(token(a="1"), **both)


@pytest.mark.parametrize(
    ("value", "groups"),
    [
        (["design", "ops"], {"design", "ops"}),
        ("design", {"design"}),
        (["design", 7, "d\u0435sign", ""], {"design"}),
        ({"design": True}, set()),
        (None, set()),
        (["g"] * 300, set()),
    ],
)
async def test_groups_come_of_their_claim_and_rubbish_is_none(
    value: object, groups: set[str]
) -> None:
    found = await caller(token(groups=value), groups_claim=("groups",))
    assert found.groups == groups
    assert (await caller(token(groups=value))).groups == frozenset()


async def test_an_inner_claim_is_found_and_renamed_groups_alone_count() -> None:
    made = token(realm_access={"roles": ["designer", "admin"]})
    settings = {"groups_claim": ("realm_access", "roles")}
    assert (await caller(made, **settings)).groups == {"designer", "admin"}
    renamed = await caller(made, **settings, groups={"designer": ("design", "all")})
    assert renamed.groups == {"design", "all"}


async def test_a_tokens_scope_only_narrows() -> None:
    async def scopes(**more: Any) -> object:
        settings = {"scopes": more.pop("map", {})}
        return (await caller(token(**more), **settings)).credential.scopes

    assert await scopes() is None
    assert await scopes(scope="openid images:read") == {"images:read"}
    assert await scopes(scope="") == frozenset()
    assert await scopes(scp=["images:read", "x"]) == {"images:read"}
    assert await scopes(scope="openid", scp="images:read") == frozenset()
    assert await scopes(scope="* read write spend:unattended spend:relayed approve") == frozenset()
    assert await scopes(scope="paint images:read", map={"paint": ("write",)}) == {
        "images:read",
        "images:write",
        "styles:write",
    }


async def test_a_token_without_a_required_scope_is_told_which() -> None:
    wanted = {"required_scopes": ("imagewright", "images:read")}
    await caller(token(scope="images:read x imagewright"), **wanted)
    for made in (token(), token(scope="images:read"), token(scope="imagewrights images:read")):
        with pytest.raises(Forbidden) as caught:
            await oidc(config(**wanted)).authenticate(made, None)
        assert caught.value.details["scopes"] == ["imagewright", "images:read"]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Alice Müller", "Alice Müller"),
        ("\u202eecilA\u200b\n", "ecilA"),
        ("x" * 500, "x" * 100),
        (None, ""),
        (7, ""),
        ("\ud800", ""),
    ],
)
async def test_a_name_is_for_people_to_read(name: object, shown: str) -> None:
    assert (await caller(token(name=name))).name == shown


async def test_several_issuers_stand_side_by_side() -> None:
    other = config(name="other", issuer="https://other.example.com")
    by_issuer = {
        "https://idp.example.com": Published(public("k1")),
        "https://other.example.com": Published(public("k2")),
    }
    source = Oidc([config(), other], HandClock(), lambda each: by_issuer[each.issuer])
    first = await source.authenticate(token(), None)
    made = sign(header(kid="k2"), claims(iss=other.issuer), private("k2"))
    second = await source.authenticate(made, None)
    assert first is not None
    assert second is not None
    assert (first.subject, second.subject) == ("user:corp/alice", "user:other/alice")
    crossed = sign(header(kid="k2"), claims(), private("k2"))
    with pytest.raises(Unauthenticated):
        await source.authenticate(crossed, None)
    assert await source.authenticate(token(iss="https://third.example.com"), None) is None


async def test_sections_of_one_issuer_share_its_keys_and_are_tried_in_order() -> None:
    published = Published(public("k1"))
    release = config(
        name="release",
        issuer=GITHUB,
        id_tokens=True,
        subject="service:release",
        conditions={"repository": ("acme/site",), "ref": ("refs/tags/*",)},
    )
    build = config(
        name="build",
        issuer=GITHUB,
        id_tokens=True,
        subject="service:build/{repository}",
        conditions={"repository": ("acme/*",)},
    )
    source = oidc(release, build, published=published)

    async def subject(ref: str, owner: str = "acme") -> str:
        told = {"repository": f"{owner}/site", "ref": ref, "event_name": "push"}
        made = token({"typ": "JWT"}, iss=GITHUB, **told)
        found = await source.authenticate(made, None)
        assert found is not None
        return found.subject

    assert await subject("refs/tags/v1") == "service:release"
    assert await subject("refs/heads/x") == "service:build/acme/site"
    with pytest.raises(Unauthenticated):
        await subject("refs/heads/x", "thief")
    assert published.asked == 1


async def test_a_credential_is_good_as_long_as_its_section_stands() -> None:
    source = oidc(config(), config(name="other", subject="user:o/{sub}"))
    found = await source.credential("oidc:corp:j1")
    assert found is not None
    assert found.scopes is None
    for gone in ("oidc:gone:j1", "tok_a", "local", "oidc:", "corp:j1", "oidc:corpse:j1"):
        assert await source.credential(gone) is None


def test_what_to_ask_an_issuer_for_is_in_its_own_words() -> None:
    source = oidc(
        config(),
        config(name="mapped", subject="user:m/{sub}", scopes={"r": ("read",), "w": ("write",)}),
    )
    assert source.asked_for("oidc:corp:j", Scope.IMAGES_WRITE) == "images:write"
    assert source.asked_for("oidc:mapped:j", Scope.IMAGES_READ) == "r"
    assert source.asked_for("oidc:mapped:j", Scope.IMAGES_WRITE) == "w"
    assert source.asked_for("oidc:mapped:j", Scope.SPEND) is None
    assert source.asked_for("oidc:corp:j", Scope.SPEND_UNATTENDED) is None
    assert source.asked_for("tok_a", Scope.IMAGES_READ) is None
    assert source.asked_for("oidc:gone:j", Scope.IMAGES_READ) is None


async def test_a_refusal_says_why_to_the_log_and_shows_nothing_of_the_token(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.INFO):
        await refused(token(aud="https://secret.example.com"))
    (record,) = caplog.records
    assert record.__dict__["reason"] == "corp: aud"
    assert "secret" not in str(record.__dict__)


def test_two_sources_that_could_yield_one_subject_are_refused_together() -> None:
    one = config(subject="user:{sub}")
    other = config(name="other", issuer="https://other.example.com", subject="user:{email}")
    with pytest.raises(InvalidRequest, match="corp and other may yield the same subject"):
        oidc(one, other)
    oidc(
        config(subject="user:{sub}", shared_subjects=True),
        config(
            name="other",
            issuer="https://other.example.com",
            subject="user:{email}",
            shared_subjects=True,
        ),
    )
    oidc(
        config(subject="user:{sub}@a"),
        config(name="o", issuer="https://o.example.com", subject="user:{sub}@b"),
    )
