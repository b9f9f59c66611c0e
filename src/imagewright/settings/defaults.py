"""[defaults]: what stands in for what an ask leaves out, for all providers or for one."""

from typing import Annotated

from pydantic import Field, field_validator

from imagewright.core.ask import (
    MAX_COUNT,
    MAX_PARTIALS,
    MAX_PROMPT,
    MAX_TAGS,
    RATIOS,
    Ask,
    Background,
    Fidelity,
    Moderation,
    Quality,
)
from imagewright.core.errors import InvalidRequest
from imagewright.core.picture import Format
from imagewright.settings.section import Section
from imagewright.settings.units import Unfit, Words

_LONGEST = 64


class Defaults(Section):
    """Frozen; unset is none. One that does not fit an ask or a model is left out of it."""

    n: int | None = Field(default=None, ge=1, le=MAX_COUNT, description="How many images.")
    size: str | None = Field(default=None, description="As the tools take it.")
    aspect_ratio: str | None = Field(
        default=None, description=f"One of {', '.join(RATIOS)}; not beside a size in pixels."
    )
    quality: Quality | None = Field(default=None, description="A level that the models have.")
    background: Background | None = Field(default=None, description="What stands behind.")
    output_format: Format | None = Field(default=None, description="The file's format.")
    output_compression: int | None = Field(
        default=None, ge=0, le=100, description="For jpeg and webp."
    )
    negative_prompt: str | None = Field(
        default=None, min_length=1, max_length=MAX_PROMPT, description="What to avoid."
    )
    seed: int | None = Field(
        default=None, ge=0, lt=2**53, description="The same for every ask that names none."
    )
    moderation: Moderation | None = Field(default=None, description="How strict the provider is.")
    partial_images: int | None = Field(
        default=None, ge=0, le=MAX_PARTIALS, description="Partial images on the way."
    )
    strength: float | None = Field(
        default=None, ge=0, le=1, description="Edits: 0 keeps the image, 1 ignores it."
    )
    input_fidelity: Fidelity | None = Field(
        default=None, description="Edits: how close to the input images."
    )
    template: Annotated[str | None, Field(max_length=_LONGEST)] = Field(
        default=None, description="One of `templates`."
    )
    folder: str | None = Field(default=None, description="Folder in the caller's library.")
    tags: Words | None = Field(default=None, max_length=MAX_TAGS, description="Tags of the images.")

    @field_validator("size", "aspect_ratio", "folder", "tags", "negative_prompt")
    @classmethod
    def _fits_an_ask(cls, value: object, info: object) -> object:
        if value is not None:
            name = str(getattr(info, "field_name", ""))
            try:
                Ask(prompt="x", **{name: value})  # type: ignore[arg-type] # checked where it is made
            except InvalidRequest as error:
                raise Unfit(error.sentence, error.hint) from None
        return value

    def given(self) -> dict[str, object]:
        """Those that are set, by name."""
        return {name: value for name, value in self if value is not None}
