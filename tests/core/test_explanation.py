"""The explanation is the decision, and names the keys that made it."""

from dataclasses import replace
from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from imagewright.core import policy
from imagewright.core.caller import Caller, Credential
from imagewright.core.explanation import Because, Explanation, Key, Question, explain
from imagewright.core.limit import Limits, Pace
from imagewright.core.policy import Acl, Entry
from imagewright.core.revocation import EVERYBODY, Target, What
from imagewright.core.scope import Scope

DAY = date(2026, 11, 21)
ALICE = Caller(subject="user:alice", groups=frozenset({"design", "nobody-wrote-it"}))
READ, WRITE, SPEND = Scope.IMAGES_READ, Scope.IMAGES_WRITE, Scope.SPEND
ACL = Acl(
    subjects={
        "user:alice": Entry(scopes=frozenset({READ}), providers=("painter",)),
        "user:old": Entry(scopes=frozenset({READ}), expires=date(2026, 11, 20)),
    },
    groups={"design": Entry(scopes=frozenset({READ, WRITE, SPEND}), models=("brush-*",))},
    everyone=Entry(tools=("get_*", "generate_image")),
    read_only=False,
)


def asked(scope: Scope = READ, component: str | None = None, **more: Any) -> Explanation:
    acl = more.pop("acl", ACL)
    values: dict[str, Any] = {"caller": ALICE, "component": component, "scope": scope, **more}
    return explain(acl, Question(**values), DAY)


def no(reason: str, *because: tuple[Key, str]) -> Explanation:
    told = tuple(Because(key=key, sentence=sentence) for key, sentence in because)
    return Explanation(allowed=False, reason=reason, because=told)


def test_every_entry_that_grants_is_named() -> None:
    found = asked(component="get_image", provider="painter", model="brush-2")
    assert (found.allowed, found.reason) == (True, "granted")
    assert [each.key for each in found.because] == [
        ("subjects", "user:alice", "scopes"),
        ("groups", "design", "scopes"),
    ]
    assert found.because[0].sentence == "grants images:read."
    (only,) = asked(WRITE).because
    assert only.key == ("groups", "design", "scopes")


def test_what_is_allowed_is_told_with_the_limits_that_hold_there() -> None:
    limited = replace(
        ACL,
        subjects={"user:alice": Entry(scopes=frozenset({READ}), limits=Limits(images=5))},
        groups={"design": Entry(limits=Limits(jobs=2, storage=2 * 1024**3))},
        everyone=Entry(limits=Limits(images=9, rate=Pace(count=30, seconds=60))),
    )
    found = asked(acl=limited)
    assert found.allowed
    assert {each.key: each.sentence for each in found.limits} == {
        ("everyone", "rate"): "limits user:alice to 30/minute.",
        ("subjects", "user:alice", "images"): "limits user:alice to 5/day.",
        ("groups", "design", "jobs"): "limits user:alice to 2.",
        ("groups", "design", "storage"): "limits user:alice to 2GiB.",
    }
    assert asked(WRITE, acl=limited).limits == ()


def test_a_list_that_leaves_it_out_is_named() -> None:
    assert asked(component="list_images") == no(
        "tool", (("everyone", "tools"), "does not list list_images.")
    )
    assert asked(provider="printer") == no(
        "provider", (("subjects", "user:alice", "providers"), "does not list printer.")
    )
    assert asked(provider="painter", model="pen") == no(
        "model", (("groups", "design", "models"), "does not list pen.")
    )


def test_who_is_not_named_or_not_granted_is_told_so() -> None:
    nobody = Caller(subject="user:nobody", groups=frozenset({"other"}))
    assert asked(caller=nobody) == no(
        "unnamed", ((), "No entry names user:nobody or a group of its.")
    )
    assert asked(Scope.ADMIN_READ) == no(
        "scope",
        (("subjects", "user:alice", "scopes"), "does not grant admin:read."),
        (("groups", "design", "scopes"), "does not grant admin:read."),
    )
    assert asked(caller=Caller(subject="user:old")) == no(
        "scope", (("subjects", "user:old", "expires"), "granted images:read until then.")
    )


def test_read_only_and_revocations_beat_the_file() -> None:
    assert asked(WRITE, acl=replace(ACL, read_only=True)) == no(
        "read_only", ((), "The service is read-only, which beats every grant.")
    )
    subject = Target(what=What.SUBJECT, key="user:alice")
    other = Target(what=What.SUBJECT, key="user:old")
    assert asked(acl=replace(ACL, revoked=frozenset({subject, other}))) == no(
        "revoked", ((), "The subject user:alice is revoked.")
    )
    said = "grants spend, which was revoked, or is not in the token."
    assert asked(SPEND, acl=replace(ACL, revoked=frozenset({EVERYBODY}))).because[1] == Because(
        key=("groups", "design", "scopes"), sentence=said
    )


ENTRIES = st.builds(
    Entry,
    scopes=st.frozensets(st.sampled_from([READ, WRITE, SPEND])),
    tools=st.sampled_from([None, (), ("get_*",), ("*",)]),
    providers=st.sampled_from([None, (), ("painter",)]),
    models=st.sampled_from([None, ("brush*",)]),
    expires=st.sampled_from([None, DAY, date(2026, 11, 20)]),
)
TARGETS = st.sampled_from(
    [
        EVERYBODY,
        Target(what=What.SUBJECT, key="user:alice"),
        Target(what=What.TOKEN, key="tok"),
        Target(what=What.SPENDING_BY, key="user:alice"),
    ]
)


@given(
    st.builds(
        Acl,
        subjects=st.dictionaries(st.sampled_from(["user:alice", "user:bob"]), ENTRIES),
        groups=st.dictionaries(st.sampled_from(["design", "apps"]), ENTRIES),
        everyone=ENTRIES.map(lambda entry: replace(entry, scopes=frozenset(), expires=None)),
        read_only=st.booleans(),
        revoked=st.frozensets(TARGETS, max_size=2),
    ),
    st.sampled_from([None, "get_image", "generate_image"]),
    st.sampled_from([READ, WRITE, SPEND, Scope.APPROVE]),
    st.sampled_from([None, "painter", "printer"]),
)
def test_it_never_says_other_than_the_decision(
    acl: Acl, component: str | None, scope: Scope, provider: str | None
) -> None:
    scopes = frozenset({READ.value, WRITE.value})
    caller = replace(ALICE, credential=Credential(id="tok", scopes=scopes))
    found = asked(scope, component, acl=acl, caller=caller, provider=provider, model="brush")
    decided = policy.decide(acl, caller, component, scope, DAY)
    reached = provider is None or policy.decide_model(acl, caller, provider, "brush").allowed
    if decided.allowed and reached and provider is not None:
        assert found.allowed
    if not decided.allowed:
        assert (found.allowed, found.reason) == (False, decided.reason)
    if not reached:
        assert not found.allowed
    assert found.because
