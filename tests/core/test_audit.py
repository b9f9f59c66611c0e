"""A client's own words, as far as a line of the audit keeps them."""

import pytest

from imagewright.core.audit import legible


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("Mozilla/5.0 (X11)", "Mozilla/5.0 (X11)"),
        ("", ""),
        ("a\r\nb\x00\x1b[2Jc\x7f", "ab[2Jc"),
        ("Zoë ☃", "Zo "),
        ("x" * 300, "x" * 100),
        ("é" * 300 + "y", "y"),
    ],
)
def test_only_printable_ascii_and_not_much_of_it_is_kept(text: str, kept: str) -> None:
    assert legible(text) == kept
