"""Which entries of the ACL let a CI system's jobs spend, and must not for so few conditions."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from imagewright.adapters.auth.conditions import is_exact
from imagewright.adapters.auth.issuer import IssuerConfig, Template
from imagewright.adapters.auth.workload import guard_hint, is_guarded
from imagewright.core.policy import Acl, Entry
from imagewright.core.scope import Scope

_SPEND = frozenset({Scope.SPEND, Scope.SPEND_RELAYED, Scope.SPEND_UNATTENDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """An entry that grants spending (`subjects` or `groups`, and its name) to an issuer's jobs."""

    issuer: str
    entry: tuple[str, str]
    hint: str


def reaching(issuers: Iterable[IssuerConfig], acl: Acl) -> Iterator[Reach]:
    """Every entry that grants a spend scope to an issuer without the conditions for it.

    An entry that has expired counts too: nobody reads the conditions again when it is renewed.
    """
    for config in issuers:
        vendor = config.vendor
        if vendor is None or is_guarded(vendor, config.conditions):
            continue
        subject = _pattern(config)
        for name, entry in acl.subjects.items():
            if _spends(entry) and subject.fullmatch(name):
                yield Reach(issuer=config.name, entry=("subjects", name), hint=guard_hint(vendor))
        for name, entry in acl.groups.items():
            if _spends(entry) and _may_be_in(config, name):
                yield Reach(issuer=config.name, entry=("groups", name), hint=guard_hint(vendor))


def _spends(entry: Entry) -> bool:
    return bool(entry.scopes & _SPEND)


def _may_be_in(config: IssuerConfig, group: str) -> bool:
    if not config.groups_claim:
        return False
    return not config.groups or any(group in ours for ours in config.groups.values())


def _pattern(config: IssuerConfig) -> re.Pattern[str]:
    """Every subject that the section may yield: a claim is what its conditions let it be."""
    template = Template(config.subject_text)
    found = re.escape(template.literals[0])
    for claim, literal in zip(template.claims, template.literals[1:], strict=True):
        found += _values(config, claim) + re.escape(literal)
    return re.compile(found)


def _values(config: IssuerConfig, claim: str) -> str:
    wanted = [each for each in config.conditions.get(claim, ()) if isinstance(each, str)]
    if not wanted:
        return ".+"
    each = (
        re.escape(text) if is_exact(text) else f"{re.escape(text.removesuffix('*'))}[^/]*"
        for text in wanted
    )
    return f"(?:{'|'.join(each)})"
