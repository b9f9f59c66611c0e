import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imagewright.adapters.auth.token_entries import Entries
from imagewright.adapters.auth.token_reader import read_tokens
from imagewright.adapters.toml.document import parse_document
from imagewright.core.errors import InvalidRequest, NotFound
from tests.adapters.auth.token_samples import Sample, clear_id, samples, sha, token_of

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


def entries(text: str) -> Entries:
    return Entries(parse_document(Path("tokens.toml"), text.encode()), text)


def tokens(text: str) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(text.removeprefix("\ufeff")).get("tokens", {})
    return found


def hashed(sample: Sample) -> dict[str, Any]:
    """The entries by id, as they would be with no token in clear."""
    return {id: dict(entries(sample.text).values(id)) for id in sample.ids}


def good(text: str) -> None:
    read_tokens(parse_document(Path("tokens.toml"), text.encode()), None)


def difference(old: str, new: str) -> tuple[list[str], list[str]]:
    """The lines between those that both begin and end with."""
    before, after = old.splitlines(keepends=True), new.splitlines(keepends=True)
    while before and after and before[0] == after[0]:
        del before[0], after[0]
    while before and after and before[-1] == after[-1]:
        del before[-1], after[-1]
    return before, after


@given(samples())
def test_the_samples_are_good_and_every_entry_is_found(sample: Sample) -> None:
    good(sample.text)
    assert len(tokens(sample.text)) == len(sample.ids)
    found = entries(sample.text)
    assert all(id in found for id in sample.ids)
    assert found.clear() == sample.clear
    assert "tok_none" not in found
    assert found.text == sample.text


@given(samples(), st.sampled_from(["note", "expires"]))
def test_an_entry_is_added_behind_all_that_stands_there(sample: Sample, more: str) -> None:
    values: Mapping[str, Any] = {
        "sha256": sha("new"),
        "subject": "user:new",
        more: AT if more == "expires" else 'a "note" = [1]',
    }
    new = entries(sample.text).with_new({"tok_new": values})
    good(new)
    assert new.startswith(sample.text)
    assert tokens(new) == tokens(sample.text) | {"tok_new": values}
    assert "\r\n" not in new or "\n" not in new.replace("\r\n", "")
    again = entries(new).without("tok_new")
    assert again.rstrip("\r\n") == sample.text.rstrip("\r\n")
    assert again == sample.text or not sample.text.endswith("\n")


@given(samples(), st.data())
def test_a_key_is_set_and_no_other_line_changes(sample: Sample, data: st.DataObject) -> None:
    if not sample.ids:
        return
    id = data.draw(st.sampled_from(sample.ids))
    new = entries(sample.text).with_values(id, {"revoked": AT})
    good(new)
    before, after = difference(sample.text, new)
    assert len(after) == 1 or (len(after) == 2 and not sample.text.endswith("\n"))
    assert len(before) <= 1
    assert tokens(new)[id] == hashed(sample)[id] | {"revoked": AT}
    others = [each for each in sample.ids if each not in {id, *sample.clear}]
    assert all(tokens(new)[each] == tokens(sample.text)[each] for each in others)
    if before and id not in sample.blocks:
        assert behind(before[0]) == behind(after[0])
    assert list(tokens(new)) == [
        id if each in tokens(sample.text) and clear_key(each) == id else each
        for each in tokens(sample.text)
    ]


def behind(line: str) -> str:
    """What stands behind a value: nothing or a comment."""
    return line.rstrip("\r\n").rpartition("}" if "}" in line else '"')[2]


def clear_key(key: str) -> str:
    return key if key.startswith("tok_") else clear_id(key)


@given(samples(), st.data())
def test_a_secret_is_replaced_and_put_back(sample: Sample, data: st.DataObject) -> None:
    if not sample.ids:
        return
    id = data.draw(st.sampled_from(sample.ids))
    old = hashed(sample)[id]
    values: dict[str, Any] = {
        "sha256": sha("new"),
        "previous": {"sha256": old["sha256"], "expires": AT},
    }
    new = entries(sample.text).with_values(id, values)
    good(new)
    assert tokens(new)[id] == old | values
    back = entries(new).with_values(id, {"sha256": old["sha256"], "previous": None})
    good(back)
    assert tokens(back)[id] == old
    if id in sample.blocks and sample.text.endswith("\n"):
        assert back == sample.text


