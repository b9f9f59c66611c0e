"""From a tool's arguments to an ask."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from fastmcp import Context

from imagewright.api.mcp.face import face_of, origin_of
from imagewright.core.ask import Action, Ask, Reference
from imagewright.core.conversation import Continued
from imagewright.core.defaults import left_out
from imagewright.core.errors import InvalidRequest, NotFound
from imagewright.core.image import named_image
from imagewright.core.picture import Format
from imagewright.core.size import Size

_UNSEEN = Reference(image="", sha256="", size=Size(1, 1), format=Format.PNG, alpha=True)
"""Stands for a picture that nobody has looked at yet."""
_TAKEN = frozenset(field.name for field in fields(Ask)) - {
    *("action", "references", "mask", "tags", "left", "continued")
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The input pictures of an ask, as references to images of the caller's own.

    `continued` is what the first goes on from.
    """

    references: tuple[Reference, ...] = ()
    mask: Reference | None = None
    continued: Continued | None = None


async def inputs_of(ctx: Context, images: list[str], mask: str | None) -> Inputs:
    """The pictures that an edit names.

    Raises NotFound, InvalidRequest, InvalidImage or ImageTooLarge.
    """
    face = face_of(ctx)
    names = (*images, *((mask,) if mask else ()))
    found = await face.inputs.references(face.caller(), names, origin_of(ctx))
    if mask:
        await face.inputs.check_mask(face.caller(), found[-1])
    return Inputs(references=found[: len(images)], mask=found[-1] if mask else None)


def unseen_inputs(images: list[str], mask: str | None) -> Inputs:
    """As many pictures as an edit names, before anybody has looked at them."""
    return Inputs(references=(_UNSEEN,) * len(images), mask=_UNSEEN if mask else None)


async def edit_asked(ctx: Context, arguments: Mapping[str, Any]) -> Ask:
    """The ask of an edit; its pictures are fetched and kept once all else about it is good.

    Raises what `inputs_of` and planning raise.
    """
    images, mask = arguments["images"], arguments["mask"]
    face = face_of(ctx)
    unseen = unseen_inputs(images, mask)
    await face.images.check(face.caller(), asked(Action.EDIT, arguments, unseen))
    return asked(Action.EDIT, arguments, await inputs_of(ctx, images, mask))


async def known_inputs(ctx: Context, images: list[str], mask: str | None) -> Inputs:
    """The pictures of an edit that is only priced: nothing is fetched. Raises as `inputs_of`."""
    names = (*images, *((mask,) if mask else ()))
    if any(named_image(name) is None for name in names):
        raise InvalidRequest("An estimate takes images that you have.", hint="Name them by id.")
    return await inputs_of(ctx, images, mask)


async def refine_asked(ctx: Context, arguments: Mapping[str, Any]) -> Ask:
    """The ask of a refinement. Raises what `inputs_of` raises."""
    face = face_of(ctx)
    image = own_image(arguments["image"])
    continued = await face.conversations.continued(face.caller().subject, image)
    inputs = await inputs_of(ctx, [image], None)
    return asked(Action.EDIT, arguments, replace(inputs, continued=continued))


def own_image(text: str) -> str:
    """The id of an image that is named by its id or URI. Raises NotFound for any other text."""
    found = named_image(text)
    if found is None:
        raise NotFound("There is no such image.", hint="Call list_images for those there are.")
    return found


def asked(action: Action, arguments: Mapping[str, Any], inputs: Inputs | None = None) -> Ask:
    """The ask that a tool's arguments make; those that are not of an ask are left out.

    Raises InvalidRequest.
    """
    inputs = inputs or Inputs()
    return Ask(
        action=action,
        references=inputs.references,
        mask=inputs.mask,
        continued=inputs.continued,
        tags=tuple(arguments.get("tags") or ()),
        left=left_out(arguments),
        **{name: arguments[name] for name in _TAKEN if arguments.get(name) is not None},
    )
