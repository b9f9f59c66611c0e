"""Bodies of the OpenAI Images API as of November 2026 (openai 3.51; captured from its client).

`response_format` is sent only to servers whose dialect asks for it, `style` and `user` never: the
models of today refuse the first two, and the third is deprecated.
"""

import base64
import json
from collections.abc import Mapping
from urllib.parse import quote

from imagewright.adapters.web.client import Call, FilePart
from imagewright.adapters.wire.dialect import Dialect, Edits, Sizes
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

_WORDS = "sd_cpp_extra_args"


def picture_call(order: Order, mask: bytes | None, dialect: Dialect, limit: int) -> Call:
    """The request for an order's pictures; its answer may have `limit` bytes.

    `mask` is as the dialect wants it. Raises Unsupported for what the dialect cannot say.
    """
    values = parameters(order, dialect)
    headers = {"Idempotency-Key": order.key}
    path = dialect.edits if order.references else dialect.generations
    path = path.replace("{model}", quote(order.plan.upstream, safe=""))
    if not order.references:
        return Call(path=path, headers=headers, json=values, limit=limit)
    if dialect.edit_style is Edits.MULTIPART:
        fields, files = form_fields(values), form_files(order, mask)
        return Call(path=path, headers=headers, fields=fields, files=files, limit=limit)
    values |= _inputs(order, mask, dialect.edit_style)
    return Call(path=path, headers=headers, json=values, limit=limit)


def parameters(order: Order, dialect: Dialect) -> dict[str, object]:
    """What the plan has set, under the API's names; an absent one is the model's own choice.

    The model's options are parameters under their own names.
    """
    plan, ask = order.plan, order.plan.ask
    streamed = dialect.streams and ask.partial_images > 0
    values: dict[str, object] = {
        **({} if dialect.words else dict(plan.options)),
        "model": plan.upstream,
        "prompt": _prompt(order, dialect),
        "n": ask.n,
        **_size(order, dialect),
        "quality": plan.quality.value if plan.quality else None,
        "background": plan.background.value if plan.background else None,
        "output_format": plan.output_format.value,
        "output_compression": plan.output_compression,
        "moderation": ask.moderation.value if ask.moderation else None,
        "input_fidelity": ask.input_fidelity.value if ask.input_fidelity else None,
        "response_format": dialect.response_format,
        "stream": True if streamed else None,
        "partial_images": ask.partial_images if streamed else None,
    }
    if not dialect.words:
        negative = None if dialect.bar else plan.negative_prompt
        values |= {"seed": ask.seed, "strength": ask.strength, "negative_prompt": negative}
    return {
        name: value
        for name, value in values.items()
        if value is not None and name not in dialect.leave_out
    }


def _size(order: Order, dialect: Dialect) -> dict[str, object]:
    plan = order.plan
    if plan.size is None:
        return {}
    if dialect.size_style is Sizes.EDGES:
        return {"width": plan.size.width, "height": plan.size.height}
    if dialect.size_style is Sizes.PIXELS:
        return {"size": str(plan.size)}
    if plan.size_name is None:
        raise Unsupported(
            f"The model {plan.model} has no name for {plan.size} that this provider knows.",
            hint="Ask the operator to name its sizes.",
        )
    ratio, _, tier = plan.size_name.partition("/")
    return {"aspect_ratio": ratio, "resolution": tier.lower()}


def _prompt(order: Order, dialect: Dialect) -> str:
    plan, ask = order.plan, order.plan.ask
    if dialect.bar and plan.negative_prompt is not None:
        return f"{plan.prompt}|{plan.negative_prompt}"
    if not dialect.words:
        return plan.prompt
    if f"<{_WORDS}>" in plan.prompt:
        raise Unsupported(
            "The prompt holds settings of the engine, which are not the prompt's to make.",
            hint=f"Leave <{_WORDS}> out.",
        )
    values: dict[str, object] = {
        **dict(plan.options),
        "seed": ask.seed,
        "strength": ask.strength,
        "negative_prompt": plan.negative_prompt,
    }
    told = {name: value for name, value in values.items() if value is not None}
    return f"{plan.prompt} <{_WORDS}>{json.dumps(told)}</{_WORDS}>" if told else plan.prompt


def form_fields(values: Mapping[str, object]) -> dict[str, str]:
    """The same as text parts of a multipart body."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in values.items()
    }


def form_files(order: Order, mask: bytes | None) -> tuple[FilePart, ...]:
    """Input images as repeated `image[]`, which every known server takes, and the mask.

    Raises Unsupported for a format that the API does not take.
    """
    files = [
        _file("image[]", f"image-{number}", picture)
        for number, picture in enumerate(order.references, 1)
    ]
    if mask is not None:
        files.append(_file("mask", "mask", Input(data=mask, format=Format.PNG)))
    return tuple(files)


def data_url(picture: Input) -> str:
    """An input image as a `data:` URL. Raises Unsupported for a format that no API here takes."""
    _check(picture)
    return f"data:{picture.format.mime};base64,{base64.b64encode(picture.data).decode()}"


def _inputs(order: Order, mask: bytes | None, style: Edits) -> dict[str, object]:
    if mask is not None and style is not Edits.IMAGES:
        raise Unsupported("This provider takes no mask.", hint="Leave the mask out.")
    addresses = [data_url(each) for each in order.references]
    if style is Edits.IMAGES:
        values: dict[str, object] = {"images": [{"image_url": each} for each in addresses]}
        if mask is not None:
            values["mask"] = {"image_url": data_url(Input(data=mask, format=Format.PNG))}
        return values
    if style is Edits.REFERENCES:
        return {"reference_images": addresses}
    if style is Edits.IMAGE:
        objects = [{"url": each, "type": "image_url"} for each in addresses]
        return {"image": objects[0]} if len(objects) == 1 else {"images": objects}
    if len(addresses) > 1:
        raise Unsupported("This provider takes one input image.", hint="Name one image.")
    return {"file": base64.b64encode(order.references[0].data).decode()}


def _file(name: str, stem: str, picture: Input) -> FilePart:
    _check(picture)
    return FilePart(
        name=name,
        filename=f"{stem}.{picture.format.suffix}",
        mime=picture.format.mime,
        data=picture.data,
    )


def _check(picture: Input) -> None:
    if picture.format not in TAKEN:
        raise Unsupported(
            f"This provider takes no {picture.format.value} as an input image.",
            hint="Convert it to PNG, JPEG or WebP with transform_image.",
        )