@given(samples(), st.data())
def test_an_entry_is_taken_out_and_no_other(sample: Sample, data: st.DataObject) -> None:
    if not sample.ids:
        return
    id = data.draw(st.sampled_from(sample.ids))
    new = entries(sample.text).without(id)
    good(new)
    _, after = difference(sample.text, new)
    assert after == [] or not sample.text.endswith("\n")
    assert len(tokens(new)) == len(sample.ids) - 1
    assert id not in entries(new)
    assert all(each in entries(new) for each in sample.ids if each != id)
    assert sample.text.count("# behind") - new.count("# behind") <= 6


@given(samples())
def test_tokens_in_clear_are_hashed_where_they_stand(sample: Sample) -> None:
    new = entries(sample.text).all_hashed()
    good(new)
    assert tokens(new) == hashed(sample)
    assert list(tokens(new)) == list(sample.ids)
    assert "-long]-token-" not in new
    old_lines, new_lines = sample.text.splitlines(), new.splitlines()
    assert len(old_lines) == len(new_lines)
    changed = [pair for pair in zip(old_lines, new_lines, strict=True) if pair[0] != pair[1]]
    assert len(changed) == len(sample.clear)
    for old, fresh in changed:
        assert behind(fresh) == behind(old)


@pytest.mark.parametrize("change", ["values", "with_values", "without"])
def test_what_is_not_there_is_said(change: str) -> None:
    found = entries(f'[tokens]\n"{token_of(0)}" = "user:a"\n')
    with pytest.raises(NotFound) as fault:
        getattr(found, change)("tok_none", *([{}] if change == "with_values" else []))
    assert "long" not in str(fault.value.public())


DOTTED = f'tok_a.sha256 = "{sha("a")}"\ntok_a.subject = "user:a"\n'
OTHER = f'tok_b = {{ sha256 = "{sha("b")}", subject = "user:b" }}\n'
BETWEEN = DOTTED.replace("\n", f"\n{OTHER}", 1)


@pytest.mark.parametrize(
    "text",
    [
        f'tokens = {{ tok_a = {{ sha256 = "{sha("a")}", subject = "user:a" }} }}\n',
        f"[tokens]\n{DOTTED}",
        f"[tokens]\n{BETWEEN}",
    ],
)
def test_what_is_not_in_one_piece_is_left(text: str) -> None:
    good(text)
    with pytest.raises(InvalidRequest, match="in one piece"):
        entries(text).with_values("tok_a", {"note": "x"})


def test_a_previous_token_in_a_table_of_its_own_is_not_passed_over() -> None:
    text = (
        f'[tokens.tok_a]\nsha256 = "{sha("a")}"\nsubject = "user:a"\n'
        f'[tokens.tok_a.previous]\nsha256 = "{sha("b")}"\nexpires = 2030-01-01\n'
    )
    good(text)
    for previous in (None, {"sha256": sha("a"), "expires": AT}):
        with pytest.raises(InvalidRequest, match="in one piece"):
            entries(text).with_values("tok_a", {"sha256": sha("c"), "previous": previous})
    assert "revoked = " in entries(text).with_values("tok_a", {"revoked": AT})
    assert entries(text).without("tok_a") == ""


def test_keys_that_stand_together_are_taken_out_and_no_others() -> None:
    assert entries(f"[tokens]\n{DOTTED}{OTHER}").without("tok_a") == f"[tokens]\n{OTHER}"
    with pytest.raises(InvalidRequest, match="in one piece"):
        entries(f"[tokens]\n{BETWEEN}").without("tok_a")


def test_clear_tokens_in_braces_are_left() -> None:
    with pytest.raises(InvalidRequest, match="in one piece"):
        entries(f'tokens = {{ "{token_of(1)}" = "user:a" }}\n').all_hashed()


def test_a_dotted_clear_token_is_hashed() -> None:
    new = entries(f'tokens."{token_of(1)}" = "user:a"\n').all_hashed()
    assert new.startswith(f"tokens.{clear_id(token_of(1))} = {{ sha256")
