"""OpenAI's Images API. What its answers prove stands in `adapters.wire.images_api`.

The options of its models are parameters under their own names: `complexity`, `frame_count` and
`frame_duration_ms` of the 2.6 family.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Literal

from imagewright.adapters.web.client import Client
from imagewright.adapters.wire.dialect import OPENAI, Edits
from imagewright.adapters.wire.images_api import ImagesApi
from imagewright.adapters.wire.server import Server, endpoint
from imagewright.ports.provider import Found, Parts

_OURS = ("gpt-image-", "chatgpt-image-")
_FAMILIES = {
    "gpt-image-1": "gpt-image-1.5",
    "gpt-image-2-": "gpt-image-2",
    "gpt-image-2.5-flare": "gpt-image-2.5-flare",
    "gpt-image-2.5-": "gpt-image-2.5-sunburst",
    "chatgpt-": "chatgpt-image-latest",
}
_NEWEST = "gpt-image-2.6-flare"
"""What a model is like whose family is not known: no newer one took less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Server):
    """An operator's settings for OpenAI. `edits` is how input images are sent: both are the API's.

    Raises ValueError for an address or a number that cannot be.
    """

    name: str = "openai"
    base_url: str = "https://api.openai.com/v1"
    organization: str | None = None
    project: str | None = None
    edits: Literal["multipart", "images"] = "multipart"


def build(config: Config, parts: Parts) -> "OpenAIImages":
    """The provider as configured; the connection is opened with the first order."""
    more = {"OpenAI-Organization": config.organization, "OpenAI-Project": config.project}
    dialect = replace(OPENAI, edit_style=Edits(config.edits))
    return OpenAIImages(config, dialect, parts, Client(endpoint(config, more=more)))


class OpenAIImages(ImagesApi):
    """`ports.provider.Provider`, `Health` and `Discovery`."""

    async def discover(self) -> tuple[Found, ...]:
        models = await self.models()
        return tuple(_found(each) for each in models if str(each["id"]).startswith(_OURS))


def _found(model: Mapping[str, object]) -> Found:
    name = str(model["id"])
    like = next((like for start, like in _FAMILIES.items() if name.startswith(start)), _NEWEST)
    return Found(upstream=name, ends=_day(model.get("shutdown_date")), like=like)


def _day(text: object) -> date | None:
    try:
        return date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
