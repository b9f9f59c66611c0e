"""Why the ACL allows something, or does not: the same rules, with the key that decided."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from imagewright.core import policy
from imagewright.core.bounds import bounds
from imagewright.core.caller import Caller
from imagewright.core.policy import Acl, Entry
from imagewright.core.revocation import barring
from imagewright.core.scope import Scope

Key = tuple[str, ...]
"""A key's path in the ACL file; empty for what stands in none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """May the caller use a tool (or, None, anything else of a scope), there, with that model?"""

    caller: Caller
    component: str | None
    scope: Scope
    provider: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Because:
    """One key of the file, and what it says to the question."""

    key: Key
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """The decision, its one word, and the keys that made it."""

    allowed: bool
    reason: str
    because: tuple[Because, ...]
    limits: tuple[Because, ...] = ()
    """What keeps the caller where it is allowed: nothing of it is used up here."""


def explain(acl: Acl, question: Question, today: date) -> Explanation:
    """What `policy` decides, and by which keys."""
    caller, scope = question.caller, question.scope
    decision = policy.decide(acl, caller, question.component, scope, today)
    if not decision.allowed:
        because = tuple(_denied(acl, question, decision.reason, today))
        return Explanation(allowed=False, reason=decision.reason, because=because)
    grants = tuple(
        Because(key=(*key, "scopes"), sentence=f"grants {scope.value}.")
        for key, entry in acl.keyed(caller)
        if scope in entry.scopes and not _expired(entry, today)
    )
    reached: tuple[tuple[str, str | None, Callable[[Entry], tuple[str, ...] | None]], ...] = (
        ("provider", question.provider, lambda entry: entry.providers),
        ("model", question.model, lambda entry: entry.models),
    )
    for word, name, names in reached:
        if name is not None and (found := tuple(_unlisted(acl, caller, f"{word}s", name, names))):
            return Explanation(allowed=False, reason=word, because=found)
    limits = tuple(_limiting(acl, caller))
    return Explanation(allowed=True, reason=decision.reason, because=grants, limits=limits)


def _limiting(acl: Acl, caller: Caller) -> Iterator[Because]:
    for bound in bounds(acl, caller).all():
        keys = {"subject": ("subjects", caller.subject), "group": ("groups", bound.name)}
        key = (*keys.get(bound.owner, ("everyone",)), bound.limit.value)
        yield Because(key=key, sentence=f"limits {caller.subject} to {bound}.")


def _denied(acl: Acl, question: Question, reason: str, today: date) -> Iterator[Because]:
    caller, scope = question.caller, question.scope
    if reason == "revoked":
        for target in sorted(acl.revoked & set(barring(caller))):
            yield Because(key=(), sentence=f"The {target} is revoked.")
    elif reason == "read_only":
        yield Because(key=(), sentence="The service is read-only, which beats every grant.")
    elif reason == "unnamed":
        yield Because(key=(), sentence=f"No entry names {caller.subject} or a group of its.")
    elif reason == "tool":
        tool = question.component or ""
        yield from _unlisted(acl, caller, "tools", tool, lambda entry: entry.tools)
    else:
        yield from _not_granted(acl, caller, scope, today)


def _not_granted(acl: Acl, caller: Caller, scope: Scope, today: date) -> Iterator[Because]:
    for key, entry in acl.keyed(caller):
        if key == ("everyone",):
            continue
        if scope in entry.scopes and _expired(entry, today):
            yield Because(key=(*key, "expires"), sentence=f"granted {scope.value} until then.")
        elif scope in entry.scopes:
            said = f"grants {scope.value}, which was revoked, or is not in the token."
            yield Because(key=(*key, "scopes"), sentence=said)
        else:
            yield Because(key=(*key, "scopes"), sentence=f"does not grant {scope.value}.")


def _unlisted(
    acl: Acl,
    caller: Caller,
    list_name: str,
    name: str,
    names: Callable[[Entry], tuple[str, ...] | None],
) -> Iterator[Because]:
    for key, entry in acl.keyed(caller):
        if not policy.lists(names(entry), name):
            yield Because(key=(*key, list_name), sentence=f"does not list {name}.")


def _expired(entry: Entry, today: date) -> bool:
    return entry.expires is not None and today > entry.expires
