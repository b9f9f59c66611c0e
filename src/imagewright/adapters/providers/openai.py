"""OpenAI's Images API. What its answers prove stands in `adapters.wire.images_api`.

The options of its models are parameters under their own names: `complexity`, `frame_count` and
`frame_duration_ms` of the 2.6 family.
"""

from dataclasses import dataclass, replace
from typing import Literal

from imagewright.adapters.web.client import Client
from imagewright.adapters.wire.dialect import OPENAI, Edits
from imagewright.adapters.wire.images_api import ImagesApi
from imagewright.adapters.wire.listing import openai_models
from imagewright.adapters.wire.server import Server, endpoint
from imagewright.ports.provider import Found, Parts


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
        return await openai_models(await self.models())
