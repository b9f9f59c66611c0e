"""Policy: nothing without a grant, and every limit holds."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.core.ask import Quality
from imagewright.core.budget import Budget, Level
from imagewright.core.caller import Caller, Credential
from imagewright.core.errors import InvalidRequest
from imagewright.core.money import FREE, Nano
from imagewright.core.plan import Plan
from imagewright.core.policy import (
    QUALITY_ORDER,
    Acl,
    Decision,
    Entry,
    Maximum,
    decide,
    decide_model,
    decide_plan,
    granted,
)
from imagewright.core.scope import WRITING, Scope
from tests.core.examples import ALICE, ASK, CUSTOM, PAINTER, PLAN, SQUARE, TODAY

ME, GROUP = ALICE.subject, "design"
READ = Entry(scopes=frozenset({Scope.IMAGES_READ}))
ALL = Entry(scopes=frozenset(Scope))
scopes = st.frozensets(st.sampled_from(Scope))
days = st.none() | st.dates(TODAY - timedelta(days=2), TODAY + timedelta(days=2))
grants = st.builds(Entry, scopes=scopes, expires=days)


def acl(
    own: Entry | None = None,
    group: Entry | None = None,
    everyone: Entry | None = None,
    *,
    read_only: bool = False,
) -> Acl:
    return Acl(
        subjects={ME: own} if own else {},
        groups={GROUP: group} if group else {},
        everyone=everyone or Entry(),
        read_only=read_only,
    )


def why(decision: Decision) -> str:
    assert decision.allowed == (decision.reason == "granted")
    return decision.reason


def verdict(rules: Acl, scope: Scope = Scope.IMAGES_READ, tool: str = "get_image") -> str:
    return why(decide(rules, ALICE, tool, scope, TODAY))


def of_plan(rules: Acl, plan: Plan = PLAN) -> str:
    return why(decide_plan(rules, ALICE, plan, PAINTER))


@pytest.mark.parametrize("scope", Scope)
def test_a_subject_that_nobody_names_may_do_nothing(scope: Scope) -> None:
    others = Acl(subjects={"user:bob": ALL}, groups={"web": ALL}, read_only=False)

    assert why(decide(others, ALICE, "get_image", scope, TODAY)) == "unnamed"
    assert granted(others, ALICE, TODAY) == frozenset()


def test_a_new_acl_is_empty_and_read_only() -> None:
    assert Acl().read_only
    assert why(decide(Acl(), ALICE, "get_image", Scope.IMAGES_READ, TODAY)) == "unnamed"


def test_everyone_is_a_ceiling_and_can_grant_nothing() -> None:
    with pytest.raises(InvalidRequest, match="everyone grants scopes"):
        Acl(everyone=READ)


@pytest.mark.parametrize("scope", Scope)
def test_a_granted_scope_is_allowed_and_no_other(scope: Scope) -> None:
    rules = acl(Entry(scopes=frozenset({scope})))

    for wanted in Scope:
        assert verdict(rules, wanted) == ("granted" if wanted is scope else "scope")


@given(own=scopes, group=scopes)
def test_read_only_beats_every_grant(own: frozenset[Scope], group: frozenset[Scope]) -> None:
    rules = acl(Entry(scopes=own), Entry(scopes=group), read_only=True)

    assert granted(rules, ALICE, TODAY) == (own | group) - WRITING
    assert all(verdict(rules, scope) == "read_only" for scope in WRITING)


def test_reading_goes_on_while_read_only() -> None:
    assert verdict(acl(ALL, read_only=True)) == "granted"


@given(own=grants, group=grants)
def test_grants_in_force_are_united(own: Entry, group: Entry) -> None:
    in_force = [each for each in (own, group) if each.expires is None or each.expires >= TODAY]

    assert granted(acl(own, group), ALICE, TODAY) == frozenset().union(
        *(each.scopes for each in in_force)
    )


@given(own=scopes, narrowing=st.frozensets(st.sampled_from([*Scope, "read", "*", "openid"])))
def test_a_credential_only_narrows(own: frozenset[Scope], narrowing: frozenset[str]) -> None:
    rules = acl(Entry(scopes=own))
    caller = replace(ALICE, credential=Credential(id="tok", scopes=narrowing))
    left = granted(rules, caller, TODAY)

    assert left <= granted(rules, ALICE, TODAY)
    assert left == {scope for scope in own if scope.value in narrowing}


def test_a_credential_narrowed_to_nothing_may_do_nothing() -> None:
    caller = replace(ALICE, credential=Credential(id="tok", scopes=frozenset()))

    assert why(decide(acl(ALL), caller, "get_image", Scope.IMAGES_READ, TODAY)) == "scope"


def test_a_grant_lasts_through_the_day_it_expires() -> None:
    rules = acl(replace(READ, expires=date(2026, 11, 21)))

    assert granted(rules, ALICE, date(2026, 11, 21)) == READ.scopes
    assert granted(rules, ALICE, date(2026, 11, 22)) == frozenset()


def test_an_expired_entry_grants_nothing_and_its_limits_stay() -> None:
    expired = Entry(
        scopes=frozenset(Scope),
        tools=("get_*",),
        models=("painter-*",),
        maximum=Maximum(n=1),
        budget=Budget(day=Nano(5)),
        expires=date(2026, 11, 20),
    )
    rules = acl(expired, Entry(scopes=frozenset({Scope.IMAGES_READ, Scope.IMAGES_WRITE})))

    assert verdict(acl(expired)) == "scope"
    assert verdict(rules, tool="get_image") == "granted"
    assert verdict(rules, tool="list_images") == "tool"
    assert why(decide_model(rules, ALICE, "local", "sketcher")) == "model"
    assert of_plan(rules, replace(PLAN, ask=replace(ASK, n=2))) == "n"
    assert rules.budgets(ALICE)[Level.SUBJECT, ME] == Budget(day=Nano(5))


@pytest.mark.parametrize(
    ("patterns", "name", "reached"),
    [
        (None, "generate_image", True),
        ((), "generate_image", False),
        (("generate_image",), "generate_image", True),
        (("get_*",), "get_image", True),
        (("get_*",), "generate_image", False),
        (("GET_*",), "get_image", False),
        (("*_image", "get_*"), "get_job", True),
        (("get",), "get_image", False),
        (("image",), "get_image", False),
    ],
)
def test_a_list_of_globs_names_what_is_reached(
    patterns: tuple[str, ...] | None, name: str, reached: bool
) -> None:
    entry = replace(READ, tools=patterns, providers=patterns, models=patterns)
    rules = acl(entry)

    assert verdict(rules, tool=name) == ("granted" if reached else "tool")
    assert why(decide_model(rules, ALICE, name, name)) == ("granted" if reached else "provider")
    by_model = acl(replace(READ, models=patterns))
    assert why(decide_model(by_model, ALICE, "x", name)) == ("granted" if reached else "model")


@pytest.mark.parametrize(
    ("name", "reason"), [("get_image", "granted"), ("get_job", "tool"), ("show_image", "tool")]
)
def test_the_lists_of_all_entries_intersect(name: str, reason: str) -> None:
    own, group = replace(READ, tools=("get_*",)), Entry(tools=("*_image",))

    assert verdict(acl(own, group), tool=name) == reason
    assert verdict(acl(own, everyone=group), tool=name) == reason
    assert verdict(acl(group, own), tool=name) == reason


def test_a_list_of_tools_narrows_tools_and_nothing_else() -> None:
    rules = acl(replace(READ, tools=()))

    assert why(decide(rules, ALICE, None, Scope.IMAGES_READ, TODAY)) == "granted"
    assert why(decide(rules, ALICE, None, Scope.IMAGES_WRITE, TODAY)) == "scope"
    assert verdict(rules) == "tool"


def test_limits_of_a_group_that_one_is_not_in_do_not_apply() -> None:
    rules = Acl(subjects={ME: READ}, groups={"web": Entry(tools=())}, read_only=False)

    assert verdict(rules) == "granted"


def test_a_plan_for_a_model_beyond_the_lists_is_refused() -> None:
    assert of_plan(acl(Entry(providers=("local",)))) == "provider"
    assert of_plan(acl(Entry(models=("sketch*",)))) == "model"


def test_a_plan_within_every_maximum_is_granted() -> None:
    most = Maximum(n=1, quality=Quality.LOW, pixels=SQUARE.pixels)

    assert of_plan(acl(Entry(maximum=most))) == "granted"
    assert of_plan(acl()) == "granted"


@pytest.mark.parametrize(
    ("most", "reason"),
    [
        (Maximum(n=0), "n"),
        (Maximum(pixels=SQUARE.pixels - 1), "pixels"),
        (Maximum(quality=Quality.LOW), "quality"),
    ],
)
@pytest.mark.parametrize("where", ["own", "group", "everyone"])
def test_the_strictest_maximum_wins_wherever_it_stands(
    most: Maximum, reason: str, where: str
) -> None:
    generous = Maximum(n=10, quality=Quality.MAX, pixels=10**9)
    entries = dict.fromkeys(("own", "group", "everyone"), Entry(maximum=generous))
    entries[where] = Entry(maximum=most)

    assert of_plan(acl(*entries.values()), replace(PLAN, quality=Quality.MEDIUM)) == reason


@given(level=st.sampled_from(QUALITY_ORDER), most=st.sampled_from(QUALITY_ORDER))
def test_a_quality_up_to_the_maximum_is_granted(level: Quality, most: Quality) -> None:
    within = QUALITY_ORDER.index(level) <= QUALITY_ORDER.index(most)
    rules = acl(Entry(maximum=Maximum(quality=most)))

    assert of_plan(rules, replace(PLAN, quality=level)) == ("granted" if within else "quality")


@pytest.mark.parametrize(
    ("most", "reason"),
    [
        (Quality.LOW, "quality"),
        (Quality.MEDIUM, "quality"),
        (Quality.HIGH, "granted"),
        (Quality.MAX, "granted"),
    ],
)
def test_a_quality_left_to_the_model_counts_as_the_highest_it_has(
    most: Quality, reason: str
) -> None:
    rules = acl(Entry(maximum=Maximum(quality=most)))

    assert of_plan(rules, replace(PLAN, quality=None)) == reason


def test_a_model_without_levels_has_no_quality_to_bound() -> None:
    plain = replace(PAINTER, qualities=())
    rules = acl(Entry(maximum=Maximum(quality=Quality.LOW)))

    assert why(decide_plan(rules, ALICE, replace(PLAN, quality=None), plain)) == "granted"


def test_a_size_left_to_the_model_counts_as_the_largest_it_may_choose() -> None:
    chooser = replace(PAINTER, sizes=replace(CUSTOM, auto=True))
    plan = replace(PLAN, size=None)

    def left(pixels: int) -> str:
        rules = acl(Entry(maximum=Maximum(pixels=pixels)))
        return why(decide_plan(rules, ALICE, plan, chooser))

    assert left(CUSTOM.max_pixels) == "granted"
    assert left(CUSTOM.max_pixels - 1) == "pixels"


def test_auto_is_no_maximum() -> None:
    with pytest.raises(InvalidRequest, match="is a level") as refused:
        Maximum(quality=Quality.AUTO)

    assert refused.value.hint == "Levels are: low, medium, high, xhigh, max."


def test_the_order_of_quality_names_every_level() -> None:
    assert set(QUALITY_ORDER) == set(Quality) - {Quality.AUTO}


def test_the_callers_own_entry_comes_before_its_groups_and_everyones() -> None:
    caller = replace(ALICE, groups=frozenset({"web", "design", "none"}))
    design, web, everyone = (Entry(tools=(name,)) for name in ("design", "web", "everyone"))
    rules = Acl(subjects={ME: READ}, groups={"web": web, "design": design}, everyone=everyone)

    assert rules.entries(caller) == (READ, design, web, everyone)
    assert rules.entries(Caller(subject="user:bob")) == (everyone,)


def test_every_budget_that_counts_for_a_caller_is_found_and_no_strangers() -> None:
    mine, ours, theirs, all_ = (Budget(day=Nano(amount)) for amount in (1, 2, 3, 4))
    rules = Acl(
        subjects={ME: Entry(budget=mine), "user:bob": Entry(budget=theirs)},
        groups={GROUP: Entry(budget=ours), "web": Entry(budget=theirs)},
        everyone=Entry(budget=all_),
        providers={"studio": Budget(month=FREE)},
    )

    assert rules.budgets(ALICE) == {
        (Level.SUBJECT, ME): mine,
        (Level.GROUP, GROUP): ours,
        (Level.PROVIDER, "studio"): Budget(month=FREE),
        (Level.EVERYONE, ""): all_,
    }
    assert Acl().budgets(replace(ALICE, groups=frozenset({"none"}))) == {
        (Level.EVERYONE, ""): Budget()
    }
