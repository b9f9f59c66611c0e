"""What the models open to a caller are good for, from their profiles."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from imagewright.api.mcp.shapes import AdviceShape
from imagewright.core.catalogue import Lifecycle, Model, Offer, Profile
from imagewright.core.errors import UnknownModel

_NOTHING = Profile(strengths=(), grammar="")


@dataclass(frozen=True, slots=True)
class Choice:
    """A model of a provider."""

    offer: Offer
    model: Model

    @property
    def name(self) -> str:
        """Both in one, as `provider/model`."""
        return f"{self.offer.name}/{self.model.id}"


def choices(offers: Sequence[Offer], today: date) -> tuple[Choice, ...]:
    """Every model that has not ended, in the operator's order."""
    return tuple(
        Choice(offer, model)
        for offer in offers
        for model in offer.models
        if model.lifecycle is not Lifecycle.ENDED and (model.ends is None or model.ends > today)
    )


def find(name: str, among: Sequence[Choice]) -> Choice:
    """The choice of a name, `provider/model` or the model's alone. Raises UnknownModel."""
    for each in among:
        if name == each.name:
            return each
    for each in among:
        if name == each.model.id:
            return each
    raise UnknownModel(
        "There is no such model.",
        hint=f"Models are: {', '.join(each.name for each in among) or 'none'}.",
        details={"models": [each.name for each in among]},
    )


def advice(among: Sequence[Choice]) -> list[AdviceShape]:
    """What each model is good for; those with one profile and one cost are told together."""
    groups: dict[tuple[Profile | None, tuple[str, ...], str], list[str]] = {}
    for each in among:
        key = (each.model.profile, tuple(_takes(each.model)), _cost(each.model))
        groups.setdefault(key, []).append(each.name)
    return [
        _shape(profile or _NOTHING, takes, names, cost)
        for (profile, takes, cost), names in groups.items()
    ]


def _shape(profile: Profile, takes: Sequence[str], names: Sequence[str], cost: str) -> AdviceShape:
    shape: AdviceShape = {
        "models": list(names),
        "kinds": list(profile.kinds),
        "strengths": list(profile.strengths),
        "weaknesses": list(profile.weaknesses),
        "takes": list(takes),
        "cost": cost,
    }
    if profile.grammar:
        shape["grammar"] = profile.grammar
    if profile.good:
        shape["good"] = profile.good
    if profile.bad:
        shape["bad"] = profile.bad
    return shape


def _takes(model: Model) -> Iterator[str]:
    if model.references:
        yield f"{model.references} input image{'s' if model.references > 1 else ''}"
    if model.mask:
        yield "a mask"
    if any(each.value == "transparent" for each in model.backgrounds):
        yield "a transparent background"
    if model.negative_prompt:
        yield "a negative prompt"


def _cost(model: Model) -> str:
    if model.price is None:
        return "no price, so refused"
    return "nothing" if model.free else "paid"
