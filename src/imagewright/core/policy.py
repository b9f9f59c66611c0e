"""Who may do what: the ACL's values and the one decision on them."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatchcase
from types import MappingProxyType

from imagewright.core.ask import Quality
from imagewright.core.budget import Budget, Level
from imagewright.core.caller import Caller
from imagewright.core.catalogue import Model
from imagewright.core.errors import InvalidRequest
from imagewright.core.limit import Limits
from imagewright.core.plan import Plan
from imagewright.core.revocation import Target, barring, stopping
from imagewright.core.scope import SPENDING, WRITING, Scope
from imagewright.core.sizing import may_choose

QUALITY_ORDER = (Quality.LOW, Quality.MEDIUM, Quality.HIGH, Quality.XHIGH, Quality.MAX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Maximum:
    """The most of one ask; None is no limit.

    `quality` and `pixels` also bound what is left to the model. A model without levels has
    no quality to bound. Raises InvalidRequest for the quality `auto`, which is no level.
    """

    n: int | None = None
    quality: Quality | None = None
    pixels: int | None = None

    def __post_init__(self) -> None:
        if self.quality is Quality.AUTO:
            levels = ", ".join(level.value for level in QUALITY_ORDER)
            raise InvalidRequest("The most of a quality is a level.", hint=f"Levels are: {levels}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """What the ACL says of one subject, group or everyone.

    Scopes are united over the entries that name a caller; the rest are limits and
    all apply (None is no limit). An expired entry grants nothing, and its limits stay.
    `tools` are patterns of tools' names and narrow neither resources nor routes.
    """

    scopes: frozenset[Scope] = frozenset()
    tools: tuple[str, ...] | None = None
    providers: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None
    budget: Budget = Budget()
    maximum: Maximum = Maximum()
    limits: Limits = Limits()
    expires: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acl:
    """The whole ACL; `read_only` and `revoked` beat every grant.

    `everyone` is a ceiling: raises InvalidRequest if it grants scopes, for then a subject
    that nobody named could act.
    """

    subjects: Mapping[str, Entry] = field(default_factory=lambda: MappingProxyType({}))
    groups: Mapping[str, Entry] = field(default_factory=lambda: MappingProxyType({}))
    everyone: Entry = Entry()
    providers: Mapping[str, Budget] = field(default_factory=lambda: MappingProxyType({}))
    read_only: bool = True
    revoked: frozenset[Target] = frozenset()

    def __post_init__(self) -> None:
        if self.everyone.scopes:
            raise InvalidRequest(
                "The entry for everyone grants scopes.", hint="Grant them to subjects or groups."
            )

    def entries(self, caller: Caller) -> tuple[Entry, ...]:
        """The entries that name the caller, its own first, then its groups', then everyone's."""
        own = self.subjects.get(caller.subject)
        found = [own] if own is not None else []
        found += [self.groups[group] for group in sorted(caller.groups) if group in self.groups]
        return (*found, self.everyone)

    def keyed(self, caller: Caller) -> Iterator[tuple[tuple[str, ...], Entry]]:
        """The same entries, each with its key in the file."""
        if caller.subject in self.subjects:
            yield ("subjects", caller.subject), self.subjects[caller.subject]
        for group in sorted(caller.groups & self.groups.keys()):
            yield ("groups", group), self.groups[group]
        yield ("everyone",), self.everyone

    def budgets(self, caller: Caller) -> dict[tuple[Level, str], Budget]:
        """Every budget that may count for the caller, by level and key."""
        found = {
            (Level.GROUP, group): self.groups[group].budget
            for group in caller.groups
            if group in self.groups
        }
        found |= {(Level.PROVIDER, name): budget for name, budget in self.providers.items()}
        if (own := self.subjects.get(caller.subject)) is not None:
            found[Level.SUBJECT, caller.subject] = own.budget
        found[Level.EVERYONE, ""] = self.everyone.budget
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Whether, and why: one word for a log and the `explain` command."""

    allowed: bool
    reason: str


