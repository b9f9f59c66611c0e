"""Exports of vendors, good and bad."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.core.bill import Line
from imagewright.core.errors import InvalidRequest
from imagewright.core.money import Nano
from imagewright.services.bills import mapped, read_bill

DAY = date(2026, 11, 21)
PLAIN = "day,model,amount_usd\n2026-11-21,brush,0.04\n"
OPENAI = (
    "start_time,end_time,start_time_iso,end_time_iso,amount_value,amount_currency,line_item,"
    "project_id,organization_id,organization_name\n"
)


def read(text: str, columns: str | None = None) -> list[Line]:
    return list(read_bill(text, None if columns is None else mapped(columns)))


def line(number: int = 2, **changes: Any) -> Line:
    values: dict[str, Any] = {"day": DAY, "amount": Nano(40_000_000), "model": "brush"}
    return Line(number=number, **{**values, **changes})


def refused(text: str, columns: str | None = None) -> str:
    with pytest.raises(InvalidRequest) as fault:
        read(text, columns)
    assert fault.value.hint
    return fault.value.sentence


def test_the_plain_form() -> None:
    assert read(PLAIN) == [line()]
    assert read("\ufeff" + PLAIN.replace("\n", "\r\n")) == [line()]
    with_request = (
        "model,day,request,amount_usd\nbrush,2026-11-21,req_7,0.04\nbrush,2026-11-21,,1\n"
    )
    assert read(with_request) == [
        line(request="req_7"),
        line(3, amount=Nano(1_000_000_000)),
    ]


def test_json_lines_have_the_same_columns() -> None:
    rows = [
        {"day": "2026-11-21", "model": "brush", "amount_usd": "0.04"},
        {"day": "2026-11-21", "model": None, "amount_usd": 0.04, "request": "req_7"},
    ]
    text = "\n\n".join(map(json.dumps, rows))
    assert read(text) == [line(1), line(3, model=None, request="req_7")]


def test_openais_export_of_costs() -> None:
    text = OPENAI + (
        "1795219200,1795305600,2026-11-21T00:00:00+00:00,2026-11-22T00:00:00+00:00,"
        '0.0400000000000000000,usd,"gpt-image-1, image output",,org-1,Ours\n'
        "1795305600,1795392000,2026-11-22T00:00:00+00:00,2026-11-23T00:00:00+00:00,,,,,,\n"
        "1795219200,1795305600,2026-11-21T00:00:00+00:00,2026-11-22T00:00:00+00:00,"
        "-1.5e-08,usd,,,org-1,Ours\n"
    )
    found = [line(model="gpt-image-1"), line(4, model=None, amount=Nano(-15))]
    assert read(text) == found
    rows = [
        row.split(",") for row in text.replace("gpt-image-1, image", "gpt-image-1; i").split("\n")
    ]
    tabbed = "\n".join("\t".join(row) for row in rows)
    assert [each.amount for each in read(tabbed)] == [each.amount for each in found]


def page(**more: Any) -> dict[str, Any]:
    """As the reference of the Costs API shows it."""
    result = {
        "object": "organization.costs.result",
        "amount": {"value": 0.04, "currency": "usd"},
        "line_item": "gpt-image-1, input",
        "project_id": None,
    }
    buckets = [
        {"object": "bucket", "start_time": 1795219200, "end_time": 1795305600, "results": [result]},
        {"object": "bucket", "start_time": 1795305600, "end_time": 1795392000, "results": []},
    ]
    return {"object": "page", "data": buckets, "has_more": False, "next_page": None, **more}


def test_pages_of_the_costs_api() -> None:
    assert read(json.dumps(page(), indent=2)) == [line(1, model="gpt-image-1")]
    two = json.dumps(page(has_more=True)) + "\n" + json.dumps(page())
    assert [each.number for each in read(two)] == [1, 2]
    assert "says that there are more" in refused(json.dumps(page(has_more=True)))


def test_columns_that_the_operator_names() -> None:
    text = "Date;x,Item,Cost,Note\n2026-11-21,brush,0.04,hello\n"
    assert read(text, "day=Date;x, amount=Cost ,model=Item") == [line()]
    assert read(text, "day=Date;x,amount=Cost") == [line(model=None)]
    assert 'there is no column "Datum"' in refused(text, "day=Datum,amount=Cost")


@pytest.mark.parametrize(
    "columns", ["", "day=a", "day=a,amount=", "day=a,amount=b,colour=c", "day=a,day=b,amount=c"]
)
def test_columns_that_are_named_wrongly(columns: str) -> None:
    with pytest.raises(InvalidRequest, match="not named as"):
        mapped(columns)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "The bill has no lines."),
        ("day,model,amount_usd\n", "The bill has no lines."),
        ("day,model,amount_usd,tax\n2026-11-21,brush,1,2\n", 'Line 2: the column "tax" is not'),
        ("day,amount_usd\n2026-11-21,1\n", 'Line 2: there is no column "model".'),
        ("day,day\n1,2\n", "Line 1: two columns have one name."),
        ("day,model,amount_usd\n\n2026-11-21,brush\n", "Line 3: there are 2 cells under 3"),
        ("day,model,amount_usd\nyesterday,brush,1\n", 'Line 2: day is "yesterday", which is no'),
        ("day,model,amount_usd\n999999999999999999,b,1\n", "which is no day"),
        ('day,model,amount_usd\n"a\nb",b,1\n', 'Line 2: day is "a?b", which is no day.'),
        ("day,model,amount_usd\n2026-11-21,brush,\n", 'Line 2: amount_usd is "", which is no'),
        ("day,model,amount_usd\n2026-11-21,brush,5 USD\n", '"5 USD", which is no amount'),
        ("day,model,amount_usd\n2026-11-21,brush,NaN\n", "which is no amount"),
        ("day,model,amount_usd\n2026-11-21,brush,1e9\n", "which is no amount"),
        (OPENAI + "1795219200,,,,1,eur,brush,,,\n", 'Line 2: the amount is in "eur".'),
        (PLAIN + "x" * 200_000 + ",b,1\n", "Line 3: it is no CSV."),
        ("{", "Line 1: it is no JSON object"),
        ("{}", 'Line 1: there is no column "day".'),
        ("{}\n\n7", 'Line 1: there is no column "day".'),
        ('{"day": "2026-11-21", "model": "b", "amount_usd": "1"}\n[]', "Line 2: it is no JSON"),
        ('{"day": "2026-11-21", "model": "b", "amount_usd": true}', "which is no amount"),
        ('{"day": "2026-11-21", "model": "b", "amount_usd": NaN}', "which is no amount"),
        ('{"object": "page"}', "Line 1: it is no JSON object"),
        ('{"object": "bucket", "results": [7]}', "Line 1: it is no JSON object"),
        ('{"object": "bucket", "results": [{}]}', "Line 1: it is no JSON object"),
        ("{" * 200_000, "Line 1: it is no JSON object"),
    ],
)
def test_what_is_not_understood_is_named_by_its_line(text: str, said: str) -> None:
    assert said in refused(text)


@given(st.text() | st.text().map(lambda text: PLAIN + text) | st.text().map("{{{}".format))
def test_no_text_does_more_than_be_refused(text: str) -> None:
    try:
        found: object = read(text)
    except InvalidRequest as fault:
        found = fault.sentence.isprintable()
    assert found
