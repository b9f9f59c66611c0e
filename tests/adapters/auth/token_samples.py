"""Tokens files in every way of writing them, as strategies."""

import hashlib
from dataclasses import dataclass

from hypothesis import strategies as st

from imagewright.core.token import token_id


@dataclass(frozen=True)
class Sample:
    """A file's text, and its entries' ids.

    `clear` are those of tokens that can be read, `blocks` those of tables with a header.
    """

    text: str
    ids: tuple[str, ...]
    clear: tuple[str, ...]
    blocks: tuple[str, ...]


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def clear_id(token: str) -> str:
    return token_id(hashlib.sha256(token.encode()).digest())


NOISE = st.lists(
    st.sampled_from(["\n", "# why\n", "\t# [tokens.tok_0]\n", '# tok_0 = "x"\n', "  \n"]),
    max_size=3,
).map("".join)
BEHIND = st.sampled_from(["", " # behind", "\t#=]"])
EXTRAS = st.lists(
    st.sampled_from(
        [
            'note = """a\n[tokens.tok_0]\nsha256 = "x" # no"""',
            "note = 'it says # nothing'",
            'scopes = [ # two\n  "read",\n  "write", # ]\n]',
            "expires = 2099-01-01",
            'cidrs = ["10.0.0.0/8"]',
            'groups = [ "a", "b" ]',
        ]
    ),
    unique_by=lambda line: line.split(" ", 1)[0],
    max_size=3,
)
INDENT = st.sampled_from(["", "  ", "\t"])


@st.composite
def in_line(draw: st.DrawFn, number: int) -> str:
    form = draw(st.sampled_from(["tok_{0} = {1}", '"tok_{0}" = {1}']))
    table = f'{{ subject = "user:{number}", sha256="{sha(str(number))}" }}'
    return draw(INDENT) + form.format(number, table) + draw(BEHIND) + "\n"


@st.composite
def in_clear(draw: st.DrawFn, number: int) -> str:
    quote = draw(st.sampled_from("'\""))
    return f'{draw(INDENT)}{quote}{token_of(number)}{quote} = "user:{number}"{draw(BEHIND)}\n'


def token_of(number: int) -> str:
    return f"a-#-long]-token-[of-theirs={number}"


@st.composite
def block(draw: st.DrawFn, number: int) -> str:
    header = draw(
        st.sampled_from(["[tokens.tok_{}]", '[ tokens . "tok_{}" ]', "['tokens'.tok_{}]"])
    )
    keys = [f'sha256 = "{sha(str(number))}"', f"subject = 'user:{number}'", *draw(EXTRAS)]
    lines = [draw(NOISE) + draw(INDENT) + key + draw(BEHIND) for key in draw(st.permutations(keys))]
    return "\n".join([header.format(number) + draw(BEHIND), *lines]) + "\n"


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    """A good file with inline entries, tokens in clear and tables, and noise between them."""
    kinds = draw(st.lists(st.sampled_from(["line", "clear", "block"]), max_size=6))
    kinds.sort(key=lambda kind: kind == "block")
    text = draw(NOISE)
    if any(kind != "block" for kind in kinds):
        text += "[tokens]\n"
    for number, kind in enumerate(kinds):
        text += draw({"line": in_line, "clear": in_clear, "block": block}[kind](number))
        text += draw(NOISE)
    if draw(st.booleans()):
        text = text.removesuffix("\n")
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    clear = {n: clear_id(token_of(n)) for n, kind in enumerate(kinds) if kind == "clear"}
    ids = tuple(clear.get(number, f"tok_{number}") for number in range(len(kinds)))
    blocks = tuple(f"tok_{number}" for number, kind in enumerate(kinds) if kind == "block")
    mark = draw(st.sampled_from(["", "\ufeff"]))
    return Sample(mark + text, ids, tuple(clear.values()), blocks)