_YES = Decision(allowed=True, reason="granted")


def granted(acl: Acl, caller: Caller, today: date) -> frozenset[Scope]:
    """The scopes in force: those of entries not expired, less what bars them.

    Bars are the credential's narrowness, read-only, and what was revoked.
    """
    if barred(acl, caller):
        return frozenset()
    scopes: set[Scope] = set()
    for entry in acl.entries(caller):
        if entry.expires is None or today <= entry.expires:
            scopes |= entry.scopes
    narrowing = caller.credential.scopes
    if narrowing is not None:
        scopes &= {scope for scope in scopes if scope.value in narrowing}
    if acl.read_only:
        scopes -= WRITING
    if stopped(acl, caller, None):
        scopes -= SPENDING
    return frozenset(scopes)


def barred(acl: Acl, caller: Caller) -> bool:
    """Whether the caller's token or subject was revoked."""
    return bool(acl.revoked) and not acl.revoked.isdisjoint(barring(caller))


def stopped(acl: Acl, caller: Caller, provider: str | None) -> bool:
    """Whether the caller's spending was revoked, at the provider or (None) everywhere."""
    return bool(acl.revoked) and not acl.revoked.isdisjoint(stopping(caller.subject, provider))


def decide(acl: Acl, caller: Caller, component: str | None, scope: Scope, today: date) -> Decision:
    """Whether the caller may use a tool by name, or (None) anything else that needs the scope."""
    if barred(acl, caller):
        return Decision(allowed=False, reason="revoked")
    if acl.read_only and scope in WRITING:
        return Decision(allowed=False, reason="read_only")
    if scope not in granted(acl, caller, today):
        named = caller.subject in acl.subjects or any(each in acl.groups for each in caller.groups)
        return Decision(allowed=False, reason="scope" if named else "unnamed")
    if component is not None and not _listed(component, acl, caller, lambda entry: entry.tools):
        return Decision(allowed=False, reason="tool")
    return _YES


def decide_model(acl: Acl, caller: Caller, provider: str, model: str) -> Decision:
    """Whether the caller's lists of providers and models reach this one."""
    if not _listed(provider, acl, caller, lambda entry: entry.providers):
        return Decision(allowed=False, reason="provider")
    if not _listed(model, acl, caller, lambda entry: entry.models):
        return Decision(allowed=False, reason="model")
    return _YES


def decide_plan(acl: Acl, caller: Caller, plan: Plan, model: Model) -> Decision:
    """Whether a plan for a model keeps the caller's lists and every maximum.

    What the plan leaves to the model is taken to be the most it may choose.
    """
    listed = decide_model(acl, caller, plan.provider, plan.model)
    if not listed.allowed:
        return listed
    sizes = [plan.size] if plan.size else may_choose(model.sizes)
    pixels = max(size.pixels for size in sizes)
    levels = [plan.quality] if plan.quality else model.qualities
    for entry in acl.entries(caller):
        most = entry.maximum
        if most.n is not None and plan.ask.n > most.n:
            return Decision(allowed=False, reason="n")
        if most.pixels is not None and pixels > most.pixels:
            return Decision(allowed=False, reason="pixels")
        if most.quality is not None and not _within(levels, most.quality):
            return Decision(allowed=False, reason="quality")
    return _YES


def lists(patterns: tuple[str, ...] | None, name: str) -> bool:
    """Whether one of the patterns is the name's; None is no list, which leaves out nothing."""
    return patterns is None or any(fnmatchcase(name, pattern) for pattern in patterns)


def _listed(
    name: str, acl: Acl, caller: Caller, names: Callable[[Entry], tuple[str, ...] | None]
) -> bool:
    return all(lists(names(entry), name) for entry in acl.entries(caller))


def _within(levels: Iterable[Quality], most: Quality) -> bool:
    allowed = QUALITY_ORDER[: QUALITY_ORDER.index(most) + 1]
    return all(level in allowed for level in levels)
