"""Faults: one stable code each, one public shape."""

import ast
import inspect
from collections.abc import Iterator

import pytest

from imagewright.core import errors
from imagewright.core.errors import FAULTS, BudgetExceeded, Fault, Internal, NotFound, Retry


def descendants(fault: type[Fault]) -> Iterator[type[Fault]]:
    for child in fault.__subclasses__():
        yield child
        yield from descendants(child)


def test_the_list_of_faults_is_complete() -> None:
    ours = {fault for fault in descendants(Fault) if fault.__module__ == errors.__name__}

    assert set(FAULTS) == ours
    assert len(FAULTS) == len(ours)


def test_every_fault_has_a_code_of_its_own() -> None:
    codes = [fault.code for fault in FAULTS]

    assert len(set(codes)) == len(codes)
    assert all(code.replace("_", "").isalpha() and code.islower() for code in codes)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.code)
def test_every_fault_has_an_error_status_a_retry_word_and_a_description(fault: type[Fault]) -> None:
    assert 400 <= fault.status <= 599
    assert isinstance(fault.retry, Retry)
    assert fault.__doc__


def test_faults_are_listed_in_the_order_they_are_written() -> None:
    tree = ast.parse(inspect.getsource(errors))
    written = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]

    assert [fault.__name__ for fault in FAULTS] == written[2:]


def test_the_public_shape_names_code_message_retry_and_what_to_try() -> None:
    assert NotFound("There is no such image.").public() == {
        "code": "not_found",
        "message": "There is no such image.",
        "retry": "never",
        "hint": NotFound.advice,
    }


def test_every_error_says_what_to_try() -> None:
    assert all(fault("Words.").public()["hint"] for fault in FAULTS)


def test_a_hint_and_details_are_public_where_given() -> None:
    fault = BudgetExceeded(
        "The day's budget has no room.", hint="Wait until tomorrow.", details={"level": "subject"}
    )

    assert fault.public() == {
        "code": "budget_exceeded",
        "message": "The day's budget has no room.",
        "retry": "later",
        "hint": "Wait until tomorrow.",
        "details": {"level": "subject"},
    }


def test_details_are_a_copy_that_nobody_changes() -> None:
    given: dict[str, object] = {"level": "subject"}
    fault = Internal("Internal error.", details=given)
    given["level"] = "group"
    shown = fault.public()["details"]
    assert isinstance(shown, dict)
    shown["more"] = True

    assert dict(fault.details) == {"level": "subject"}
    assert str(fault) == fault.sentence
