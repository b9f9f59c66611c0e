"""Relays, clouds and engines that speak the OpenAI Images API, each in a dialect of its own.

What their answers prove stands in `adapters.wire.images_api`, the dialects in
`adapters.wire.dialect`. The options of a model are parameters under their own names, such as
`steps`; for sd-server they are names of its native interface.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from imagewright.adapters.web.client import Client
from imagewright.adapters.wire.dialect import DIALECTS, Dialect, Edits
from imagewright.adapters.wire.images import PARAMETERS
from imagewright.adapters.wire.images_api import ImagesApi, links_of
from imagewright.adapters.wire.listing import models_of
from imagewright.adapters.wire.server import Server, endpoint
from imagewright.ports.provider import Found, Parts

_PICTURES = re.compile(
    r"image|imagine|dall-e|flux|diffusion|sdxl|seedream|recraft|kontext|photon|ideogram",
    re.IGNORECASE,
)
"""How the names of models are told by that make pictures; such lists hold every kind of model."""
_TEMPLATES = {
    "gpt-image-1": "gpt-image-1",
    "gpt-image": "gpt-image",
    "dall-e-3": "dall-e-3",
    "dall-e-2": "dall-e-2",
    "grok-imagine-image-2": "grok-imagine-image-2.0",
    "grok-imagine": "grok-imagine-image",
    "flux.1-schnell": "flux.1-schnell",
}
"""What those are like whose names begin so, whatever stands before a slash."""
_ENGINE = "sd"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config(Server):
    """An operator's settings for one such server; those that are unset are the dialect's.

    `key_header` other than Authorization carries the bare key. `leave_out` are parameters that the
    server refuses, beside the dialect's. `charges` is turned off for a server that never
    bills, such as one's own. Raises ValueError for an address, a number or a name that cannot be.
    """

    name: str = "openai_compatible"
    base_url: str = "http://127.0.0.1:8080/v1"
    dialect: str = "plain"
    key_header: str | None = None
    edits: Literal["multipart", "images", "image", "references", "file"] | None = None
    response_format: str | None = None
    leave_out: tuple[str, ...] = ()
    charges: bool | None = None

    def __post_init__(self) -> None:
        Server.__post_init__(self)
        if self.dialect not in DIALECTS:
            raise ValueError(f"dialect must be one of {', '.join(DIALECTS)}")
        if unknown := [name for name in self.leave_out if name not in PARAMETERS]:
            known = ", ".join(PARAMETERS)
            raise ValueError(f"leave_out names {', '.join(unknown)}; parameters are {known}")


def build(config: Config, parts: Parts) -> "CompatibleImages":
    """The provider as configured; the connection is opened with the first order."""
    dialect = _dialect(config)
    client = Client(endpoint(config, parts, key_header=dialect.key_header, more={}))
    return CompatibleImages(config, dialect, parts, client)


def outward(options: Mapping[str, object]) -> tuple[str, ...]:
    """A server elsewhere may answer with addresses of its own choice, one of this machine not."""
    return links_of(options["base_url"])


def _dialect(config: Config) -> Dialect:
    base = DIALECTS[config.dialect]
    return replace(
        base,
        key_header=config.key_header or base.key_header,
        edit_style=base.edit_style if config.edits is None else Edits(config.edits),
        response_format=config.response_format or base.response_format,
        leave_out=base.leave_out | set(config.leave_out),
        charges=base.charges if config.charges is None else config.charges,
    )


class CompatibleImages(ImagesApi):
    """`ports.provider.Provider`, `Health` and `Discovery`."""

    async def discover(self) -> tuple[Found, ...]:
        if not self._dialect.lists:
            return ()
        names = [str(each["id"]) for each in await models_of(await self.models())]
        if self._dialect.only_pictures:
            return tuple(Found(upstream=name, like=_ENGINE) for name in names)
        return tuple(
            Found(upstream=name, like=_like(name)) for name in names if _PICTURES.search(name)
        )


def _like(name: str) -> str | None:
    bare = name.lower().rpartition("/")[2]
    return next((like for start, like in _TEMPLATES.items() if bare.startswith(start)), None)
