"""From a tool's arguments to an ask."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from fastmcp import Context

from imagewright.api.mcp.face import face_of
from imagewright.core.ask import Action, Ask, Reference

_TAKEN = frozenset(field.name for field in fields(Ask)) - {"action", "references", "mask", "tags"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """The input pictures of an ask, as references to images of the caller's own."""

    references: tuple[Reference, ...] = ()
    mask: Reference | None = None


async def inputs_of(ctx: Context, images: list[str], mask: str | None) -> Inputs:
    """The pictures that an edit names.

    Raises NotFound, InvalidRequest, InvalidImage or ImageTooLarge.
    """
    face = face_of(ctx)
    names = (*images, *((mask,) if mask else ()))
    found = await face.inputs.references(face.caller().subject, names)
    return Inputs(references=found[: len(images)], mask=found[-1] if mask else None)


def asked(action: Action, arguments: Mapping[str, Any], inputs: Inputs | None = None) -> Ask:
    """The ask that a tool's arguments make; those that are not of an ask are left out.

    Raises InvalidRequest.
    """
    inputs = inputs or Inputs()
    return Ask(
        action=action,
        references=inputs.references,
        mask=inputs.mask,
        tags=tuple(arguments.get("tags") or ()),
        **{name: value for name, value in arguments.items() if name in _TAKEN},
    )
