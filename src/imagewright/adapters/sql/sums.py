"""Sums over jobs and their lines in the ledger, made by the database and folded into days here."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from operator import add
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    Select,
    Subquery,
    case,
    cast,
    func,
    literal_column,
    select,
)

from imagewright.adapters.sql.database import Database
from imagewright.adapters.sql.rows import Found
from imagewright.adapters.sql.tables import jobs, ledger, subjects
from imagewright.core.budget import Span, period
from imagewright.core.errors import Unavailable
from imagewright.core.money import Nano
from imagewright.core.usage import By, Sum, Wanted
from imagewright.ports.ledger import Tell

_QUARTER = 900_000_000
"""Microseconds of a quarter of an hour: no zone's days begin within one."""
_AT_ONCE = 1000
_MONEY = ("held", "settled", "adjusted", "disputed")
_SUMS = ("jobs", "made", *_MONEY)
_COLUMNS = {By.GROUP: "groups", By.DAY: "quarter"}


class SqlLedger:
    """`ports.ledger.LedgerReader`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def sums(self, wanted: Wanted, tell: Tell) -> None:
        telling = _Telling(tell)
        await self._database.read(partial(_sums, wanted=wanted, telling=telling))


@dataclass
class _Telling:
    """Tells sums, and notes that it has begun: what was told cannot be taken back."""

    tell: Tell
    begun: bool = False

    def all(self, sums: Iterable[Sum]) -> None:
        for each in sums:
            self.begun = True
            self.tell(each)


def _sums(connection: Connection, wanted: Wanted, telling: _Telling) -> None:
    if telling.begun:
        raise Unavailable("The database broke the reading off.", hint="Try again.")
    query = _query(wanted, connection.dialect.name)
    found = connection.execution_options(yield_per=_AT_ONCE).execute(query).mappings()
    folding = _Folding(wanted)
    for row in found:
        if folding.ended_by(row):
            telling.all(folding.take())
        folding.add(row)
    telling.all(folding.take())


def _query(wanted: Wanted, dialect: str) -> Select[Any]:
    """Sums by what is asked for; days as quarters of an hour, groups as the list that they are."""
    row = _rows(wanted, dialect)
    asked = {*wanted.by, *({By.GROUP} & wanted.only.keys())}
    keys = [row.c[_COLUMNS.get(by, by.value)] for by in sorted(asked)]
    sums = [func.count().label("jobs")]
    sums += [func.coalesce(func.sum(row.c[name]), 0).label(name) for name in _SUMS[1:]]
    chosen = [row.c[by.value] == only for by, only in wanted.only.items() if by is not By.GROUP]
    query = select(*keys, *sums).where(*chosen).group_by(*keys)
    return query.order_by(row.c.quarter) if By.DAY in asked else query


def _rows(wanted: Wanted, dialect: str) -> Subquery:
    """A row for each job that counts."""
    at = jobs.c.started_at if wanted.sent else jobs.c.created_at
    query = (
        select(
            subjects.c.name.label("subject"),
            jobs.c.groups,
            _told(dialect, "provider", jobs.c.provider).label("provider"),
            _told(dialect, "model", jobs.c.model).label("model"),
            _told(dialect, "request", literal_column("''")).label("request"),
            jobs.c.id.label("job"),
            jobs.c.credential.label("token"),
            (at // literal_column(str(_QUARTER))).label("quarter"),
            jobs.c.made,
            *(_entered(name) for name in _MONEY),
        )
        .select_from(jobs.join(subjects, subjects.c.number == jobs.c.subject))
        .where(at.is_not(None))
    )
    if (begin := wanted.days.begin) is not None:
        query = query.where(at >= begin)
    if (end := wanted.days.end) is not None:
        query = query.where(at < end)
    return query.subquery()


def _told(dialect: str, key: str, usual: ColumnElement[str]) -> ColumnElement[str]:
    """What a job's outcome tells, such as whom it was passed on to; else what is usual."""
    if dialect == "sqlite":
        other = func.json_extract(jobs.c.outcome, f"$.{key}")
    else:
        other = func.json_extract_path_text(cast(jobs.c.outcome, JSON), key)
    return func.coalesce(other, usual)


def _entered(name: str) -> ColumnElement[int]:
    """What a job's lines come to."""
    amount, kind = ledger.c.amount, ledger.c.kind
    counted = {
        "held": case((kind == "hold", amount), (kind.in_(["settle", "release"]), -amount), else_=0),
        "settled": case((kind == "settle", amount), else_=0),
        "adjusted": case((kind == "adjust", amount), else_=0),
        "disputed": case((ledger.c.disputed.is_not(None), amount), else_=0),
    }[name]
    lines = select(func.coalesce(func.sum(counted), 0)).where(ledger.c.job == jobs.c.id)
    return lines.correlate(jobs).scalar_subquery().label(name)


@dataclass
class _Folding:
    """Sums under way: of one day where days are asked for, else of all."""

    wanted: Wanted
    day: str = ""
    sums: dict[tuple[str, ...], list[int]] = field(default_factory=dict)

    def ended_by(self, row: Found) -> bool:
        """Whether a row is of another day than those before it."""
        return bool(self.sums) and self._day(row) != self.day

    def add(self, row: Found) -> None:
        self.day = self._day(row)
        for group in self._groups(row):
            values: Mapping[By, str] = {By.GROUP: group, By.DAY: self.day}
            keys = tuple(values[by] if by in values else row[by.value] for by in self.wanted.by)
            before = self.sums.get(keys, [0] * len(_SUMS))
            self.sums[keys] = list(map(add, before, (int(row[name]) for name in _SUMS)))

    def take(self) -> Iterable[Sum]:
        """The sums, which are not under way any more."""
        found, self.sums = sorted(self.sums.items()), {}
        for keys, (count, made, *money) in found:
            amounts = dict(zip(_MONEY, map(Nano, money), strict=True))
            if count:  # a sum over nothing by nothing is a row too
                yield Sum(keys=keys, jobs=count, images=made, **amounts)

    def _day(self, row: Found) -> str:
        if By.DAY not in self.wanted.by:
            return ""
        return period(Span.DAY, row["quarter"] * _QUARTER, self.wanted.days.zone)

    def _groups(self, row: Found) -> Iterable[str]:
        """The groups that a row counts in; the empty one is none, or where none is asked for."""
        only = self.wanted.only.get(By.GROUP)
        if only is None and By.GROUP not in self.wanted.by:
            return ("",)
        groups: list[str] = json.loads(row["groups"]) or [""]
        if only is not None:
            groups = [each for each in groups if each == only]
        return groups if By.GROUP in self.wanted.by else groups[:1]
