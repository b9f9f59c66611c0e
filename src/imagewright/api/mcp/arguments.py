"""Every argument's type and description, named once, so that tools share the words."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from imagewright.core.ask import Background, Fidelity, Moderation, Quality
from imagewright.core.image import Origin
from imagewright.core.picture import Format


def _no_script(value: object) -> object:
    if value == "svg":
        raise ValueError("svg may hold scripts, which our own address would serve; ask for png")
    return value


Prompt = Annotated[str, Field(description="What the image shows, in words.")]
Provider = str
Model = Annotated[str, Field(description="See list_providers.")]
Count = Annotated[int | None, Field(description="How many; 1 if unset.", ge=1, le=10)]
Size = Annotated[
    str,
    Field(
        description="WIDTHxHEIGHT, 1K, 2K, 4K, square, landscape, portrait, auto.", max_length=16
    ),
]
Ratio = Annotated[str | None, Field(description="Such as 16:9.", max_length=8)]
QualityLevel = Quality
BackgroundKind = Annotated[Background, Field(description="transparent needs png or webp.")]
OutputFormat = Annotated[
    Format | None, BeforeValidator(_no_script), Field(description="Default: the model's own.")
]
Compression = Annotated[int | None, Field(description="For jpeg and webp.", ge=0, le=100)]
NegativePrompt = Annotated[str | None, Field(description="What to avoid.")]
Template = Annotated[str | None, Field(description="The operator's words around it.")]
Seed = Annotated[int | None, Field(ge=0)]
ModerationLevel = Annotated[Moderation | None, Field(description="Where the model takes one.")]
Partials = Annotated[int | None, Field(description="While it is made.", ge=0, le=3)]
Folder = Annotated[str, Field(description="Such as logos/2026.")]
Filename = Annotated[str | None, Field(description="Without ending.")]
Tags = Annotated[list[str] | None, Field(max_length=16)]
Variation = Annotated[
    str | None,
    Field(
        description="Any word makes it a new ask.",
        max_length=64,
    ),
]
Hours = Annotated[int | None, Field(description="Hours it may take, for less.", ge=1, le=72)]
Wait = Annotated[
    int | None,
    Field(description="Seconds; 0 answers at once.", ge=0, le=600),
]
Confirm = Annotated[str | None, Field(description="The quote id, to accept it.")]
Images = Annotated[
    list[str],
    Field(
        description="Images by id, image:// URI, data: URL or https URL.",
        min_length=1,
        max_length=16,
    ),
]
Owned = Annotated[
    list[str] | None,
    Field(description="Yours by id, for an edit.", max_length=16),
]
Refined = Annotated[str | None, Field(description="For refine_image.", max_length=256)]
Items = Annotated[
    list[dict[str, Any]] | None,
    Field(
        description="Each the arguments of generate_image, of edit_image with images, "
        "or of refine_image with image.",
        max_length=100,
    ),
]
Priced = Annotated[
    list[dict[str, Any]] | None, Field(description="Instead of all else, as in batch.")
]
Worded = str | None
OnePrompt = Annotated[str | None, Field(description="Instead of items: one edit for each image.")]
Many = Annotated[list[str] | None, Field(max_length=100)]
Mask = Annotated[
    str | None,
    Field(
        description="Image as large as the first; transparent, or without alpha white, is changed."
    ),
]
Strength = Annotated[
    float | None, Field(description="0 keeps the image, 1 ignores it.", ge=0, le=1)
]
InputFidelity = Annotated[Fidelity | None, Field(description="Where the model takes one.")]
Refresh = Annotated[bool, Field(description="Ask them anew.")]
JobId = Annotated[str, Field(description="Of a job or a group.", max_length=64)]
ImageId = Annotated[str, Field(description="An image's id or image:// URI.", max_length=256)]
ConversationId = Annotated[str, Field(max_length=64)]
Limit = Annotated[int, Field(ge=1, le=100)]
Before = Annotated[str | None, Field(description="After this id.", max_length=64)]
Text = Annotated[str | None, Field(description="Found in prompts, names and tags.")]
OriginKind = Annotated[Origin | None, Field(description="How it came to be.")]
Day = Annotated[str | None, Field(description="ISO 8601.", max_length=40)]
Edge = Annotated[int | None, Field(description="Longest edge in pixels.", ge=16, le=1024)]
Action = Literal["generate", "edit"]
