"""Models as data: what each can do, until when, and at what price."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum

from imagewright.core.ask import MAX_COUNT, Background, Fidelity, Moderation, Quality
from imagewright.core.errors import InvalidRequest
from imagewright.core.money import FREE, Nano
from imagewright.core.option import Option
from imagewright.core.picture import Format
from imagewright.core.size import Size
from imagewright.core.wording import Wording


class Lifecycle(StrEnum):
    """Whether a provider still offers a model, and for how long."""

    CURRENT = "current"
    DEPRECATED = "deprecated"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeRule:
    """Which sizes a model makes: those listed, and any that keeps the bounds if `step` is set.

    `ratio` is the greatest long edge for a short one. `named` are listed sizes by what the
    provider's API calls them, as `ratio/tier`: such as `16:9/2K`. `fallback` is what `auto` gets,
    and is one the model makes. With `auto` True the model is left to choose among all it makes, and
    the ceiling is that of the largest: a model with a `step` is better asked for `fallback`.
    Raises InvalidRequest for a `step` without bounds.
    """

    listed: tuple[Size, ...]
    fallback: Size
    named: Mapping[str, Size] = field(default_factory=dict)
    auto: bool = False
    step: int | None = None
    edge: int = 0
    min_edge: int = 1
    min_pixels: int = 1
    max_pixels: int = 0
    ratio: float = 0.0

    def __post_init__(self) -> None:
        bounds = (self.step, self.edge, self.min_edge, self.min_pixels, self.max_pixels, self.ratio)
        if self.step is not None and not all(bound and bound >= 1 for bound in bounds):
            raise InvalidRequest("A size rule with a step needs bounds: edge, max_pixels, ratio.")


@dataclass(frozen=True, slots=True, kw_only=True)
class PerImage:
    """A price a picture, by `quality/size`, `quality`, `size` or `*`; the first found wins."""

    prices: Mapping[str, Nano]


@dataclass(frozen=True, slots=True, kw_only=True)
class Economy:
    """What the vendor's batch costs, in nano-dollars a token, and in how many hours it is done."""

    hours: int
    text_in: Nano
    image_in: Nano
    image_out: Nano
    text_out: Nano = FREE


@dataclass(frozen=True, slots=True, kw_only=True)
class PerToken:
    """Prices in nano-dollars a token, and how many output tokens a picture takes.

    `base` gives the token grid's longer side by quality, for models billed by the
    published formula; `table` gives tokens by `quality/size` for those billed by a table.
    `factor` multiplies the formula's tokens at a quality, where that is a stated bound.
    `reference` bounds the input tokens of one reference picture, for which no formula
    is published; without it nothing is priced that has input pictures. `partial` is what
    each partial image adds. `words` bounds the text tokens that come out beside each picture,
    thoughts included, at the price of `text_out`. Where a text model passes the order on, `reading`
    bounds what it reads beside the prompt and the references, at the price of `reader_in`;
    its words are then what the picture model is asked by. `economy` is for asks that may take
    hours.
    """

    text_in: Nano
    image_in: Nano
    image_out: Nano
    base: Mapping[Quality, int] = field(default_factory=dict)
    factor: Mapping[Quality, int] = field(default_factory=dict)
    table: Mapping[str, int] = field(default_factory=dict)
    reference: int = 0
    partial: int = 0
    text_out: Nano = FREE
    words: int = 0
    reader_in: Nano = FREE
    reading: int = 0
    economy: Economy | None = None

    def at_economy(self) -> "PerToken":
        """The price of the vendor's batch, or this one where it has none."""
        rates = self.economy
        if rates is None:
            return self
        return replace(
            self,
            text_in=rates.text_in,
            image_in=rates.image_in,
            image_out=rates.image_out,
            text_out=rates.text_out,
        )


Price = PerImage | PerToken


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a model is good for, and how it wants to be asked; for agents to read.

    `kinds` are the names of routing rules that it is the right one for.
    """

    strengths: tuple[str, ...]
    grammar: str
    kinds: tuple[str, ...] = ()
    weaknesses: tuple[str, ...] = ()
    good: str = ""
    bad: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One model of one configured provider.

    `count` is how many pictures an ask may have, `per_call` how many of them the provider's API
    makes in one call. `watermark` says that its pictures carry an invisible mark of the vendor,
    `stand_in` that they only stand in for real ones. `options` are for the provider's adapter
    alone, which says in its docstring what they mean.
    """

    id: str
    upstream: str
    """The name the provider's API knows it by."""
    title: str
    sizes: SizeRule
    lifecycle: Lifecycle = Lifecycle.CURRENT
    ends: date | None = None
    successor: str | None = None
    qualities: tuple[Quality, ...] = ()
    formats: tuple[Format, ...] = (Format.PNG,)
    backgrounds: tuple[Background, ...] = (Background.OPAQUE,)
    moderations: tuple[Moderation, ...] = ()
    fidelities: tuple[Fidelity, ...] = ()
    count: int = 1
    per_call: int = MAX_COUNT
    references: int = 0
    inputs: tuple[Format, ...] = tuple(Format)
    mask: bool = False
    partials: int = 0
    seed: bool = False
    negative_prompt: bool = False
    strength: bool = False
    compression: bool = False
    watermark: bool = False
    stand_in: bool = False
    profile: Profile | None = None
    options: Mapping[str, Option] = field(default_factory=dict)
    price: Price | None = None

    @property
    def economy(self) -> Economy | None:
        """What its vendor's batch costs, if it has one whose price is known."""
        return self.price.economy if isinstance(self.price, PerToken) else None

    @property
    def free(self) -> bool:
        """Whether every picture is priced, and at nothing."""
        if not isinstance(self.price, PerImage):
            return False
        return "*" in self.price.prices and not any(self.price.prices.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A configured provider: its models in the operator's order, the first being its default.

    `defaults` are values of `core.ask.DEFAULTABLE`, by name. `known` are all models of its
    adapter's data file, offered or not; `chosen` says that the operator listed those to offer.
    `degraded` says that it does not answer what models it has. `prices` are the operator's, by
    model, and stand before all others.
    """

    name: str
    title: str
    models: tuple[Model, ...]
    wording: Wording = Wording()
    defaults: Mapping[str, object] = field(default_factory=dict)
    known: tuple[Model, ...] = ()
    chosen: bool = False
    degraded: bool = False
    prices: Mapping[str, Price] = field(default_factory=dict)

    def model(self, name: str) -> Model | None:
        """The model of that id, if there is one."""
        return next((model for model in self.models if model.id == name), None)

    def repriced(self, change: Callable[[Price | None], Price | None]) -> "Offer":
        """The offer with every price as the change has it; of the operator's, None is left out."""
        changed = {name: change(price) for name, price in self.prices.items()}
        return replace(
            self,
            models=tuple(replace(each, price=change(each.price)) for each in self.models),
            known=tuple(replace(each, price=change(each.price)) for each in self.known),
            prices={name: price for name, price in changed.items() if price is not None},
        )


def unhurried(price: Price | None) -> Price | None:
    """The price at a vendor whose batches are not for us."""
    return replace(price, economy=None) if isinstance(price, PerToken) else price


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Everything configured, in the operator's order; the first offer is the default."""

    offers: tuple[Offer, ...]

    @property
    def defaulted(self) -> frozenset[str]:
        """The parameters that any provider has a default for."""
        return frozenset(name for offer in self.offers for name in offer.defaults)

    def offer(self, name: str) -> Offer | None:
        """The provider of that name, if it is configured."""
        return next((offer for offer in self.offers if offer.name == name), None)
