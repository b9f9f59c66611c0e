"""What can be revoked, and whom it bars."""

from dataclasses import replace
from datetime import date

import pytest

from imagewright.core.caller import Caller, Credential
from imagewright.core.errors import InvalidRequest
from imagewright.core.policy import Acl, Decision, Entry, barred, decide, granted, stopped
from imagewright.core.revocation import EVERYBODY, Target, Warrant, What
from imagewright.core.scope import SPENDING, Scope

DAY = date(2026, 11, 21)
BOT = Caller(subject="service:bot", credential=Credential(id="tok_bot"))
GRANTED = frozenset({Scope.IMAGES_READ, Scope.IMAGES_WRITE, *SPENDING})
ACL = Acl(subjects={"service:bot": Entry(scopes=GRANTED)}, read_only=False)


def less(*targets: Target) -> Acl:
    return replace(ACL, revoked=frozenset(targets))


@pytest.mark.parametrize(
    ("what", "key"),
    [
        (What.SPENDING, "user:a"),
        (What.SUBJECT, "alice"),
        (What.SUBJECT, ""),
        (What.SPENDING_BY, "everyone"),
        (What.TOKEN, ""),
        (What.TOKEN, " tok"),
        (What.TOKEN, "tok\n"),
        (What.SPENDING_AT, "ä"),
        (What.SPENDING_AT, "a" * 256),
    ],
)
def test_targets_that_are_none(what: What, key: str) -> None:
    with pytest.raises(InvalidRequest):
        Target(what=what, key=key)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        (Target(what=What.TOKEN, key="tok_bot"), "token tok_bot"),
        (Target(what=What.SUBJECT, key="local"), "subject local"),
        (Target(what=What.SPENDING_BY, key="user:a"), "spending by user:a"),
        (Target(what=What.SPENDING_AT, key="openai"), "spending at openai"),
        (EVERYBODY, "all spending"),
    ],
)
def test_targets_in_words(target: Target, said: str) -> None:
    assert str(target) == said


@pytest.mark.parametrize("text", ["", "  ", "a\nb", "\x1b[31m", "a" * 501])
def test_a_warrant_has_a_reason_and_a_name_of_one_line(text: str) -> None:
    with pytest.raises(InvalidRequest):
        Warrant(by="root", reason=text, at=1)
    with pytest.raises(InvalidRequest):
        Warrant(by=text, reason="why", at=1)


@pytest.mark.parametrize(
    "target",
    [Target(what=What.TOKEN, key="tok_bot"), Target(what=What.SUBJECT, key="service:bot")],
    ids=str,
)
def test_who_is_revoked_may_nothing(target: Target) -> None:
    acl = less(target)
    assert barred(acl, BOT)
    assert granted(acl, BOT, DAY) == frozenset()
    denied = Decision(allowed=False, reason="revoked")
    assert decide(acl, BOT, None, Scope.IMAGES_READ, DAY) == denied
    assert decide(replace(acl, read_only=True), BOT, None, Scope.IMAGES_WRITE, DAY) == denied


@pytest.mark.parametrize(
    "target", [Target(what=What.SPENDING_BY, key="service:bot"), EVERYBODY], ids=str
)
def test_who_may_spend_no_more_may_do_the_rest(target: Target) -> None:
    acl = less(target)
    assert not barred(acl, BOT)
    assert granted(acl, BOT, DAY) == GRANTED - SPENDING
    assert stopped(acl, BOT, None)
    assert stopped(acl, BOT, "openai")


def test_spending_at_one_provider_leaves_the_others() -> None:
    acl = less(Target(what=What.SPENDING_AT, key="openai"))
    assert granted(acl, BOT, DAY) == GRANTED
    assert stopped(acl, BOT, "openai")
    assert not stopped(acl, BOT, "placeholder")
    assert not stopped(acl, BOT, None)


@pytest.mark.parametrize(
    "target",
    [
        Target(what=What.TOKEN, key="service:bot"),
        Target(what=What.TOKEN, key="tok_bo"),
        Target(what=What.SUBJECT, key="service:bot2"),
        Target(what=What.SPENDING_BY, key="user:bot"),
    ],
    ids=str,
)
def test_others_are_not_meant(target: Target) -> None:
    acl = less(target)
    assert granted(acl, BOT, DAY) == GRANTED
    assert not barred(acl, BOT)
    assert not stopped(acl, BOT, "openai")
