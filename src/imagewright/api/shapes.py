"""Structured answers of more than one face; money is decimal US dollars, times are ISO 8601 UTC."""

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
