"""A provider's models as callers see them."""

import json
from datetime import date, timedelta

from imagewright.api.mcp.shapes import ModelShape, ProviderShape
from imagewright.core.catalogue import Model, Offer, PerImage, PerToken, SizeRule
from imagewright.core.money import Nano, usd

_MILLION = 1_000_000
_EXAMPLE = '{ per = "image", prices = { "*" = "0.05" } }'
_SOON = timedelta(days=60)


def provider_shape(offer: Offer, today: date) -> ProviderShape:
    """A provider with its models as JSON, and what is to be known of them."""
    shape: ProviderShape = {
        "name": offer.name,
        "title": offer.title,
        "models": [model_shape(offer, model) for model in offer.models],
    }
    if offer.wording.templates:
        shape["templates"] = list(offer.wording.templates)
    if warnings := offer_warnings(offer, today):
        shape["warnings"] = list(warnings)
    return shape


def offer_warnings(offer: Offer, today: date) -> tuple[str, ...]:
    """What a caller should know before it chooses: models that end soon, a list that is old."""
    found = []
    if offer.degraded:
        found.append("It does not answer what models it has; this is what was known before.")
    for model in offer.models:
        if model.ends is not None and today < model.ends <= today + _SOON:
            use = f" Use {model.successor}." if model.successor else ""
            found.append(f"{model.id} ends on {model.ends.isoformat()}.{use}")
    return tuple(found)


def model_shape(offer: Offer, model: Model) -> ModelShape:
    """What a model can do, until when, and at what price."""
    shape: ModelShape = {
        "id": model.id,
        "title": model.title,
        "lifecycle": model.lifecycle.value,
        "sizes": [str(size) for size in model.sizes.listed],
        "qualities": [level.value for level in model.qualities],
        "formats": [each.value for each in model.formats],
        "backgrounds": [each.value for each in model.backgrounds],
        "max_n": model.count,
        "references": model.references,
        "mask": model.mask,
        "watermark": model.watermark,
        "partial_images": model.partials,
        "takes": _takes(model),
        "price": _price(offer, model),
    }
    if model.sizes.step is not None:
        shape["any_size"] = _any_size(model.sizes)
    if model.ends is not None:
        shape["ends"] = model.ends.isoformat()
    if model.successor is not None:
        shape["successor"] = model.successor
    return shape


def _any_size(rule: SizeRule) -> str:
    return (
        f"steps of {rule.step}, edges {rule.min_edge} to {rule.edge}, "
        f"{rule.min_pixels} to {rule.max_pixels} pixels, ratio up to {rule.ratio:g}:1"
    )


def _takes(model: Model) -> list[str]:
    taken = {
        "seed": model.seed,
        "negative_prompt": model.negative_prompt,
        "strength": model.strength,
        "output_compression": model.compression,
        "moderation": bool(model.moderations),
        "input_fidelity": bool(model.fidelities),
        "economy": model.economy is not None,
    }
    return [name for name, takes in taken.items() if takes]


def _price(offer: Offer, model: Model) -> dict[str, str]:
    price = model.price
    if price is None:
        line = f"{json.dumps(model.id)} = {_EXAMPLE}"
        return {
            "refused": "This model has no price.",
            "add": f"Under [providers.{offer.name}.prices], with its true price: {line}",
        }
    if isinstance(price, PerImage):
        return {f"{key} per image": usd(amount) for key, amount in price.prices.items()}
    told = _amounts(price, "per million tokens")
    if price.economy is not None:
        hours = price.economy.hours
        told |= _amounts(price.at_economy(), f"per million tokens with economy from {hours}")
    return told


def _amounts(price: PerToken, what: str) -> dict[str, str]:
    amounts = {"text in": price.text_in, "image in": price.image_in, "image out": price.image_out}
    if price.text_out:
        amounts["text out"] = price.text_out
    if price.reader_in:
        amounts["text model in"] = price.reader_in
    return {f"{name} {what}": usd(Nano(each * _MILLION)) for name, each in amounts.items()}
