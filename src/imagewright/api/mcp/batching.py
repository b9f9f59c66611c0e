"""From the items of a batch to asks, each read as the tool's own arguments would be."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from inspect import Parameter, signature
from typing import Any, TypeVar

from fastmcp import Context
from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from imagewright.api.mcp.asking import (
    Inputs,
    asked,
    inputs_of,
    known_inputs,
    refine_asked,
    unseen_inputs,
)
from imagewright.api.mcp.errors import not_valid
from imagewright.api.mcp.face import face_of
from imagewright.api.mcp.tools_conversations import refine_image
from imagewright.api.mcp.tools_images import edit_image, generate_image
from imagewright.core.ask import Action, Ask
from imagewright.core.batch import check_count, none_begun
from imagewright.core.errors import Fault, InvalidRequest

A = TypeVar("A")
B = TypeVar("B")
_OF_THE_WHOLE = {"ctx", "wait", "confirm"}
Given = Mapping[str, Any]
Tool = Callable[..., Any]
Reader = Callable[[Context, list[str], str | None], Awaitable[Inputs]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One item: the tool that it is of, and its arguments, checked and filled up."""

    tool: Tool
    arguments: Given


async def batch_asked(ctx: Context, items: Sequence[Given]) -> list[Ask]:
    """The asks of a batch; pictures are fetched and kept once all else about all is good.

    Raises InvalidRequest naming every item that cannot be done.
    """
    face = face_of(ctx)
    parts = await _parts(items)
    face.batches.check(face.caller(), await _each(parts, partial(_unseen, ctx)))
    return await _each(parts, partial(_asked, ctx))


async def batch_priced(ctx: Context, items: Sequence[Given]) -> list[Ask]:
    """The asks of a batch that is only priced; nothing is fetched. Raises as `batch_asked`."""
    return await _each(await _parts(items), partial(_known, ctx))


def listed(
    items: Sequence[Given] | None, prompt: str | None, images: Sequence[str] | None
) -> Sequence[Given]:
    """The items that a call gives, in either of its forms. Raises InvalidRequest."""
    short = prompt is not None and images is not None
    if (items is None) != short or (items is not None and (prompt or images)):
        raise InvalidRequest(
            "Give items, or one prompt and its images.",
            hint="An item is the arguments of generate_image, of edit_image with images, or of "
            "refine_image with image.",
        )
    if items is not None:
        return items
    return [{"prompt": prompt, "images": [image]} for image in images or ()]


async def _each(values: Sequence[A], make: Callable[[A], Awaitable[B]]) -> list[B]:
    """What is made of every value. Raises InvalidRequest naming all that fail."""
    found: list[B] = []
    faults: dict[int, Fault] = {}
    for place, value in enumerate(values):
        try:
            found.append(await make(value))
        except Fault as fault:
            faults[place] = fault
    if faults:
        raise none_begun(faults, len(values))
    return found


async def _parts(items: Sequence[Given]) -> list[Part]:
    check_count(len(items))
    return await _each(items, _part)


async def _part(item: Given) -> Part:
    tool = _tool(item)
    try:
        # Strictly as JSON: a text is no number, and a word of an enum is one.
        made = _arguments(tool).model_validate_json(json.dumps(item), strict=True)
    except ValidationError as fault:
        raise not_valid(fault) from None
    return Part(
        tool=tool, arguments={name: getattr(made, name) for name in type(made).model_fields}
    )


def _tool(item: Given) -> Tool:
    if "image" in item:
        return refine_image
    return edit_image if "images" in item else generate_image


@cache
def _arguments(call: Tool) -> type[BaseModel]:
    """What a tool takes, but for what is of the whole batch."""
    fields: dict[str, Any] = {
        name: (each.annotation, ... if each.default is Parameter.empty else each.default)
        for name, each in signature(call).parameters.items()
        if name not in _OF_THE_WHOLE
    }
    return create_model(call.__name__, __config__=ConfigDict(extra="forbid"), **fields)


async def _unseen(ctx: Context, part: Part) -> Ask:
    """The ask before its pictures are fetched; a refinement's is one's own and there already."""
    if part.tool is edit_image:
        images, mask = part.arguments["images"], part.arguments["mask"]
        return asked(Action.EDIT, part.arguments, unseen_inputs(images, mask))
    return await _asked(ctx, part)


async def _asked(ctx: Context, part: Part) -> Ask:
    return await _with_inputs(ctx, part, inputs_of)


async def _known(ctx: Context, part: Part) -> Ask:
    return await _with_inputs(ctx, part, known_inputs)


async def _with_inputs(ctx: Context, part: Part, read: Reader) -> Ask:
    given = part.arguments
    if part.tool is refine_image:
        return await refine_asked(ctx, given)
    if part.tool is edit_image:
        return asked(Action.EDIT, given, await read(ctx, given["images"], given["mask"]))
    return asked(Action.GENERATE, given)
