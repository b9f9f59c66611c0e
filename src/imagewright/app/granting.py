"""The ACL looked at from outside: checked, explained, compared. Nothing is served."""

from dataclasses import dataclass, replace
from pathlib import Path

from imagewright.adapters.acl.file import read_whole
from imagewright.adapters.acl.fixed import local_acl
from imagewright.adapters.toml.document import (
    OPEN_TO_CHANGE,
    Document,
    KeyPath,
    key_name,
    read_document,
)
from imagewright.api.mcp.server import TOOLS
from imagewright.app.parts import acl_config, today_of
from imagewright.core.caller import Caller, Credential
from imagewright.core.difference import Change, changes
from imagewright.core.errors import InvalidRequest
from imagewright.core.explanation import Because, Explanation, Question, explain
from imagewright.core.flaw import Flaw
from imagewright.core.policy import Acl
from imagewright.core.revocation import Target
from imagewright.core.scope import Scope
from imagewright.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Grants:
    """An ACL, its warnings, and the file that it stands in (None: that of `local` alone)."""

    acl: Acl
    warnings: tuple[Flaw, ...] = ()
    document: Document | None = None

    def told(self, because: Because) -> str:
        """One reason as a line: place, key and what it says."""
        if not because.key:
            return because.sentence
        place = self.document.place(because.key) if self.document else "no ACL file"
        return f"{place}: {key_name(because.key)} {because.sentence}"


def grants_of(settings: Settings, path: Path | None = None) -> Grants:
    """The ACL of a file, else of the settings. Raises Misconfigured with every flaw."""
    path = path or settings.auth.acl_path
    if path is None:
        return Grants(acl=local_acl(read_only=settings.read_only))
    document, _ = read_document(path, OPEN_TO_CHANGE)
    acl, warnings = read_whole(document, acl_config(settings, path))
    return Grants(acl=acl, warnings=warnings, document=document)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A question as an operator asks it; the action is a tool or a scope."""

    subject: str
    action: str
    groups: frozenset[str] = frozenset()
    token: str | None = None
    provider: str | None = None
    model: str | None = None


def explained(
    settings: Settings, grants: Grants, wanted: Wanted, revoked: frozenset[Target]
) -> Explanation:
    """Whether it is allowed, and by which lines. Raises InvalidRequest."""
    component, scope = _action(wanted.action)
    question = Question(
        caller=Caller(
            subject=wanted.subject,
            groups=wanted.groups,
            credential=Credential(id=wanted.token or "-"),
        ),
        component=component,
        scope=scope,
        provider=wanted.provider,
        model=wanted.model,
    )
    return explain(replace(grants.acl, revoked=revoked), question, today_of(settings))


def difference(settings: Settings, old: Grants, new: Grants) -> tuple[Change, ...]:
    """Who gains and who loses what."""
    return changes(old.acl, new.acl, today_of(settings))


def named(key: KeyPath) -> str:
    """Whose entry a key is, in the file's words."""
    return key_name(key)


def _action(name: str) -> tuple[str | None, Scope]:
    tools = {tool.name: tool.scope for tool in TOOLS}
    if name in tools:
        return name, tools[name]
    try:
        return None, Scope(name)
    except ValueError:
        known = ", ".join([*sorted(tools), *(scope.value for scope in Scope)])
        raise InvalidRequest(
            "The action is neither a tool nor a scope.", hint=f"Actions are: {known}."
        ) from None
