"""One model's table as a `core.catalogue.Model`."""

from typing import Literal, TypedDict

from imagewright.adapters.catalogue.fields import (
    Fields,
    between,
    day,
    flag,
    names,
    options,
    ratio,
    size,
    sizes,
    text,
    texts,
    word,
    words,
)
from imagewright.adapters.catalogue.prices import read_price
from imagewright.core.ask import (
    MAX_COUNT,
    MAX_PARTIALS,
    MAX_REFERENCES,
    Background,
    Fidelity,
    Moderation,
    Quality,
)
from imagewright.core.catalogue import Lifecycle, Model, PerToken, Price, Profile, SizeRule
from imagewright.core.option import Option
from imagewright.core.picture import Format
from imagewright.core.size import Size
from imagewright.core.sizing import makes

_EDGES = between(1, 100_000)
_PIXELS = between(1, 10**10)
_WITH_A_STEP: tuple[Literal["edge", "max_pixels", "ratio"], ...] = ("edge", "max_pixels", "ratio")
_NO_SIZES = SizeRule(listed=(), fallback=Size(1, 1))


def read_model(name: str, fields: Fields) -> Model:
    """The model; every wrong key is noted and stands in for itself with a default."""
    price_fields = fields.table("price")
    price = read_price(price_fields) if price_fields is not None else None
    no_options: dict[str, Option] = {}
    model = Model(
        id=name,
        upstream=fields.take("upstream", name, text),
        title=fields.take("title", name, text),
        sizes=_size_rule(fields),
        lifecycle=fields.take("lifecycle", Lifecycle.CURRENT, word(Lifecycle)),
        ends=fields.take("ends", None, day),
        successor=fields.take("successor", None, text),
        qualities=fields.take("qualities", (), words(Quality)),
        formats=fields.take("formats", (Format.PNG,), words(Format)),
        backgrounds=fields.take("backgrounds", (Background.OPAQUE,), words(Background)),
        moderations=fields.take("moderations", (), words(Moderation)),
        fidelities=fields.take("fidelities", (), words(Fidelity)),
        count=fields.take("count", 1, between(1, MAX_COUNT)),
        per_call=fields.take("per_call", MAX_COUNT, between(1, MAX_COUNT)),
        inputs=fields.take("inputs", tuple(Format), words(Format)),
        references=fields.take("references", 0, between(0, MAX_REFERENCES)),
        mask=fields.take("mask", False, flag),
        partials=fields.take("partials", 0, between(0, MAX_PARTIALS)),
        seed=fields.take("seed", False, flag),
        negative_prompt=fields.take("negative_prompt", False, flag),
        strength=fields.take("strength", False, flag),
        compression=fields.take("compression", False, flag),
        stand_in=fields.take("stand_in", False, flag),
        watermark=fields.take("watermark", False, flag),
        profile=_profile(fields),
        options=fields.take("options", no_options, options),
        price=price,
    )
    fields.done()
    _check(model, fields)
    return model


def _size_rule(fields: Fields) -> SizeRule:
    table = fields.table("sizes")
    if table is None:
        fields.place.fault("sizes", "is missing or no table")
        return _NO_SIZES
    given = table.has("listed") or table.has("fallback")
    none: tuple[Size, ...] = ()
    no_names: dict[str, Size] = {}
    listed = table.take("listed", none, sizes)
    rule = SizeRule(
        listed=listed,
        fallback=table.take("fallback", listed[0] if listed else _NO_SIZES.fallback, size),
        named=table.take("named", no_names, names),
        auto=table.take("auto", False, flag),
        **_bounds(table),
    )
    table.done()
    if not given:
        table.place.fault("listed", "is missing, and there is no fallback")
    elif rule.fallback is not _NO_SIZES.fallback and not makes(rule, rule.fallback):
        table.place.fault("fallback", "is not a size that the model makes")
    for name, named in rule.named.items():
        if not makes(rule, named):
            table.place.fault(f"named.{name}", "is not a size that the model makes")
    return rule


def _profile(fields: Fields) -> Profile | None:
    table = fields.table("profile")
    if table is None:
        return None
    nothing: tuple[str, ...] = ()
    profile = Profile(
        strengths=table.take("strengths", nothing, texts),
        grammar=table.take("grammar", "", text),
        kinds=table.take("kinds", nothing, texts),
        weaknesses=table.take("weaknesses", nothing, texts),
        good=table.take("good", "", text),
        bad=table.take("bad", "", text),
    )
    for key, value in (("strengths", profile.strengths), ("grammar", profile.grammar)):
        if not value:
            table.place.fault(key, "is missing: agents choose and write by it")
    table.done()
    return profile


class _Bounds(TypedDict):
    step: int | None
    edge: int
    min_edge: int
    min_pixels: int
    max_pixels: int
    ratio: float


def _bounds(table: Fields) -> _Bounds:
    """What free sizes keep; without a step there are none, and a step must have its bounds."""
    bounds = _Bounds(
        step=table.take("step", None, _EDGES),
        edge=table.take("edge", 0, _EDGES),
        min_edge=table.take("min_edge", 1, _EDGES),
        min_pixels=table.take("min_pixels", 1, _PIXELS),
        max_pixels=table.take("max_pixels", 0, _PIXELS),
        ratio=table.take("ratio", 0.0, ratio),
    )
    if bounds["step"] is not None:
        wanted = {key: bounds[key] for key in _WITH_A_STEP}
        missing = [key for key, bound in wanted.items() if not bound]
        for key in missing:
            table.place.fault(key, "is missing, and there is a step")
        if missing:
            bounds["step"] = None
    return bounds


def _check(model: Model, fields: Fields) -> None:
    if Quality.AUTO in model.qualities:
        fields.place.fault("qualities", "lists auto, which every model has")
    if not model.formats:
        fields.place.fault("formats", "is empty")
    if not model.backgrounds:
        fields.place.fault("backgrounds", "is empty")
    _check_tokens(model, model.price, fields)


def _check_tokens(model: Model, price: Price | None, fields: Fields) -> None:
    """Every listed size at every quality must have its tokens, so that no ask meets a gap."""
    if not isinstance(price, PerToken) or not (price.base or price.table):
        return
    for level in model.qualities or (Quality.HIGH,):
        if level in price.base:
            continue
        for each in dict.fromkeys((*model.sizes.listed, model.sizes.fallback)):
            if f"{level.value}/{each}" not in price.table:
                fields.place.fault("price.table", f"has no tokens for {level.value}/{each}")
        if model.sizes.step is not None:
            fields.place.fault("price.base", f"has no {level.value}, and sizes are free")
