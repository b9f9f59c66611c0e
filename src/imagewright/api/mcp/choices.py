"""Tool schemas as one caller sees them: enums that follow what is configured and allowed."""

import copy
from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter

from fastmcp.tools.base import Tool

from imagewright.core.ask import AUTO
from imagewright.core.catalogue import Lifecycle, Model, Offer
from imagewright.core.wording import NO_TEMPLATE

_NAMING = {"generate_image", "edit_image"}
"""The tools that name the models: a list of them is long, and the others take the same."""


def with_choices(tool: Tool, offers: Sequence[Offer]) -> Tool:
    """A copy of the tool whose schema names the caller's providers, models, levels and formats."""
    properties = tool.parameters.get("properties", {})
    if not {"prompt", "provider"} <= properties.keys():
        return tool
    wanted = {
        name: found for name, found in _choices(offers).items() if found and name in properties
    }
    parameters = copy.deepcopy(tool.parameters)
    if tool.name not in _NAMING:
        wanted.pop("model", None)
    else:
        parameters["properties"]["model"].pop("description", None)
    if "template" not in wanted:
        del parameters["properties"]["template"]
    for name, values in wanted.items():
        parameters["properties"][name]["enum"] = values
    for name, words in edit_words(offers).items():
        if name in properties:
            described = parameters["properties"][name]
            described["description"] = f"{described['description']} {words}"
    return tool.model_copy(update={"parameters": parameters})


def edit_words(offers: Sequence[Offer]) -> dict[str, str]:
    """Which models take a mask, and how many input images, for the arguments of those names."""
    editing = [
        (offer.name, model)
        for offer in offers
        for model in offer.models
        if model.references and model.lifecycle is not Lifecycle.ENDED
    ]
    masking = _named([(name, model.id, model.mask) for name, model in editing])
    most = [
        f"{count} ({_named([(name, each.id, each.references == count) for name, each in editing])})"
        for count in sorted({model.references for _, model in editing}, reverse=True)
    ]
    return {
        "mask": f"Taken by {masking}." if masking else "No model here takes one.",
        "images": f"At most {'; '.join(most) or 'none'}.",
    }


def _named(models: Sequence[tuple[str, str, bool]]) -> str:
    """Those that fit, a provider standing for its models where all of them do."""
    found: list[str] = []
    for provider, group in groupby(models, itemgetter(0)):
        every = list(group)
        fitting = [model for _, model, fits in every if fits]
        found += [provider] if len(fitting) == len(every) else fitting
    return ", ".join(found)


def _choices(offers: Sequence[Offer]) -> dict[str, list[str]]:
    models = [model for offer in offers for model in offer.models]
    return {
        "provider": [AUTO, *(offer.name for offer in offers)],
        "model": [AUTO, *dict.fromkeys(model.id for model in models)],
        "quality": [AUTO, *_union(models, "qualities")],
        "background": [AUTO, *_union(models, "backgrounds")],
        "output_format": _union(models, "formats"),
        "template": _templates(offers),
    }


def _templates(offers: Sequence[Offer]) -> list[str]:
    names = list(dict.fromkeys(name for offer in offers for name in offer.wording.templates))
    return [*names, NO_TEMPLATE] if names else []


def _union(models: Sequence[Model], field: str) -> list[str]:
    return list(dict.fromkeys(each.value for model in models for each in getattr(model, field)))
