"""`imagewright usage`: what was spent, by whom, where and when."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

from cyclopts import App, Parameter

from imagewright.cli.listing import AsJson, Write, show_columns, stream_csv, stream_json
from imagewright.cli.reconcile import reconcile
from imagewright.cli.sources import Sources, settings_or_exit
from imagewright.cli.trouble import told
from imagewright.core.errors import InvalidRequest
from imagewright.core.focus import BY as FOCUS_BY
from imagewright.core.focus import COLUMNS, focus_row
from imagewright.core.money import usd
from imagewright.core.usage import By, Days, Sum, Wanted

if TYPE_CHECKING:
    from imagewright.ports.ledger import Tell
    from imagewright.settings import Settings

app = App(name="usage", help="What was spent, and whether the bills say the same.")
app.command(reconcile)
_AMOUNTS = ("jobs", "images", "held_usd", "settled_usd", "adjusted_usd", "disputed_usd")
_NAMES = ", ".join(By)
_TOTAL = "total"


class Form(StrEnum):
    """How sums are printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    FOCUS = "focus"


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which jobs count."""

    since: Annotated[
        date | None, Parameter(help="The first day that counts, as in 2026-11-30.")
    ] = None
    until: Annotated[date | None, Parameter(help="The last day that counts.")] = None
    subject: Annotated[str | None, Parameter(help="Only this subject's.")] = None
    group: Annotated[str | None, Parameter(help="Only this group's.")] = None
    provider: Annotated[str | None, Parameter(help="Only what this provider made.")] = None
    model: Annotated[str | None, Parameter(help="Only what this model made.")] = None
    token: Annotated[str | None, Parameter(help="Only what this token's id asked for.")] = None

    def wanted(self, by: tuple[By, ...], zone: ZoneInfo) -> Wanted:
        """The same for the ledger. Raises InvalidRequest."""
        only = {
            By.SUBJECT: self.subject,
            By.GROUP: self.group,
            By.PROVIDER: self.provider,
            By.MODEL: self.model,
            By.TOKEN: self.token,
        }
        return Wanted(
            by=by,
            days=Days(first=self.since, last=self.until, zone=zone),
            only={name: value for name, value in only.items() if value is not None},
        )


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Printed:
    """How the sums are printed."""

    as_csv: Annotated[bool, Parameter(name="--csv", negative="", help="As CSV.")] = False
    as_json: AsJson = False
    as_focus: Annotated[
        bool, Parameter(name="--focus", negative="", help="As CSV with the columns of FOCUS 1.2.")
    ] = False

    def form(self) -> Form:
        """The one that is meant. Raises InvalidRequest where several are."""
        given = {Form.JSON: self.as_json, Form.CSV: self.as_csv, Form.FOCUS: self.as_focus}
        found = [form for form, wanted in given.items() if wanted]
        if len(found) > 1:
            raise InvalidRequest("The sums are printed in one form.", hint="Name one of them.")
        return found[0] if found else Form.TABLE


@app.default
def usage(
    *,
    by: Annotated[
        tuple[str, ...],
        Parameter(negative="", help=f"Sums by {_NAMES}; several by commas or repeated."),
    ] = (),
    chosen: Chosen | None = None,
    printed: Printed | None = None,
    sources: Sources | None = None,
) -> None:
    """Print what was spent, as the ledger has it."""
    with told():
        form = (printed or Printed()).form()
        settings = settings_or_exit(sources).settings
        zone = ZoneInfo(settings.time_zone)
        wanted = (chosen or Chosen()).wanted(_dimensions(by, form), zone)
        asyncio.run(_print(settings, wanted, form))


def _dimensions(given: tuple[str, ...], form: Form) -> tuple[By, ...]:
    words = [word.strip() for each in given for word in each.split(",")]
    unknown = [word for word in words if word not in set(By)]
    if unknown:
        raise InvalidRequest(
            f"There are no sums by {unknown[0] or 'nothing'}.", hint=f"Sums are by {_NAMES}."
        )
    if form is not Form.FOCUS:
        return tuple(dict.fromkeys(map(By, words)))
    if words:
        raise InvalidRequest(
            "FOCUS says itself what its rows are of.", hint="Leave --by out, or take --csv."
        )
    return FOCUS_BY


async def _print(settings: "Settings", wanted: Wanted, form: Form) -> None:
    from imagewright.app.spending import ledger

    async with ledger(settings) as reader:
        total: list[Sum] = []
        if form is Form.TABLE:
            rows: list[Sum] = []
            await reader.sums(wanted, rows.append)
            if wanted.by:
                await reader.sums(Wanted(days=wanted.days, only=wanted.only), total.append)
            _show_table(wanted, rows, total)
            return
        with _written(wanted, form) as tell:
            await reader.sums(wanted, tell)


def _show_table(wanted: Wanted, rows: Sequence[Sum], total: Sequence[Sum]) -> None:
    names = (*wanted.by, *_AMOUNTS)
    lines = [_row(wanted, each) for each in rows]
    if lines and total:
        (last,) = total
        blank: dict[str, object] = {**dict.fromkeys(wanted.by, ""), wanted.by[0]: _TOTAL}
        lines.append(blank | _amounts(last))
    show_columns(names, lines, "Nothing was asked for in that time.")


@contextmanager
def _written(wanted: Wanted, form: Form) -> "Iterator[Tell]":
    """Where sums go one by one, so that no more than a day of them is ever in memory."""
    if form is Form.JSON:
        with stream_json("usage") as write:
            yield lambda each: write(_row(wanted, each))
    elif form is Form.CSV:
        write = stream_csv((*wanted.by, *_AMOUNTS))
        yield lambda each: write(_row(wanted, each))
    else:
        write = stream_csv(COLUMNS)
        yield lambda each: _write_focus(write, each, wanted.days.zone)


def _write_focus(write: Write, found: Sum, zone: ZoneInfo) -> None:
    """Only what was charged or made: FOCUS has no holds."""
    if found.spent or found.images:
        write(focus_row(found, zone))


def _row(wanted: Wanted, found: Sum) -> dict[str, object]:
    return {**dict(zip(wanted.by, found.keys, strict=True)), **_amounts(found)}


def _amounts(found: Sum) -> dict[str, object]:
    return {
        "jobs": found.jobs,
        "images": found.images,
        "held_usd": usd(found.held),
        "settled_usd": usd(found.settled),
        "adjusted_usd": usd(found.adjusted),
        "disputed_usd": usd(found.disputed),
    }
