"""From the items of a batch to asks, each read as the tool's own arguments would be."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from inspect import Parameter, signature
from typing import Any, TypeVar

from fastmcp import Context
from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from imagewright.api.mcp.asking import Inputs, asked, inputs_of, unseen_inputs
from imagewright.api.mcp.errors import not_valid
from imagewright.api.mcp.face import face_of
from imagewright.api.mcp.tools_images import edit_image, generate_image
from imagewright.core.ask import Action, Ask
from imagewright.core.batch import check_count, none_begun
from imagewright.core.errors import Fault, InvalidRequest

A = TypeVar("A")
B = TypeVar("B")
_OF_THE_WHOLE = {"ctx", "wait", "confirm"}
Given = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One item, its arguments checked and filled up."""

    action: Action
    arguments: Given


async def batch_asked(ctx: Context, items: Sequence[Given]) -> list[Ask]:
    """The asks of a batch; pictures are fetched and kept once all else about all is good.

    Raises InvalidRequest naming every item that cannot be done.
    """
    check_count(len(items))
    parts = _each(items, _part)
    face = face_of(ctx)
    face.batches.check(face.caller(), _each(parts, _unseen))
    found: list[Ask] = []
    faults: dict[int, Fault] = {}
    for place, part in enumerate(parts):
        try:
            found.append(await _asked(ctx, part))
        except Fault as fault:
            faults[place] = fault
    if faults:
        raise none_begun(faults, len(items))
    return found


def listed(
    items: Sequence[Given] | None, prompt: str | None, images: Sequence[str] | None
) -> Sequence[Given]:
    """The items that a call gives, in either of its forms. Raises InvalidRequest."""
    short = prompt is not None and images is not None
    if (items is None) != short or (items is not None and (prompt or images)):
        raise InvalidRequest(
            "Give items, or one prompt and its images.",
            hint="An item is the arguments of generate_image, or of edit_image with images.",
        )
    if items is not None:
        return items
    return [{"prompt": prompt, "images": [image]} for image in images or ()]


def _each(values: Sequence[A], make: Callable[[A], B]) -> list[B]:
    """What is made of every value. Raises InvalidRequest naming all that fail."""
    found: list[B] = []
    faults: dict[int, Fault] = {}
    for place, value in enumerate(values):
        try:
            found.append(make(value))
        except Fault as fault:
            faults[place] = fault
    if faults:
        raise none_begun(faults, len(values))
    return found


def _part(item: Given) -> Part:
    call = edit_image if "images" in item else generate_image
    try:
        # Strictly as JSON: a text is no number, and a word of an enum is one.
        made = _arguments(call).model_validate_json(json.dumps(item), strict=True)
    except ValidationError as fault:
        raise not_valid(fault) from None
    action = Action.EDIT if call is edit_image else Action.GENERATE
    given = {name: getattr(made, name) for name in type(made).model_fields}
    return Part(action=action, arguments=given)


@cache
def _arguments(call: Callable[..., Any]) -> type[BaseModel]:
    """What a tool takes, but for what is of the whole batch."""
    fields: dict[str, Any] = {
        name: (each.annotation, ... if each.default is Parameter.empty else each.default)
        for name, each in signature(call).parameters.items()
        if name not in _OF_THE_WHOLE
    }
    return create_model(call.__name__, __config__=ConfigDict(extra="forbid"), **fields)


def _unseen(part: Part) -> Ask:
    return asked(part.action, part.arguments, _unseen_of(part))


def _unseen_of(part: Part) -> Inputs:
    if part.action is Action.GENERATE:
        return Inputs()
    return unseen_inputs(part.arguments["images"], part.arguments["mask"])


async def _asked(ctx: Context, part: Part) -> Ask:
    inputs = Inputs()
    if part.action is Action.EDIT:
        inputs = await inputs_of(ctx, part.arguments["images"], part.arguments["mask"])
    return asked(part.action, part.arguments, inputs)
