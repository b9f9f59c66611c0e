"""`/i/…`: signed downloads of originals."""

from email.utils import formatdate

from starlette.requests import Request
from starlette.responses import Response

from imagewright.core.image import Image
from imagewright.services.library import LibraryService
from imagewright.services.limiter import Limiter
from imagewright.services.links import LinkService

_MICRO = 1_000_000


class Downloads:
    """Serves what a link names, as a picture and nothing else."""

    def __init__(self, links: LinkService, library: LibraryService, limiter: Limiter) -> None:
        self._links = links
        self._library = library
        self._limiter = limiter

    async def download(self, request: Request) -> Response:
        """The original's bytes; 304 where the client has them.

        It counts for whoever made the link, as a request, and what is sent as a download. Raises
        NotFound, RateLimited, QuotaExceeded and Unavailable.
        """
        parts = request.path_params
        caller, image = await self._links.read(parts["expires"], parts["signature"], parts["name"])
        await self._limiter.ask(caller)
        headers = _headers(image)
        if _has(request.headers.get("if-none-match", ""), headers["ETag"]):
            return Response(status_code=304, headers=headers)
        if request.method != "HEAD":
            await self._limiter.download(caller, image.picture.bytes)
        _, data = await self._library.original(caller.subject, image.id)
        return Response(data, media_type=image.picture.format.mime, headers=headers)


def _has(known: str, tag: str) -> bool:
    """Whether an If-None-Match names the tag, weakly compared (RFC 9110, 13.1.2)."""
    return known.strip() == "*" or tag in {
        each.strip().removeprefix("W/") for each in known.split(",")
    }


def _headers(image: Image) -> dict[str, str]:
    name = f"{image.id}.{image.picture.format.suffix}"
    return {
        "ETag": f'"{image.sha256}"',
        "Last-Modified": formatdate(image.created_at / _MICRO, usegmt=True),
        "Cache-Control": "private, max-age=300",
        "Content-Disposition": f'inline; filename="{name}"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
