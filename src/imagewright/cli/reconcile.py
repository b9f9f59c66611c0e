"""`imagewright usage reconcile`: whether a vendor's bill says the same as the ledger."""

import asyncio
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from imagewright.cli.listing import AsJson, show_columns
from imagewright.cli.operator import operator
from imagewright.cli.sources import Sources, settings_or_exit
from imagewright.cli.trouble import told
from imagewright.core.bill import Drift, Tolerance
from imagewright.core.errors import InvalidRequest
from imagewright.core.money import usd

if TYPE_CHECKING:
    from imagewright.app.spending import Reckoning
    from imagewright.settings import Settings

DRIFTS = 3
"""The exit code where a bill is further from the ledger than the tolerance."""
_MOST = 64 * 1024 * 1024
_SHOWN = ("day", "model", "billed_usd", "spent_usd", "held_usd", "drift_usd")


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How the bill is read."""

    provider: Annotated[str, Parameter(help="Whose bill it is: a provider's name.")]
    columns: Annotated[
        str | None, Parameter(help="What to read: day=…,amount=…,model=…,request=….")
    ] = None
    rename: Annotated[
        tuple[str, ...],
        Parameter(negative="", help="The bill's name of a model and ours, as a=b; repeatable."),
    ] = ()
    model: Annotated[
        tuple[str, ...],
        Parameter(negative="", help="Only this model, by our name; repeatable."),
    ] = ()


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Doing:
    """What is done about a drift."""

    tolerance: Annotated[
        str, Parameter(help="How far a day and model may be apart: US dollars, or as 2%.")
    ] = "0.01"
    adjust: Annotated[
        bool, Parameter(negative="", help="Enter what the bill is higher by in the ledger.")
    ] = False
    note: Annotated[str | None, Parameter(help="Why, for the audit; else the file's name.")] = None


def reconcile(
    file: Annotated[Path, Parameter(help="The vendor's export: CSV or JSON lines; - is stdin.")],
    /,
    *,
    reading: Reading,
    doing: Doing | None = None,
    sources: Sources | None = None,
    as_json: AsJson = False,
) -> None:
    """Compare a vendor's bill with the ledger, by day and model; exit with 3 where it drifts."""
    does = doing or Doing()
    with told():
        tolerance = Tolerance.read(does.tolerance)
        settings = settings_or_exit(sources).settings
        found = asyncio.run(_reckon(settings, file, reading, does, tolerance))
    beyond = found.beyond(tolerance)
    if as_json:
        _print_json(found, beyond)
    else:
        _print(found, beyond)
    if beyond:
        raise SystemExit(DRIFTS)


async def _reckon(
    settings: "Settings", file: Path, reading: Reading, does: Doing, tolerance: Tolerance
) -> "Reckoning":
    from imagewright.app.spending import names_of, reckon
    from imagewright.services.bills import mapped, read_bill
    from imagewright.services.reconciling import Bill

    form = None if reading.columns is None else mapped(reading.columns)
    bill = Bill(
        provider=reading.provider,
        lines=tuple(read_bill(_text(file), form)),
        names={**names_of(settings, reading.provider), **_renamed(reading.rename)},
        models=frozenset(reading.model),
    )
    note = (does.note or f"bill {file.name}") if does.adjust else None
    return await reckon(settings, bill, tolerance, by=operator(), note=note)


def _text(file: Path) -> str:
    if str(file) == "-":
        data = sys.stdin.buffer.read(_MOST + 1)
    else:
        with file.open("rb") as opened:
            data = opened.read(_MOST + 1)
    if len(data) > _MOST:
        raise InvalidRequest("The bill is larger than 64 MiB.", hint="Export fewer days at once.")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InvalidRequest(f"Line {line} is not UTF-8.", hint="Export the file anew.") from error


def _renamed(pairs: Iterable[str]) -> Mapping[str, str]:
    names = dict(pair.rpartition("=")[::2] for pair in pairs)
    if not all(names) or not all(names.values()):
        raise InvalidRequest(
            "A name is not given as bill=ours.", hint="Write it like gpt-image-1-2025-04-23=mine."
        )
    return names


def _print(found: "Reckoning", beyond: tuple[Drift, ...]) -> None:
    rows = found.compared.rows
    show_columns(_SHOWN, [_row(row) for row in rows], "")
    adjusted, whole = found.adjusted, found.compared.whole
    if adjusted is not None:
        _say(f"Adjusted {adjusted.jobs} jobs by ${usd(adjusted.amount)} in all.")
        for row in adjusted.left:
            _say(f"{_named(row)} was not adjusted: {_why(row)}")
    _say(f"{whole.first} to {whole.last} at {whole.provider}, in USD: {whole}.")
    if beyond:
        _say(f"{len(beyond)} of {len(rows)} rows are further apart than the tolerance.")


def _why(row: Drift) -> str:
    if row.held:
        return f"${usd(row.held)} is held still. See: imagewright jobs list"
    return "no job of ours was at work there. Look for another user of the account."


def _named(row: Drift) -> str:
    return f"{row.day} {row.model or ''}".strip()


def _row(row: Drift) -> dict[str, object]:
    return {
        "day": row.day.isoformat(),
        "model": row.model,
        "billed_usd": usd(row.billed),
        "spent_usd": usd(row.spent),
        "held_usd": usd(row.held),
        "drift_usd": usd(row.drift),
    }


def _print_json(found: "Reckoning", beyond: tuple[Drift, ...]) -> None:
    whole, adjusted = found.compared.whole, found.adjusted
    table = {
        "provider": whole.provider,
        "first": whole.first.isoformat(),
        "last": whole.last.isoformat(),
        "billed_usd": usd(whole.billed),
        "spent_usd": usd(whole.spent),
        "held_usd": usd(whole.held),
        "drift_usd": usd(whole.drift),
        "within": not beyond,
        "adjusted_usd": None if adjusted is None else usd(adjusted.amount),
        "rows": [{**_row(row), "within": row not in beyond} for row in found.compared.rows],
    }
    print(json.dumps(table, indent=2))


def _say(words: str) -> None:
    print(words, file=sys.stderr)
