"""`imagewright token`: who may call with which bearer token."""

import asyncio
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from imagewright.cli.listing import AsJson, show_columns, show_json
from imagewright.cli.operator import operator
from imagewright.cli.sources import Sources, settings_or_exit
from imagewright.cli.trouble import told

if TYPE_CHECKING:
    from collections.abc import Iterator

    from imagewright.app.tokens import TokenOffice

app = App(name="token", help="Make, list, rotate and revoke bearer tokens.")
_SHOWN = ("id", "subject", "state", "expires", "last_used", "note")


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a new token is for, and what it is narrowed to."""

    id: Annotated[str | None, Parameter(help="Its id, such as tok_laptop; else one is drawn.")] = (
        None
    )
    group: Annotated[
        list[str],
        Parameter(
            negative="", show_default=False, help="A group that the subject is in; repeatable."
        ),
    ] = field(default_factory=list)
    scope: Annotated[
        list[str],
        Parameter(
            negative="",
            show_default=False,
            help="Narrows what it may do to this scope; repeatable.",
        ),
    ] = field(default_factory=list)
    cidr: Annotated[
        list[str],
        Parameter(
            negative="", show_default=False, help="Narrows where it may come from; repeatable."
        ),
    ] = field(default_factory=list)
    expires: Annotated[
        str | None, Parameter(help="When it ends, such as 90d or 2030-12-31; else never.")
    ] = None
    budget_call: Annotated[
        str | None, Parameter(help="The most US dollars that one call may cost.")
    ] = None
    budget_day: Annotated[
        str | None, Parameter(help="The most US dollars that may be spent with it in a day.")
    ] = None
    budget_month: Annotated[str | None, Parameter(help="The same in a month.")] = None
    note: Annotated[str, Parameter(show_default=False, help="A line for the operator.")] = ""


@app.command
def add(
    subject: Annotated[str, Parameter(help="Who it is, such as user:alice@example.com.")],
    /,
    *,
    options: Options | None = None,
    sources: Sources | None = None,
) -> None:
    """Make a token and print it, this once, on standard output."""
    given = options or Options()
    with _office(sources) as office:
        terms = office.terms(
            given.expires,
            {
                "per_call": given.budget_call,
                "day": given.budget_day,
                "month": given.budget_month,
            },
            groups=tuple(given.group),
            scopes=tuple(given.scope),
            cidrs=tuple(given.cidr),
            note=given.note,
        )
        made = office.add(subject, terms, given.id)
        _tell(office)
        _say(f"Added {made.id} for {subject} to {office.path}.")
        _show(made.token)


@app.command(name="list")
def list_tokens(
    *,
    sources: Sources | None = None,
    as_json: AsJson = False,
) -> None:
    """Print every token's id, subject, state, expiry and last use; never a secret or a hash."""
    with _office(sources) as office:
        rows = asyncio.run(office.listed())
        _tell(office)
    if as_json:
        show_json("tokens", rows)
    else:
        none = f"{office.path} holds no token. Make one with: imagewright token add SUBJECT"
        show_columns(_SHOWN, rows, none)


@app.command
def rotate(
    id: Annotated[str, Parameter(help="The token's id.")],
    /,
    *,
    overlap: Annotated[str, Parameter(help="How long the old token stays good; 0 is not.")] = "1h",
    expires: Annotated[
        str | None, Parameter(help="When the new one ends; else as the old one would have.")
    ] = None,
    sources: Sources | None = None,
) -> None:
    """Put a new token into an entry and print it, this once, on standard output."""
    with _office(sources) as office:
        made = office.rotate(id, overlap, expires)
        _tell(office)
        _say(f"Rotated {made.id} in {office.path}.")
        _say(f"The old token is good until {made.until:%F %T} UTC." if made.until else _ENDS_NOW)
        _show(made.token)


@app.command
def revoke(
    id: Annotated[str, Parameter(help="The token's id.")],
    /,
    *,
    remove: Annotated[
        bool, Parameter(negative="", help="Take the entry out of the file too.")
    ] = False,
    sources: Sources | None = None,
) -> None:
    """Refuse a token from now on."""
    with _office(sources) as office:
        asyncio.run(office.revoke(id, remove=remove))
        _tell(office)
        _say(f"Revoked {id} in {office.path}. {_SOON}")


@app.command(name="import")
def import_tokens(
    file: Annotated[
        Path | None, Parameter(help="A file of tokens in clear; else the tokens file itself.")
    ] = None,
    /,
    *,
    sources: Sources | None = None,
) -> None:
    """Hash the tokens in clear of a file, so that nobody who reads it can use them."""
    with _office(sources) as office:
        ids = office.take_in(file)
        _tell(office)
    for id in ids:
        _say(f"Hashed {id}.")
    count = "1 token in clear is" if len(ids) == 1 else f"{len(ids)} tokens in clear are"
    _say(f"{count} hashed in {office.path} now, and good as before.")
    if file is not None and ids and not file.samefile(office.path):
        _say(f"{file} still holds them in clear: delete it.")


_SOON = "A running service takes it up within a few seconds."
_ENDS_NOW = "The old token is refused from now on."


@contextmanager
def _office(sources: Sources | None) -> "Iterator[TokenOffice]":
    """The office, and at the end the audit's lines: a token is shown before they can fail."""
    from imagewright.app.tokens import TokenOffice

    with told():
        office = TokenOffice(settings_or_exit(sources).settings, operator())
        try:
            yield office
        finally:
            if (flaw := asyncio.run(office.entered())) is not None:
                _say(str(flaw))


def _show(token: str) -> None:
    _say(f"{_SOON} This is the token, shown this once:")
    sys.stderr.flush()
    print(token, flush=True)


def _tell(office: "TokenOffice") -> None:
    for flaw in office.told:
        _say(str(flaw))


def _say(words: str) -> None:
    print(words, file=sys.stderr)
