"""Any ask and any plan, for properties that hold for all of them."""

from dataclasses import replace

from hypothesis import strategies as st

from imagewright.core.ask import (
    DEFAULTABLE,
    RATIOS,
    SIZE_PRESETS,
    Action,
    Ask,
    Background,
    Fidelity,
    Moderation,
    Quality,
    Reference,
)
from imagewright.core.conversation import Continued
from imagewright.core.picture import Format
from imagewright.core.plan import Plan
from imagewright.core.size import Size

sizes = st.builds(Size, st.integers(1, 9_999), st.integers(1, 9_999))
words = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=60
).filter(lambda text: bool(text.strip()))
names = st.from_regex(r"[a-z0-9é]{1,8}", fullmatch=True).filter(
    lambda name: not name.startswith(("con", "prn", "aux", "nul", "com", "lpt"))
)
hashes = st.binary(min_size=32, max_size=32).map(bytes.hex)


def maybe(given: st.SearchStrategy[str]) -> st.SearchStrategy[str | None]:
    """One of them, or none."""
    return st.none() | given


references = st.builds(
    Reference,
    image=st.just("img_" + "a" * 26),
    sha256=hashes,
    size=sizes,
    format=st.sampled_from(Format),
    alpha=st.booleans(),
)
continued = st.builds(
    Continued,
    image=st.just("img_" + "a" * 26),
    conversation=st.just("cnv_" + "b" * 26),
    provider=names,
    model=names,
    left=st.booleans(),
    earlier=st.lists(words, max_size=3).map(tuple),
    cut=st.booleans(),
)


@st.composite
def asks(draw: st.DrawFn) -> Ask:
    """Any ask that is accepted."""
    inputs = tuple(draw(st.lists(references, max_size=3)))
    masked: bool = draw(st.booleans())
    size, ratio = draw(
        st.tuples(st.just("auto"), maybe(st.sampled_from(RATIOS)))
        | st.tuples(st.sampled_from(sorted(SIZE_PRESETS)) | sizes.map(str), st.none())
    )
    return Ask(
        action=Action.EDIT if inputs else Action.GENERATE,
        prompt=draw(words),
        provider=draw(names),
        model=draw(names),
        n=draw(st.integers(1, 10)),
        size=size,
        aspect_ratio=ratio,
        quality=draw(st.sampled_from(Quality)),
        background=draw(st.sampled_from(Background)),
        output_format=draw(st.none() | st.sampled_from(Format)),
        output_compression=draw(st.none() | st.integers(0, 100)),
        negative_prompt=draw(maybe(words)),
        seed=draw(st.none() | st.integers(0, 2**53 - 1)),
        moderation=draw(st.none() | st.sampled_from(Moderation)),
        partial_images=draw(st.integers(0, 3)),
        folder="/".join(draw(st.lists(names, max_size=3))),
        filename=draw(maybe(names)),
        tags=tuple(draw(st.lists(names, max_size=3))),
        variation=draw(maybe(words)),
        references=inputs,
        mask=inputs[0] if inputs and masked else None,
        strength=draw(st.floats(0, 1)) if inputs else None,
        input_fidelity=draw(st.none() | st.sampled_from(Fidelity)) if inputs else None,
        template=draw(maybe(names)),
        continued=draw(st.none() | continued) if inputs else None,
        left=tuple(draw(st.lists(st.sampled_from(DEFAULTABLE), max_size=2, unique=True))),
    )


_plans = st.builds(
    Plan,
    ask=asks(),
    provider=names,
    model=names,
    upstream=names,
    prompt=words,
    negative_prompt=maybe(words),
    size=st.none() | sizes,
    quality=st.none() | st.sampled_from(Quality),
    background=st.none() | st.sampled_from(Background),
    output_format=st.sampled_from(Format),
    output_compression=st.none() | st.integers(0, 100),
    size_name=st.none() | words,
    per_call=st.integers(1, 10),
    options=st.lists(st.tuples(names, st.booleans() | st.integers(0, 9) | words), max_size=2).map(
        tuple
    ),
    asked=words,
    reason=words,
    warnings=st.lists(words, max_size=2).map(tuple),
)
plans = st.builds(replace, _plans, fallbacks=st.lists(_plans, max_size=1).map(tuple))
