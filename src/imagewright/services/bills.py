"""Reads the exports in which vendors tell what they charged."""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from io import StringIO

from imagewright.core.bill import Line
from imagewright.core.errors import InvalidRequest
from imagewright.core.money import DOLLAR, Nano

_BLANK = re.compile(r"\s*")
_MOST = Decimal(1_000_000_000)
_MAP = "Say which columns to read, such as --columns day=Date,model=Item,amount=Cost."


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """Where an export has what a line needs; `others` are columns that say nothing more.

    `blank` says that a row without an amount is of a day without costs. `items` says that behind
    a comma the model's column has the kind of token.
    """

    day: str
    amount: str
    model: str | None = None
    request: str | None = None
    currency: str | None = None
    others: frozenset[str] = frozenset()
    blank: bool = False
    items: bool = False

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns that must be there."""
        return tuple(name for name in (self.day, self.amount, self.model) if name is not None)

    @property
    def known(self) -> frozenset[str]:
        """Every column that may be there."""
        found = {self.day, self.amount, self.model, self.request, self.currency}
        return self.others | {name for name in found if name is not None}


PLAIN = Form(day="day", amount="amount_usd", model="model", request="request")
OPENAI = Form(
    day="start_time",
    amount="amount_value",
    currency="amount_currency",
    model="line_item",
    others=frozenset(
        {
            "end_time", "start_time_iso", "end_time_iso", "project_id", "project_name",
            "organization_id", "organization_name",
        }
    ),
    blank=True,
    items=True,
)  # fmt: skip
"""The export of OpenAI's page of costs; grouped by line items, it tells the models."""
_FORMS = (PLAIN, OPENAI)
_ROLES = ("day", "model", "amount", "request")


def mapped(text: str) -> Form:
    """The form that an operator describes: `day=Date,amount=Cost`. Raises InvalidRequest."""
    pairs = [each.partition("=") for each in text.split(",")]
    names = {role.strip(): column.strip() for role, _, column in pairs}
    wrong = [role for role, column in names.items() if role not in _ROLES or not column]
    if wrong or len(names) < len(pairs) or not {"day", "amount"} <= set(names):
        raise InvalidRequest(
            "The columns are not named as day=…, amount=…, and maybe model=… and request=….",
            hint=_MAP,
        )
    return Form(
        day=names["day"],
        amount=names["amount"],
        model=names.get("model"),
        request=names.get("request"),
    )


def read_bill(text: str, form: Form | None = None) -> Iterator[Line]:
    """The lines of an export: CSV with a heading, JSON lines, or pages of OpenAI's Costs API.

    Without a form the columns tell which it is; with one, other columns may be there and are not
    read. Raises InvalidRequest, which names the line, for all that is not understood.
    """
    text = text.removeprefix("\ufeff")
    rows = _json_rows(text) if text.lstrip().startswith("{") else _csv_rows(text)
    found = False
    for number, row in rows:
        found = True
        line = _line(number, row, form or _form_of(number, row))
        if line is not None:
            yield line
    if not found:
        raise InvalidRequest(
            "The bill has no lines.", hint="Give a CSV with a heading, or one JSON object a line."
        )


def _form_of(number: int, row: Mapping[str, object]) -> Form:
    """The known form that has all the columns, or else is nearest."""
    nearest = max(_FORMS, key=lambda form: len(form.known & row.keys()))
    unknown = [name for name in row if name not in nearest.known]
    if unknown:
        raise InvalidRequest(
            f"Line {number}: the column {_quoted(unknown[0])} is not known.", hint=_MAP
        )
    return nearest


def _line(number: int, row: Mapping[str, object], form: Form) -> Line | None:
    missing = [name for name in form.needed if name not in row]
    if missing:
        raise InvalidRequest(f"Line {number}: there is no column {_quoted(missing[0])}.", hint=_MAP)
    amount = _text(row[form.amount])
    if form.blank and not amount:
        return None
    currency = _text(row.get(form.currency or "")) or "usd"
    if currency.lower() != "usd":
        raise InvalidRequest(
            f"Line {number}: the amount is in {_quoted(currency)}.", hint="Give a bill in USD."
        )
    return Line(
        number=number,
        day=_day(number, form.day, _text(row[form.day])),
        amount=_amount(number, form.amount, amount),
        model=_model(row, form),
        request=_text(row.get(form.request or "")) or None,
    )


