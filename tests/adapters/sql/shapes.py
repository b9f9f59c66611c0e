"""The shape of a schema, and what of a change to it the program before would trip over."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, inspect, text

_TRIGGERS = {
    "sqlite": "SELECT tbl_name, sql FROM sqlite_master WHERE type = 'trigger'",
    "postgresql": (
        "SELECT event_object_table, event_manipulation || ' ' || action_timing || ' '"
        " || coalesce(action_condition, '') || ' ' || action_statement"
        " FROM information_schema.triggers"
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column as whoever writes rows meets it; `given` is a default of the database's own."""

    kind: str
    nullable: bool
    given: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Something that may refuse a row; `unique` are the columns that must differ together."""

    text: str
    unique: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A table: its columns, and everything that may refuse a row."""

    columns: Mapping[str, Column]
    rules: frozenset[Rule]


def shapes(connection: Connection) -> dict[str, Shape]:
    """Every table of a database."""
    found = inspect(connection)
    triggers: dict[str, set[Rule]] = {}
    for table, trigger in connection.execute(text(_TRIGGERS[connection.dialect.name])):
        triggers.setdefault(table, set()).add(Rule(text=f"trigger {trigger}"))
    return {
        table: Shape(
            columns={each["name"]: _column(each) for each in found.get_columns(table)},
            rules=frozenset({*_rules(found, table), *triggers.get(table, ())}),
        )
        for table in found.get_table_names()
        if table != "alembic_version"
    }


def _column(told: Any) -> Column:
    given = told.get("default") is not None or bool(told.get("identity"))
    return Column(kind=str(told["type"]), nullable=told["nullable"], given=given)


def _rules(found: Any, table: str) -> Iterator[Rule]:
    yield Rule(text=f"primary key {found.get_pk_constraint(table)['constrained_columns']}")
    for key in found.get_foreign_keys(table):
        yield Rule(text=f"reference {key['constrained_columns']} to {key['referred_table']}")
    for check in found.get_check_constraints(table):
        yield Rule(text=f"check {check['sqltext']}")
    uniques: list[tuple[list[str], dict[str, Any]]] = [
        (one["column_names"], {}) for one in found.get_unique_constraints(table)
    ]
    uniques += [
        (index["column_names"], index.get("dialect_options", {}))
        for index in found.get_indexes(table)
        if index["unique"]
    ]
    for columns, options in uniques:
        where = sorted((key, str(value)) for key, value in options.items())
        yield Rule(text=f"unique {columns} {where}", unique=tuple(columns))


def breaches(before: Mapping[str, Shape], after: Mapping[str, Shape]) -> list[str]:
    """What the program that knows `before` cannot live with in `after`; none is right."""
    gone = [f"table {table} is gone" for table in before.keys() - after.keys()]
    shared = sorted(before.keys() & after.keys())
    return gone + [said for table in shared for said in _of(table, before[table], after[table])]


def _of(table: str, before: Shape, after: Shape) -> Iterator[str]:
    for name in before.columns.keys() - after.columns.keys():
        yield f"column {table}.{name} is gone"
    for name in before.columns.keys() & after.columns.keys():
        if before.columns[name] != after.columns[name]:
            yield f"column {table}.{name} is another"
    for name in after.columns.keys() - before.columns.keys():
        if not (after.columns[name].nullable or after.columns[name].given):
            yield f"column {table}.{name} must be given"
    # Rows without a value differ from each other, and so do those of a program that knows no such
    # column.
    bare = {
        name
        for name in after.columns.keys() - before.columns.keys()
        if after.columns[name].nullable and not after.columns[name].given
    }
    for rule in after.rules - before.rules:
        if bare.isdisjoint(rule.unique):
            yield f"table {table} has a new rule: {rule.text}"
    for rule in before.rules - after.rules:
        yield f"table {table} has lost a rule: {rule.text}"
