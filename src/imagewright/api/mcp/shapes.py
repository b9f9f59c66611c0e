"""The structured answers of the tools; money is decimal US dollars, times are ISO 8601 UTC."""

from typing import NotRequired

from typing_extensions import TypedDict

from imagewright.api.shapes import AllowanceShape, ImageShape, JobShape, LeftShape


class JobsShape(TypedDict):
    """Jobs, newest first."""

    jobs: list[JobShape]


class ImagesShape(TypedDict):
    """Images, newest first; `total` counts all that match."""

    images: list[ImageShape]
    total: int
    more: bool


class ConversationShape(TypedDict):
    """A conversation: how it began, how many turns it has, its last image and when that came."""

    conversation: str
    prompt: str
    turns: int
    image: str
    last_at: str


class ConversationsShape(TypedDict):
    """Conversations, the last changed first."""

    conversations: list[ConversationShape]


class ClearedShape(TypedDict):
    """How many turns of a conversation were forgotten."""

    conversation: str
    turns: int


class PricedShape(TypedDict):
    """One ask of a batch: its place from 0; one that says the `same_as` another costs nothing."""

    item: int
    provider: str
    model: str
    n: int
    size: str
    quality: str
    output_format: str
    ceiling_usd: str
    estimate: bool
    reason: str
    warnings: NotRequired[list[str]]
    fallbacks: NotRequired[list[str]]
    same_as: NotRequired[int]


class QuoteShape(TypedDict):
    """What an ask or a batch would cost at most, and what would be asked for."""

    provider: str
    model: str
    n: int
    size: str
    quality: str
    output_format: str
    quote: NotRequired[str]
    ceiling_usd: str
    left: NotRequired[LeftShape]
    estimate: bool
    paid: bool
    consent: list[str]
    warnings: list[str]
    reason: str
    fallbacks: list[str]
    items: NotRequired[list[PricedShape]]


class ModelShape(TypedDict):
    """What a model can do, until when, and at what price."""

    id: str
    title: str
    lifecycle: str
    sizes: list[str]
    any_size: NotRequired[str]
    qualities: list[str]
    formats: list[str]
    backgrounds: list[str]
    max_n: int
    references: int
    mask: bool
    watermark: bool
    partial_images: int
    takes: list[str]
    price: dict[str, str]
    ends: NotRequired[str]
    successor: NotRequired[str]


class ProviderShape(TypedDict):
    """A configured provider."""

    name: str
    title: str
    models: list[ModelShape]
    templates: NotRequired[list[str]]
    warnings: NotRequired[list[str]]


class ProvidersShape(TypedDict):
    """The providers open to the caller, the default one first."""

    providers: list[ProviderShape]


class LimitShape(TypedDict):
    """One limit, and what is used of it; bytes for storage and bandwidth."""

    limit: str
    allowed: str
    owner: str
    name: NotRequired[str]
    used: int
    left: int
    resets_at: NotRequired[str]


class UsageShape(TypedDict):
    """The caller's own levels, the narrowest first, and its limits."""

    subject: str
    allowances: list[AllowanceShape]
    limits: list[LimitShape]


class InfoShape(TypedDict):
    """The service, and what the caller may do in it."""

    name: str
    version: str
    subject: str
    scopes: list[str]
    read_only: bool
    limits: dict[str, int | str]
    own_limits: list[str]
    confinement: NotRequired[dict[str, str]]


class DeletedShape(TypedDict):
    """The ids that are gone."""

    deleted: list[str]


class AdviceShape(TypedDict):
    """What models are good for, and how they want to be asked."""

    models: list[str]
    kinds: list[str]
    strengths: list[str]
    weaknesses: list[str]
    takes: list[str]
    cost: str
    grammar: NotRequired[str]
    good: NotRequired[str]
    bad: NotRequired[str]