def _model(row: Mapping[str, object], form: Form) -> str | None:
    text = _text(row.get(form.model or ""))
    return (text.partition(",")[0].strip() if form.items else text) or None


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _day(number: int, column: str, text: str) -> date:
    """A date, a time with or without its zone, or seconds since 1970; as a day in UTC."""
    try:
        if text.isascii() and text.isdecimal():
            return datetime.fromtimestamp(int(text), UTC).date()
        at = datetime.fromisoformat(text)
        return at.date() if at.tzinfo is None else at.astimezone(UTC).date()
    except (ValueError, OverflowError, OSError) as error:
        raise InvalidRequest(
            f"Line {number}: {column} is {_quoted(text)}, which is no day.",
            hint="Write days like 2026-11-30.",
        ) from error


def _amount(number: int, column: str, text: str) -> Nano:
    """An amount, exact to the billionth of a dollar."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or abs(value) >= _MOST:
        raise InvalidRequest(
            f"Line {number}: {column} is {_quoted(text)}, which is no amount.",
            hint='Write amounts like "2.50", in US dollars.',
        )
    return Nano(int((value * DOLLAR).to_integral_value(ROUND_HALF_EVEN)))


def _quoted(text: str) -> str:
    shown = "".join(char if char.isprintable() else "?" for char in text)
    return f'"{shown[:40]}"'


def _csv_rows(text: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    heading = text.partition("\n")[0]
    reader = csv.reader(StringIO(text, newline=""), delimiter="\t" if "\t" in heading else ",")
    try:
        names = [name.strip() for name in next(reader, [])]
        if len(set(names)) < len(names):
            raise InvalidRequest("Line 1: two columns have one name.", hint="Rename one of them.")
        before = reader.line_num
        for cells in reader:
            number, before = before + 1, reader.line_num
            if len(cells) not in {0, len(names)}:
                raise InvalidRequest(
                    f"Line {number}: there are {len(cells)} cells under {len(names)} columns.",
                    hint="Give the file as the vendor wrote it.",
                )
            if cells:
                yield number, dict(zip(names, cells, strict=True))
    except csv.Error as error:
        raise InvalidRequest(
            f"Line {reader.line_num}: it is no CSV.", hint="Give the file as the vendor wrote it."
        ) from error


def _json_rows(text: str) -> Iterator[tuple[int, Mapping[str, object]]]:
    decoder = json.JSONDecoder(parse_float=Decimal, parse_int=str, parse_constant=str)
    at, number, unfinished = 0, 1, False
    while (begin := _BLANK.match(text, at).end()) < len(text):  # type: ignore[union-attr]  # it may be empty
        number += text.count("\n", at, begin)
        try:
            value, at = decoder.raw_decode(text, begin)
        except (ValueError, RecursionError) as error:
            raise _no_object(number) from error
        unfinished = isinstance(value, dict) and value.get("has_more") is True
        for row in _unpacked(number, value):
            yield number, row
        number += text.count("\n", begin, at)
    if unfinished:
        raise InvalidRequest(
            f"Line {number}: the last page says that there are more.",
            hint="Append the pages that follow.",
        )


def _unpacked(number: int, value: object) -> Iterator[Mapping[str, object]]:
    """The rows of an object: itself, or the results of a page or bucket of OpenAI's Costs API."""
    if not isinstance(value, dict):
        raise _no_object(number)
    kind = value.get("object")
    if kind == "page":
        for bucket in _list(number, value, "data"):
            yield from _unpacked(number, bucket)
    elif kind == "bucket":
        for result in _list(number, value, "results"):
            yield from _result(number, value, result)
    else:
        yield value


def _result(
    number: int, bucket: Mapping[str, object], result: object
) -> Iterator[Mapping[str, object]]:
    """A result as the export's columns have it; one of a day without costs has no amount."""
    if not isinstance(result, dict) or not isinstance(amount := result.get("amount"), dict):
        raise _no_object(number)
    yield {
        "start_time": bucket.get("start_time"),
        "amount_value": amount.get("value"),
        "amount_currency": amount.get("currency"),
        "line_item": result.get("line_item"),
    }


def _list(number: int, value: Mapping[str, object], name: str) -> list[object]:
    found = value.get(name)
    if not isinstance(found, list):
        raise _no_object(number)
    return found


def _no_object(number: int) -> InvalidRequest:
    return InvalidRequest(
        f"Line {number}: it is no JSON object that tells of costs.",
        hint="Give one object a line, or pages of the Costs API as they came.",
    )
