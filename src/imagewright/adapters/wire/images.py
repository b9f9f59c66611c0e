"""Bodies of the OpenAI Images API as of November 2026 (openai 3.51; captured from its client).

`response_format`, `style` and `user` are never sent: the models of today refuse the first
two, and the third is deprecated.
"""

from imagewright.adapters.web.client import FilePart
from imagewright.core.errors import Unsupported
from imagewright.core.picture import Format
from imagewright.ports.provider import Input, Order

TAKEN = frozenset({Format.PNG, Format.JPEG, Format.WEBP})
"""The formats that input images may have (`POST /images/edits`)."""

PARAMETERS = (
    "background",
    "image",
    "input_fidelity",
    "mask",
    "model",
    "moderation",
    "n",
    "negative_prompt",
    "output_compression",
    "output_format",
    "prompt",
    "quality",
    "seed",
    "size",
    "strength",
)
"""The names by which a vendor may tell which of our parameters it refuses."""


def parameters(order: Order) -> dict[str, object]:
    """What the plan has set, under the API's names; an absent one is the model's own choice."""
    plan, ask = order.plan, order.plan.ask
    values: dict[str, object] = {
        "model": plan.upstream,
        "prompt": plan.prompt,
        "n": ask.n,
        "size": str(plan.size) if plan.size else None,
        "quality": plan.quality.value if plan.quality else None,
        "background": plan.background.value if plan.background else None,
        "output_format": plan.output_format.value,
        "output_compression": plan.output_compression,
        "moderation": ask.moderation.value if ask.moderation else None,
        "negative_prompt": plan.negative_prompt,
        "seed": ask.seed,
        "strength": ask.strength,
        "input_fidelity": ask.input_fidelity.value if ask.input_fidelity else None,
    }
    return {name: value for name, value in values.items() if value is not None}


def form_fields(values: dict[str, object]) -> dict[str, str]:
    """The same as text parts of a multipart body."""
    return {name: str(value) for name, value in values.items()}


def form_files(order: Order, mask: bytes | None) -> tuple[FilePart, ...]:
    """Input images as repeated `image[]`, which every known server takes, and the mask.

    The mask is a PNG whose transparent pixels are changed.

    Raises Unsupported for a format that the API does not take.
    """
    files = [
        _file("image[]", f"image-{number}", picture)
        for number, picture in enumerate(order.references, 1)
    ]
    if mask is not None:
        files.append(_file("mask", "mask", Input(data=mask, format=Format.PNG)))
    return tuple(files)


def _file(name: str, stem: str, picture: Input) -> FilePart:
    if picture.format not in TAKEN:
        raise Unsupported(
            f"This provider takes no {picture.format.value} as an input image.",
            hint="Convert it to PNG, JPEG or WebP with transform_image.",
        )
    return FilePart(
        name=name,
        filename=f"{stem}.{picture.format.suffix}",
        mime=picture.format.mime,
        data=picture.data,
    )
