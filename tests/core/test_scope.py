"""Scopes: names and shorthands."""

import pytest

from imagewright.core.errors import InvalidRequest
from imagewright.core.scope import WRITING, Scope, expand

ALWAYS_NAMED = {Scope.SPEND_RELAYED, Scope.SPEND_UNATTENDED, Scope.APPROVE}


@pytest.mark.parametrize("scope", Scope)
def test_a_scope_written_by_name_is_itself(scope: Scope) -> None:
    assert expand([scope.value]) == {scope}


def test_read_and_write_are_short_for_the_image_and_style_scopes() -> None:
    assert expand(["read"]) == {Scope.IMAGES_READ}
    assert expand(["write"]) == {Scope.IMAGES_READ, Scope.IMAGES_WRITE, Scope.STYLES_WRITE}


def test_a_star_is_everything_but_what_must_always_be_named() -> None:
    assert expand(["*"]) == set(Scope) - ALWAYS_NAMED


@pytest.mark.parametrize("scope", sorted(ALWAYS_NAMED))
def test_what_must_be_named_can_be_named_beside_a_star(scope: Scope) -> None:
    assert expand(["*", scope.value]) == (set(Scope) - ALWAYS_NAMED) | {scope}


def test_no_names_are_no_scopes() -> None:
    assert expand([]) == frozenset()


@pytest.mark.parametrize("name", ["", "images", "IMAGES:READ", "images:*", "spend:", "**", " read"])
def test_an_unknown_name_is_refused_naming_it_and_those_there_are(name: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        expand(["read", name])

    assert repr(name) in refused.value.sentence
    assert all(scope.value in refused.value.hint for scope in Scope)


def test_every_scope_that_changes_something_counts_as_writing() -> None:
    assert {scope for scope in Scope if scope.value.endswith(":write")} == WRITING
