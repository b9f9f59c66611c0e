"""The structured answers of the tools; money is decimal US dollars, times are ISO 8601 UTC."""

from typing import NotRequired

from typing_extensions import TypedDict


class FaultShape(TypedDict):
    """An error: a stable code, a sentence, whether to retry, and what to try next."""

    code: str
    message: str
    retry: str
    hint: NotRequired[str]
    details: NotRequired[dict[str, object]]


class ParentShape(TypedDict):
    """An image that another was made from, and as what."""

    image: str
    role: str


class ImageShape(TypedDict):
    """One stored image; sizes in pixels and bytes as they really are."""

    id: str
    uri: str
    width: int
    height: int
    megapixels: float
    bytes: int
    mime: str
    origin: str
    provider: str
    model: str
    created_at: str
    name: str
    sha256: str
    prompt: NotRequired[str]
    asked_size: NotRequired[str]
    seed: NotRequired[int]
    revised_prompt: NotRequired[str]
    tags: NotRequired[list[str]]
    parents: NotRequired[list[ParentShape]]
    path: NotRequired[str]


class ItemShape(TypedDict):
    """One ask of a group: its place from 0, its job and what that made."""

    item: int
    job: str
    state: str
    images: NotRequired[list[str]]
    code: NotRequired[str]
    reused: NotRequired[bool]


class LeftShape(TypedDict):
    """Of all budgets that count an ask, the one with the least left."""

    level: str
    span: str
    left_usd: str
    resets_at: str
    name: NotRequired[str]


class JobShape(TypedDict):
    """A job: where it stands, what it made, what it was quoted at and cost, and what is left."""

    job: str
    state: str
    stage: str
    provider: str
    model: str
    n: int
    images: list[ImageShape]
    quote: str
    ceiling_usd: str
    created_at: str
    done: NotRequired[int]
    total: NotRequired[int]
    cost_usd: NotRequired[str]
    left: NotRequired[LeftShape]
    elapsed_seconds: NotRequired[float]
    tokens: NotRequired[dict[str, int]]
    failures: NotRequired[dict[str, str]]
    reason: NotRequired[str]
    instead_of: NotRequired[str]
    conversation: NotRequired[str]
    group: NotRequired[str]
    counts: NotRequired[dict[str, int]]
    items: NotRequired[list[ItemShape]]
    images_left_out: NotRequired[int]
    warnings: NotRequired[list[str]]
    repeated: NotRequired[bool]
    error: NotRequired[FaultShape]


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


class AllowanceShape(TypedDict):
    """One level's day or month."""

    level: str
    name: str
    span: str
    held_usd: str
    settled_usd: str
    resets_at: str
    limit_usd: NotRequired[str]
    left_usd: NotRequired[str]


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
