"""A prompt quoted on one line, so that none of it can pass for our own words."""

import unicodedata

_SHOWN = 200
_NO_GLYPH = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0") | {
    chr(selector) for selector in range(0xE0100, 0xE01F0)
}
"""Characters without a glyph that Unicode counts among marks, letters and symbols."""
_QUOTES = frozenset('"“”„‟«»\uff02')


def shown(prompt: str) -> str:
    """A prompt as it may stand in a question, see `core.quote`; what may, stays as it is."""
    text = " ".join(prompt.split())
    cut = text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
    return "".join(_plain(char) for char in cut)


def _plain(char: str) -> str:
    if unicodedata.category(char) in _NO_GLYPH or char in _BLANK:
        return "\ufffd"
    return "'" if char in _QUOTES else char
