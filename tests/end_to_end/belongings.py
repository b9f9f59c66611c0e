"""What an owner has, and every call by which somebody might come by it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

WORDS = "heliotrope-zeppelin"
FRESH = "a ferry in fog"


@dataclass(frozen=True, slots=True, kw_only=True)
class Things:
    """What an owner has, or ids of the same shape of nothing."""

    image: str
    job: str
    quote: str
    conversation: str
    group: str
    batch_quote: str
    words: str


NEVER = Things(
    image=f"img_{'a' * 26}",
    job=f"job_{'a' * 26}",
    quote=f"quo_{'a' * 26}",
    conversation=f"cnv_{'a' * 26}",
    group=f"grp_{'a' * 26}",
    batch_quote=f"quo_{'a' * 26}",
    words="never-was",
)
Row = Callable[[Things], dict[str, Any]]
PAID = {"provider": "paid", "prompt": WORDS, "size": "64x64"}
TOOL_ROWS: dict[str, tuple[Row, ...]] = {
    "generate_image": (lambda of: {**PAID, "variation": of.job, "confirm": of.quote},),
    "edit_image": (
        lambda of: {"prompt": FRESH, "images": [of.image], "size": "64x64"},
        lambda of: {"prompt": FRESH, "images": [f"image://{of.image}/view"], "mask": of.image},
    ),
    "batch": (
        lambda of: {"items": [{"prompt": FRESH, "images": [of.image], "size": "64x64"}]},
        lambda of: {"prompt": FRESH, "images": [of.image]},
        lambda of: {"items": [{**PAID, "variation": of.job}], "confirm": of.batch_quote},
        lambda of: {"items": [{"prompt": FRESH, "image": of.image, "size": "64x64"}]},
    ),
    "refine_image": (
        lambda of: {"prompt": FRESH, "image": of.image, "size": "64x64"},
        lambda of: {"prompt": FRESH, "image": f"image://{of.image}/view", "size": "64x64"},
    ),
    "list_conversations": (lambda of: {}, lambda of: {"before": of.conversation}),
    "clear_conversation": (lambda of: {"conversation": of.conversation},),
    "estimate_cost": (
        lambda of: {"prompt": FRESH, "images": [of.image]},
        lambda of: {"prompt": FRESH, "image": of.image},
        lambda of: {"items": [{"prompt": FRESH, "images": [of.image], "mask": of.image}]},
        lambda of: {"items": [{"prompt": FRESH, "image": of.image}]},
    ),
    "get_job": (
        lambda of: {"job": of.job},
        lambda of: {"job": of.job, "wait": 1},
        lambda of: {"job": of.group, "wait": 1},
    ),
    "list_jobs": (lambda of: {"before": of.job},),
    "cancel_job": (lambda of: {"job": of.job}, lambda of: {"job": of.group}),
    "list_images": (
        lambda of: {"text": of.words},
        lambda of: {"tag": of.words},
        lambda of: {"before": of.image},
    ),
    "get_image": (lambda of: {"image": of.image}, lambda of: {"image": f"image://{of.image}/view"}),
    "show_image": (lambda of: {"image": of.image}, lambda of: {"image": of.image, "edge": 64}),
    "list_providers": (lambda of: {},),
    "get_usage": (lambda of: {},),
    "server_info": (lambda of: {},),
    "delete_image": (lambda of: {"image": of.image, "derived": True},),
}
RESOURCE_ROWS: dict[str, tuple[Callable[[Things], str], ...]] = {
    "image://list": (lambda of: "image://list",),
    "info://providers": (lambda of: "info://providers",),
    "info://prompt-guide": (lambda of: "info://prompt-guide",),
    "image://{id}/metadata": (lambda of: f"image://{of.image}/metadata",),
    "image://{id}/view{?width,height,format,quality}": (
        lambda of: f"image://{of.image}/view",
        lambda of: f"image://{of.image}/view?width=32&format=webp",
    ),
}
PROMPT_ROWS: dict[str, tuple[Row, ...]] = {
    "select_provider": (lambda of: {"wanted": FRESH},),
    "write_prompt": (
        lambda of: {"wanted": FRESH, "model": "paid/placeholder"},
        lambda of: {"wanted": FRESH, "model": of.image},
    ),
}
ROUTE_ROWS: dict[str, tuple[Callable[[Things], str], ...]] = {
    "/health": (lambda of: "/health",),
    "/ready": (lambda of: "/ready",),
    "/i/{expires}/{signature}/{name}": (
        lambda of: f"/i/4102444800/{'A' * 32}/{of.image}.png",
        lambda of: f"/i/1/{'A' * 32}/{of.image}.png",
    ),
    "/ui": (lambda of: "/ui",),
    "/ui/style.css": (lambda of: "/ui/style.css",),
    "/ui/sign-in": (lambda of: "/ui/sign-in", lambda of: f"/ui/sign-in?with={of.quote}"),
    "/ui/sign-in/callback": (lambda of: f"/ui/sign-in/callback?state={of.image}&code={of.job}",),
    "/ui/sign-out": (lambda of: f"/ui/sign-out?{of.job}",),
    "/ui/approvals": (lambda of: f"/ui/approvals?{of.quote}",),
    "/ui/approvals/{quote}": (
        lambda of: f"/ui/approvals/{of.quote}",
        lambda of: f"/ui/approvals/{of.batch_quote}",
    ),
    "/ui/approvals/link/{secret}": (lambda of: f"/ui/approvals/link/{of.quote}",),
    "/.well-known/oauth-authorization-server": (
        lambda of: f"/.well-known/oauth-authorization-server?{of.image}",
    ),
    "/.well-known/oauth-protected-resource": (
        lambda of: f"/.well-known/oauth-protected-resource?{of.image}",
    ),
    "/.well-known/oauth-protected-resource/mcp": (
        lambda of: f"/.well-known/oauth-protected-resource/mcp?{of.image}",
    ),
    "/authorize": (
        lambda of: f"/authorize?client_id={of.image}",
        lambda of: f"/authorize?client_id={of.image}&redirect_uri=http://localhost/{of.job}",
    ),
    "/authorize/consent": (lambda of: f"/authorize/consent?id={of.quote}",),
    "/authorize/callback": (lambda of: f"/authorize/callback?state={of.quote}&code={of.job}",),
    "/register": (lambda of: f"/register?{of.image}",),
    "/token": (lambda of: f"/token?code={of.image}",),
    "/revoke": (lambda of: f"/revoke?token={of.image}",),
}

OWN_ROUTE_ROWS: dict[str, tuple[Callable[[Things], str], ...]] = {
    "/v1/jobs/{job}": (
        lambda of: f"/v1/jobs/{of.job}",
        lambda of: f"/v1/jobs/{of.group}",
        lambda of: f"/v1/jobs/{of.image}",
    ),
    "/v1/jobs/{job}/events": (
        lambda of: f"/v1/jobs/{of.job}/events",
        lambda of: f"/v1/jobs/{of.group}/events",
    ),
}
"""Routes whose first row answers its owner."""


def filled(route: str, of: Things) -> str:
    """A route's path about these things."""
    return route.format(quote=of.quote, secret=of.quote)


Fields = Callable[[Things], dict[str, str]]
POST_ROWS: dict[str, tuple[Fields, ...]] = {
    "/ui/sign-in": (lambda of: {"token": of.quote, "csrf": of.job},),
    "/ui/sign-out": (lambda of: {"csrf": of.quote},),
    "/ui/approvals/{quote}": (lambda of: {"csrf": of.quote, "answer": "yes"},),
    "/ui/approvals/link/{secret}": (lambda of: {"csrf": of.quote, "answer": "yes"},),
    "/authorize/consent": (lambda of: {"id": of.quote, "token": of.job, "answer": "yes"},),
    "/register": (lambda of: {"redirect_uris": of.image},),
    "/token": (
        lambda of: {"grant_type": "authorization_code", "code": of.quote, "client_id": of.image},
        lambda of: {"grant_type": "refresh_token", "refresh_token": of.job, "client_id": of.job},
    ),
    "/revoke": (lambda of: {"token": of.quote, "client_id": of.image},),
}
