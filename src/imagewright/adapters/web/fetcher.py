"""Callers' https image references."""

from imagewright.adapters.web.failures import BadStatus, Refused, TooLarge, WebError
from imagewright.adapters.web.netguard import Guard
from imagewright.core.errors import (
    Fault,
    ImageTooLarge,
    InvalidImage,
    InvalidRequest,
    Unavailable,
)


class WebFetcher:
    """`ports.fetch.Fetcher` through a guard that knows no origin of ours."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def fetch(self, url: str, limit_bytes: int) -> bytes:
        try:
            return await self._guard.get(url, limit_bytes)
        except WebError as error:
            fault = _fault(error, limit_bytes)
        raise fault

    async def close(self) -> None:
        await self._guard.close()


def _fault(error: WebError, limit: int) -> Fault:
    match error:
        case Refused():
            return InvalidRequest(
                "The image's address may not be opened.",
                hint="Give an https address of a public host, or give the image as a data: URL.",
            )
        case TooLarge():
            return ImageTooLarge(
                f"The image behind the address has more than {limit} bytes.",
                hint="Give a smaller image.",
                details={"limit": limit},
            )
        case BadStatus(status=status):
            return InvalidImage(
                f"The image's address answered with status {status}.",
                hint="Check that it opens without signing in, or give the image as a data: URL.",
                details={"status": status},
            )
    return Unavailable(
        "The image's host does not answer.",
        hint="Try again later, or give the image as a data: URL.",
    )
