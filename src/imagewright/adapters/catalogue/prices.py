"""Prices from decimal US dollars to whole nano-dollars, exactly."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TypeVar

from imagewright.adapters.catalogue.fields import Fields, WrongValue, between, word
from imagewright.core.ask import MAX_HOURS, Quality
from imagewright.core.catalogue import Economy, PerImage, PerToken, Price
from imagewright.core.errors import InvalidRequest
from imagewright.core.money import FREE, Nano, parse_usd
from imagewright.core.size import Size

K = TypeVar("K", bound=str)
T = TypeVar("T")

_MILLION = 1_000_000
_MOST_TOKENS = 10_000_000
_tokens = between(0, _MOST_TOKENS)


class Unit(StrEnum):
    """What a price is for."""

    PICTURE = "image"
    OUTPUT = "token"


def read_price(fields: Fields) -> Price | None:
    """A model's price; None where it cannot be read, which is noted."""
    if not fields.has("per"):
        fields.place.fault("per", "is missing: image or token")
    unit = fields.take("per", None, word(Unit))
    price: Price | None = None
    if unit is Unit.PICTURE:
        price = _per_image(fields)
    elif unit is Unit.OUTPUT:
        price = _per_token(fields)
    if unit is not None:
        fields.done()
    return price


def _per_image(fields: Fields) -> PerImage:
    none: dict[str, Nano] = {}
    if not fields.has("prices"):
        fields.place.fault("prices", "is missing")
    prices = fields.take("prices", none, _mapping(_image_key, usd_amount))
    return PerImage(prices=prices)


def _per_token(fields: Fields) -> PerToken:
    for key in ("text_in", "image_in", "image_out"):
        if not fields.has(key):
            fields.place.fault(key, "is missing: US dollars for a million tokens")
    no_levels: dict[Quality, int] = {}
    no_rows: dict[str, int] = {}
    price = PerToken(
        text_in=fields.take("text_in", FREE, per_million),
        image_in=fields.take("image_in", FREE, per_million),
        image_out=fields.take("image_out", FREE, per_million),
        base=fields.take("base", no_levels, _mapping(word(Quality), between(1, 1000))),
        factor=fields.take("factor", no_levels, _mapping(word(Quality), between(1, 100))),
        table=fields.take("table", no_rows, _mapping(_table_key, between(1, _MOST_TOKENS))),
        reference=fields.take("reference", 0, _tokens),
        partial=fields.take("partial", 0, _tokens),
        text_out=fields.take("text_out", FREE, per_million),
        words=fields.take("words", 0, _tokens),
        reader_in=fields.take("reader_in", FREE, per_million),
        reading=fields.take("reading", 0, _tokens),
        economy=_economy(fields),
    )
    if bool(price.text_out) != bool(price.words):
        fields.place.fault("words", "and text_out belong together: how many, and at what price")
    if bool(price.reader_in) != bool(price.reading):
        fields.place.fault("reading", "and reader_in belong together: how many, at what price")
    if not price.base and not price.table:
        fields.place.fault("base", "or a table is missing: how many tokens a picture takes")
    return price


def _economy(fields: Fields) -> Economy | None:
    table = fields.table("economy")
    if table is None:
        return None
    for key in ("hours", "text_in", "image_in", "image_out"):
        if not table.has(key):
            table.place.fault(key, "is missing: the batch's own")
    found = Economy(
        hours=table.take("hours", MAX_HOURS, between(1, MAX_HOURS)),
        text_in=table.take("text_in", FREE, per_million),
        image_in=table.take("image_in", FREE, per_million),
        image_out=table.take("image_out", FREE, per_million),
        text_out=table.take("text_out", FREE, per_million),
    )
    table.done()
    return found


def usd_amount(value: object) -> Nano:
    """An amount in US dollars, as a decimal string so that no float rounds it."""
    try:
        return parse_usd(value if isinstance(value, str) else "")
    except InvalidRequest:
        raise WrongValue(
            'must be a decimal string of US dollars, not below 0, like "0.04"'
        ) from None


def per_million(value: object) -> Nano:
    """The price of one token from that of a million."""
    amount = usd_amount(value)
    if amount % _MILLION:
        raise WrongValue("has more than three decimal places: a token's price would be rounded")
    return Nano(amount // _MILLION)


def _mapping(
    key: Callable[[object], K], value: Callable[[object], T]
) -> Callable[[object], dict[K, T]]:
    def read(found: object) -> dict[K, T]:
        if not isinstance(found, Mapping):
            raise WrongValue("must be a table")
        if not found:
            raise WrongValue("is empty")
        return {key(name): value(each) for name, each in found.items()}

    return read


def _image_key(name: object) -> str:
    """`*`, a quality, a size, or quality/size."""
    text = str(name)
    if text == "*" or text in set(Quality) or _is_size(text):
        return text
    return _table_key(name)


def _table_key(name: object) -> str:
    text = str(name)
    level, slash, size = text.partition("/")
    if not slash or level not in set(Quality) or not _is_size(size):
        raise WrongValue(f"has the key {text!r}; keys are like high/1024x1024")
    return text


def _is_size(text: str) -> bool:
    try:
        Size.parse(text)
    except InvalidRequest:
        return False
    return True
