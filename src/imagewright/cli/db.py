"""`imagewright db`: which schema the database has, and which it needs."""

import asyncio
import json

from cyclopts import App

from imagewright.cli.listing import AsJson
from imagewright.cli.operator import operator
from imagewright.cli.sources import Sources, settings_or_exit
from imagewright.cli.trouble import FAILED, told

app = App(name="db", help="Look at the database's schema, and upgrade it.")

PENDING = 3
"""The exit code of a status that asks for an upgrade."""


@app.command
def status(*, sources: Sources | None = None, as_json: AsJson = False) -> None:
    """Print the schema that the database has, this program's, and what is missing.

    Exits with 0 where they are the same, 3 where an upgrade is to come, 1 where this program
    cannot work on it.
    """
    from imagewright.app.migrating import State, schema_of

    settings = settings_or_exit(sources).settings
    with told():
        found = asyncio.run(schema_of(settings))
    if as_json:
        print(
            json.dumps(
                {
                    "database": found.database,
                    "here": found.here,
                    "program": found.program,
                    "state": found.state.value,
                    "pending": [{"schema": key, "title": title} for key, title in found.pending],
                },
                indent=2,
            )
        )
    else:
        here = f"at schema {found.here}" if found.here else "not made yet"
        print(f"{found.state.value}: the {found.database} database is {here}.")
        print(f"This program knows schema {found.program}.")
        for key, title in found.pending:
            print(f"pending: {key} {title}")
    code = {State.CURRENT: 0, State.NEWER: FAILED}.get(found.state, PENDING)
    if code:
        raise SystemExit(code)


@app.command
def upgrade(*, sources: Sources | None = None) -> None:
    """Bring the database to this program's schema, as the start of the service does.

    An older program that works on it goes on. A SQLite file is copied before, beside itself.
    """
    from imagewright.app.migrating import upgrade_schema

    settings = settings_or_exit(sources).settings
    with told():
        done = asyncio.run(upgrade_schema(settings, by=operator()))
    if done is None:
        print("Nothing to do: the database is at this program's schema.")
        return
    print(f"Upgraded from {done.before} to {done.now}." if done.before else f"Made at {done.now}.")
    if done.copy:
        print(f"What was there before: {done.copy}")
