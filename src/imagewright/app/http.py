"""The HTTP side: MCP, health and links on one address, behind one guard and one log."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from imagewright.api.http.health import Health
from imagewright.api.http.links import Downloads
from imagewright.api.http.requests import RequestLog
from imagewright.core.ids import Kind

if TYPE_CHECKING:
    from imagewright.app.application import App

_MCP_HEADERS = [
    "authorization",
    "content-type",
    "last-event-id",
    "mcp-method",
    "mcp-name",
    "mcp-protocol-version",
    "mcp-session-id",
]
_SHOWN_HEADERS = ["mcp-session-id", "www-authenticate", "x-request-id", "retry-after"]


def http_app(app: "App") -> ASGIApp:
    """The ASGI application of an App."""
    _add_routes(app)
    server = app.settings.server
    inner = app.mcp.http_app(
        path=server.path,
        middleware=_cors(server.allowed_origins),
        host_origin_protection=True,
        allowed_hosts=_hosts(app),
        allowed_origins=list(server.allowed_origins) or None,
        session_idle_timeout=float(server.session_idle),
    )
    _open_with(inner, app)
    routes = frozenset({server.path, "/health", "/ready", "/i"})
    world = app.parts.world
    return RequestLog(inner, app.parts.metrics, lambda: world.new_id(Kind.REQUEST), routes)


def _add_routes(app: "App") -> None:
    services = app.services
    health = Health(services.status, services.gate)
    downloads = Downloads(services.links, services.library)
    app.mcp.custom_route("/health", methods=["GET"])(health.health)
    app.mcp.custom_route("/ready", methods=["GET"])(health.ready)
    app.mcp.custom_route("/i/{expires}/{signature}/{name}", methods=["GET"])(downloads.download)


def _open_with(inner: Starlette, app: "App") -> None:
    """Let the server's lifespan hold the App open."""
    sessions = inner.router.lifespan_context

    @asynccontextmanager
    async def lifespan(starlette: Starlette) -> AsyncIterator[None]:
        async with app, sessions(starlette):
            yield

    inner.router.lifespan_context = lifespan


def _hosts(app: "App") -> list[str]:
    hosts = list(app.settings.server.allowed_hosts)
    if app.settings.public_url is not None:
        hosts.append(urlsplit(str(app.settings.public_url)).hostname or "")
    return hosts


def _cors(origins: tuple[str, ...]) -> list[Middleware]:
    if not origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=list(origins),
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=_MCP_HEADERS,
            expose_headers=_SHOWN_HEADERS,
        )
    ]
