"""How servers differ that speak the OpenAI Images API, as data."""

from dataclasses import dataclass
from enum import StrEnum


class Edits(StrEnum):
    """How an edit carries its input images.

    multipart: files `image[]` and `mask` (OpenAI; every known server but those below).
    images: JSON, `images: [{image_url}]` and `mask: {image_url}` (OpenAI's other form).
    image: JSON, `image: {url, type}`, or `images` for several; no mask (xAI).
    references: a generation with `reference_images: [address]`; no mask (Together).
    file: a generation with one `file` in bare base64; no mask (LocalAI).
    """

    MULTIPART = "multipart"
    IMAGES = "images"
    IMAGE = "image"
    REFERENCES = "references"
    FILE = "file"


class Sizes(StrEnum):
    """How a size is told.

    pixels: `size: "1024x1024"`. edges: `width` and `height` (Together). ratio: the size's name
    in the catalogue, such as `16:9/2K`, as `aspect_ratio` and `resolution` (xAI).
    """

    PIXELS = "pixels"
    EDGES = "edges"
    RATIO = "ratio"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """One way to speak the API.

    Paths are below the server's address, `{model}` in them the model's name there. `leave_out`
    are parameters that are not sent. `response_format` is sent where it is set. `words` writes
    seed, negative prompt, strength and options into the prompt, as sd.cpp reads them; `bar` puts
    the negative prompt behind a bar. `alpha` is off where white is what a mask changes, and not
    what is transparent. `streams` is off where nothing is streamed. `charges` is off for what
    never bills.
    `cost_header` holds what a call cost in US dollars. `lists` is off where the list of models is
    not that of those one has, and `only_pictures` says that it holds nothing else.
    """

    key_header: str = "Authorization"
    generations: str = "images/generations"
    edits: str = "images/edits"
    models: str = "models"
    edit_style: Edits = Edits.MULTIPART
    size_style: Sizes = Sizes.PIXELS
    leave_out: frozenset[str] = frozenset()
    response_format: str | None = None
    words: bool = False
    bar: bool = False
    alpha: bool = True
    streams: bool = True
    charges: bool = True
    cost_header: str | None = None
    lists: bool = True
    only_pictures: bool = False


OPENAI = Dialect()
DIALECTS = {
    "plain": OPENAI,
    # Azure's v1 surface: `model` is the deployment's name. It lists models, not deployments.
    "azure": Dialect(key_header="api-key", lists=False),
    # The older one: the deployment stands in the path, and `model` beside it is refused by
    # gpt-image-2 (litellm #26316). `api-version` goes into `query`.
    "azure-deployments": Dialect(
        key_header="api-key",
        generations="openai/deployments/{model}/images/generations",
        edits="openai/deployments/{model}/images/edits",
        models="openai/models",
        lists=False,
        leave_out=frozenset({"model"}),
    ),
    # Adds what it charges to each answer (`x-litellm-response-cost`, where it knows). It passes
    # `stream` on and fails on the events that it gets back (1.106.2), when the picture is paid for.
    "litellm": Dialect(cost_header="x-litellm-response-cost", streams=False),
    # Answers with addresses of its own unless asked for base64; has no output formats.
    "localai": Dialect(
        edit_style=Edits.FILE,
        edits="images/generations",
        leave_out=frozenset({"output_format"}),
        response_format="b64_json",
        bar=True,
        streams=False,
        charges=False,
    ),
    # stable-diffusion.cpp's sd-server (its api.md and routes_openai.cpp): the seed is always 42 but
    # for the one in the prompt's words; a mask is read as grey, whatever its alpha.
    "sd-server": Dialect(words=True, alpha=False, streams=False, charges=False, only_pictures=True),
    "together": Dialect(
        edit_style=Edits.REFERENCES,
        size_style=Sizes.EDGES,
        edits="images/generations",
        response_format="base64",
        streams=False,
    ),
    "xai": Dialect(
        edit_style=Edits.IMAGE,
        size_style=Sizes.RATIO,
        leave_out=frozenset({"output_format", "background", "moderation"}),
        response_format="b64_json",
        streams=False,
    ),
}
"""By the names that settings know them by."""
