"""The HTTP side: MCP, health and links on one address, behind one guard and one log."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlsplit

from fastmcp import FastMCP
from fastmcp.server.http import HostOriginGuardMiddleware
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from imagewright.api.http.authorization_server import PREFIXES
from imagewright.api.http.errors import answering
from imagewright.api.http.guard import Guard, Signs
from imagewright.api.http.health import Health
from imagewright.api.http.jobs import JOBS, JobRoutes
from imagewright.api.http.links import Downloads
from imagewright.api.http.pages.paper import Paper
from imagewright.api.http.proxies import BehindProxies
from imagewright.api.http.requests import RequestLog
from imagewright.api.job_view import JobViews
from imagewright.app.authorization import authorization_server_of
from imagewright.app.identity import asked_for_of, signpost_of
from imagewright.app.pages import pages_of
from imagewright.app.parts import Parts
from imagewright.app.services import Services
from imagewright.core.forwarding import read_proxies
from imagewright.core.ids import Kind
from imagewright.services.streams import Streams
from imagewright.settings import Settings

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What is served; `opened` holds everything open while the server runs."""

    mcp: FastMCP[Any]
    settings: Settings
    parts: Parts
    services: Services
    opened: AbstractAsyncContextManager[object]


def http_app(site: Site) -> ASGIApp:
    """The ASGI application of a site."""
    declared = _add_routes(site)
    server = site.settings.server
    inner = site.mcp.http_app(
        path=server.path,
        host_origin_protection=True,
        allowed_hosts=_hosts(site),
        allowed_origins=_origins(site),
        session_idle_timeout=float(server.session_idle),
    )
    signpost = signpost_of(site.settings)
    shown = {route.path for route in signpost.routes} if signpost else set()
    _check_routes(inner, {server.path, *declared, *shown})
    _add_cors(inner, server.allowed_origins)
    _open_with(inner, site)
    routes = frozenset({server.path, "/health", "/ready", "/i", JOBS, "/ui", "/.well-known"})
    world = site.parts.world
    if site.parts.proxy is not None:
        routes = routes.union(PREFIXES)
    logged = RequestLog(inner, site.parts.metrics, lambda: world.new_id(Kind.REQUEST), routes)
    if not server.trusted_proxies:
        return logged
    return BehindProxies(logged, read_proxies(server.trusted_proxies))


def _add_routes(site: Site) -> frozenset[str]:
    """Routes beside MCP's: most need no token, but check a signature or a session, or nothing."""
    services, new_id = site.services, site.parts.world.new_id
    health = Health(services.status, services.gate)
    downloads = Downloads(services.links, services.library, services.limiter)
    plain = {
        "/health": health.health,
        "/ready": health.ready,
        "/i/{expires}/{signature}/{name}": downloads.download,
    }
    routes = [(path, "GET", answering(route, new_id)) for path, route in plain.items()]
    routes += _job_routes(site).routes()
    paper = Paper(site.settings.name)
    if (pages := pages_of(site.settings, site.parts, services, paper)) is not None:
        routes += pages.routes()
    if (own := services.authorizing) is not None:
        routes += authorization_server_of(site.settings, own, paper, new_id).routes()
    for path, method, route in routes:
        site.mcp.custom_route(path, methods=[method])(route)
    return frozenset(path for path, *_ in routes)


def _job_routes(site: Site) -> JobRoutes:
    services, parts, signpost = site.services, site.parts, signpost_of(site.settings)
    signs = Signs(
        metadata=signpost.metadata if signpost else None,
        asked_for=asked_for_of(parts.oidc, proxied=parts.proxy is not None),
    )
    guard = Guard(
        gate=services.gate,
        limiter=services.limiter,
        witness=services.witness,
        new_id=parts.world.new_id,
        signs=signs,
        local=services.chain is None,
    )
    return JobRoutes(
        guard=guard,
        jobs=services.jobs,
        views=JobViews(library=services.library, usage=services.usage),
        library=services.library,
        streams=Streams(site.settings.limits.streams),
        clock=parts.world.clock,
    )


def _check_routes(inner: Starlette, declared: set[str]) -> None:
    found = {getattr(route, "path", repr(route)) for route in inner.routes} - declared
    if found:
        raise RuntimeError(f"Without a declared scope: {', '.join(sorted(found))}.")


def _open_with(inner: Starlette, site: Site) -> None:
    """Let the server's lifespan hold the App open."""
    sessions = inner.router.lifespan_context

    @asynccontextmanager
    async def lifespan(starlette: Starlette) -> AsyncIterator[None]:
        async with site.opened, sessions(starlette):
            yield

    inner.router.lifespan_context = lifespan


def _hosts(site: Site) -> list[str]:
    hosts = list(site.settings.server.allowed_hosts)
    if site.settings.public_url is not None:
        hosts.append(urlsplit(str(site.settings.public_url)).hostname or "")
    return hosts


def _origins(site: Site) -> list[str]:
    """Whose pages the guard lets through: those listed, and our own behind a proxy with TLS."""
    origins = list(site.settings.server.allowed_origins)
    if site.settings.public_url is not None:
        origins.append(site.settings.public_url)
    return origins


def _add_cors(inner: Starlette, origins: tuple[str, ...]) -> None:
    """Answer listed pages behind the guard, before authentication: they can read a 401."""
    if not origins:
        return
    cors = Middleware(
        CORSMiddleware,
        allow_origins=list(origins),
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=_MCP_HEADERS,
        expose_headers=_SHOWN_HEADERS,
    )
    guard = next(
        place
        for place, each in enumerate(inner.user_middleware)
        if cast("object", each.cls) is HostOriginGuardMiddleware
    )
    inner.user_middleware.insert(guard + 1, cors)
