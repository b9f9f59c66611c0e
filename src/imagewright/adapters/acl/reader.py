"""acl.toml as the values that decisions are made on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from types import MappingProxyType

from imagewright.adapters.acl.limits import read_limits
from imagewright.adapters.toml.budgets import read_budget
from imagewright.adapters.toml.document import Document, KeyPath
from imagewright.adapters.toml.findings import Findings, Table, nearest
from imagewright.core.ask import Quality
from imagewright.core.budget import Budget
from imagewright.core.caller import check_subject
from imagewright.core.flaw import Flaw
from imagewright.core.limit import Limit
from imagewright.core.policy import QUALITY_ORDER, Acl, Entry, Maximum
from imagewright.core.scope import Scope, expand

TOP = ("subjects", "groups", "everyone", "providers")
COUNTED = tuple(limit.value for limit in Limit)
LIMITS = ("tools", "providers", "models", "budget", *COUNTED, "max")
ENTRY = ("scopes", *LIMITS, "expires")
MAXIMUM = ("n", "quality", "pixels")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The names that exist; None leaves a kind unchecked.

    `tools` are those of MCP: resources and routes of HTTP need their scopes, and no list of
    tools narrows them.
    """

    tools: frozenset[str] | None = None
    providers: frozenset[str] | None = None


def read_acl(
    document: Document, known: Known, *, read_only: bool, today: date | None = None
) -> tuple[Acl, tuple[Flaw, ...]]:
    """The ACL and its warnings. Raises Misconfigured with every flaw of the document.

    What has expired by `today` is warned of: it must not stop a service that starts again.
    """
    return _Reader(document, known, today).acl(read_only=read_only)


class _Reader:
    def __init__(self, document: Document, known: Known, today: date | None) -> None:
        self._document = document
        self._known = known
        self._today = today
        self._found = Findings(document)

    def acl(self, *, read_only: bool) -> tuple[Acl, tuple[Flaw, ...]]:
        table = self._document.table
        self._found.unknown((), table, TOP)
        acl = Acl(
            subjects=self._subjects(self._table("subjects")),
            groups=self._groups(self._table("groups")),
            everyone=self._everyone(self._table("everyone")),
            providers=self._providers(self._table("providers")),
            read_only=read_only,
        )
        return acl, self._found.close()

    def _table(self, name: str) -> Table:
        table = self._document.table
        return self._found.table((name,), table[name]) if name in table else {}

    def _subjects(self, table: Table) -> Mapping[str, Entry]:
        entries = {}
        for subject, value in table.items():
            path = ("subjects", subject)
            if "*" in subject:
                self._found.fault(
                    path, "Subjects are named in full; * matches nobody.", "Use [groups.<name>]."
                )
            else:
                self._found.parsed(path, check_subject, subject)
            entries[subject] = self._entry(path, value)
        return MappingProxyType(entries)

    def _groups(self, table: Table) -> Mapping[str, Entry]:
        entries = {}
        for group, value in table.items():
            path = ("groups", group)
            if not group.strip() or "*" in group:
                self._found.fault(path, "Groups are named in full; * and blank match none.")
            entries[group] = self._entry(path, value)
        return MappingProxyType(entries)

    def _everyone(self, table: Table) -> Entry:
        for key in ("scopes", "expires"):
            if key in table:
                self._found.fault(
                    ("everyone", key),
                    "This is a ceiling for all and grants nothing.",
                    "Grant scopes to subjects and groups by name.",
                )
        limits = {key: value for key, value in table.items() if key not in {"scopes", "expires"}}
        return self._long(("everyone",), limits, LIMITS)

    def _providers(self, table: Table) -> Mapping[str, Budget]:
        budgets = {}
        for name, value in table.items():
            path = ("providers", name)
            if self._known.providers is not None and name not in self._known.providers:
                self._found.fault(
                    path, "No such provider is configured.", nearest(name, self._known.providers)
                )
            entry = self._found.table(path, value)
            self._found.unknown(path, entry, ("budget",))
            budgets[name] = read_budget(self._found, path, entry)
        return MappingProxyType(budgets)

    def _entry(self, path: KeyPath, value: object) -> Entry:
        if isinstance(value, list):
            value = {"scopes": value}
        elif not isinstance(value, dict):
            self._found.fault(
                path, "This must be a list of scopes or a table.", 'Write ["images:read"].'
            )
            return Entry()
        entry = self._long(path, value, ENTRY)
        budget = entry.budget
        if Scope.SPEND_UNATTENDED in entry.scopes and (
            budget.per_call is None or (budget.day is None and budget.month is None)
        ):
            self._found.fault(
                path,
                "spend:unattended needs a budget per call, and one for a day or a month.",
                'Add: budget = { per_call = "0.10", day = "2" }',
            )
        return entry

    def _long(self, path: KeyPath, table: Table, keys: tuple[str, ...]) -> Entry:
        self._found.unknown(path, table, keys)
        return Entry(
            scopes=self._scopes(path, table),
            tools=self._patterns(path, table, "tools", self._known.tools),
            providers=self._patterns(path, table, "providers", self._known.providers),
            models=self._patterns(path, table, "models", None),
            budget=read_budget(self._found, path, table),
            maximum=self._maximum(path, table),
            limits=read_limits(self._found, path, table),
            expires=self._expires(path, table),
        )

    def _scopes(self, path: KeyPath, table: Table) -> frozenset[Scope]:
        scopes: set[Scope] = set()
        if "scopes" in table:
            at = (*path, "scopes")
            for name in self._found.texts(at, table["scopes"]):
                scopes |= self._found.parsed(at, expand, [name]) or set()
        return frozenset(scopes)

    def _patterns(
        self, path: KeyPath, table: Table, key: str, known: frozenset[str] | None
    ) -> tuple[str, ...] | None:
        if key not in table:
            return None
        patterns = self._found.texts((*path, key), table[key])
        for pattern in patterns if known is not None else ():
            if not any(fnmatchcase(name, pattern) for name in known or ()):
                self._found.fault(
                    (*path, key), f"{pattern!r} matches nothing.", nearest(pattern, known or ())
                )
        return patterns

    def _maximum(self, path: KeyPath, table: Table) -> Maximum:
        if "max" not in table:
            return Maximum()
        at = (*path, "max")
        most = self._found.table(at, table["max"])
        self._found.unknown(at, most, MAXIMUM)
        return Maximum(
            n=self._count(at, most, "n"),
            quality=self._quality(at, most),
            pixels=self._count(at, most, "pixels"),
        )

    def _count(self, path: KeyPath, table: Table, key: str) -> int | None:
        value = table.get(key)
        if value is None or (isinstance(value, int) and value is not True and value > 0):
            return value
        self._found.fault((*path, key), "This must be a whole number of 1 or more.")
        return None

    def _quality(self, path: KeyPath, table: Table) -> Quality | None:
        value = table.get("quality")
        levels = [level.value for level in QUALITY_ORDER]
        if value is None or value in levels:
            return None if value is None else Quality(value)
        self._found.fault((*path, "quality"), "No such level.", f"Levels: {', '.join(levels)}.")
        return None

    def _expires(self, path: KeyPath, table: Table) -> date | None:
        value = table.get("expires")
        if value is None:
            return None
        if type(value) is date:
            if self._today is not None and value < self._today:
                self._found.warn(
                    (*path, "expires"), "This day has passed, so the entry grants nothing."
                )
            return value
        self._found.fault(
            (*path, "expires"),
            "This must be a date, the last day of the grant.",
            "Write it without quotes: 2027-01-01",
        )
        return None
