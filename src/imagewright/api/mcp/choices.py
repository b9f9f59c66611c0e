"""Tool schemas as one caller sees them: enums that follow what is configured and allowed."""

import copy
from collections.abc import Sequence

from fastmcp.tools.base import Tool

from imagewright.core.ask import AUTO
from imagewright.core.catalogue import Model, Offer


def with_choices(tool: Tool, offers: Sequence[Offer]) -> Tool:
    """A copy of the tool whose schema names the caller's providers, models, levels and formats."""
    properties = tool.parameters.get("properties", {})
    wanted = {
        name: found for name, found in _choices(offers).items() if found and name in properties
    }
    if not wanted or "prompt" not in properties:
        return tool
    parameters = copy.deepcopy(tool.parameters)
    for name, values in wanted.items():
        parameters["properties"][name]["enum"] = values
    return tool.model_copy(update={"parameters": parameters})


def _choices(offers: Sequence[Offer]) -> dict[str, list[str]]:
    models = [model for offer in offers for model in offer.models]
    return {
        "provider": [AUTO, *(offer.name for offer in offers)],
        "model": [AUTO, *dict.fromkeys(model.id for model in models)],
        "quality": [AUTO, *_union(models, "qualities")],
        "background": [AUTO, *_union(models, "backgrounds")],
        "output_format": _union(models, "formats"),
    }


def _union(models: Sequence[Model], field: str) -> list[str]:
    return list(dict.fromkeys(each.value for model in models for each in getattr(model, field)))
