"""Input pictures, named as callers name them, as references to images of their own."""

import base64
import re
from dataclasses import dataclass

from imagewright.core.ask import Reference
from imagewright.core.caller import Caller
from imagewright.core.errors import ImageTooLarge, InvalidImage, InvalidRequest
from imagewright.core.image import Image, named_image
from imagewright.ports.books import Origin
from imagewright.ports.fetch import Fetcher
from imagewright.services.library import LibraryService

_DATA = re.compile(r"data:(?:image/[a-z+.-]{1,20})?(?:;[a-z0-9=-]{1,40})*;base64,", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class InputRules:
    """The most bytes of one input picture, and of all of one ask."""

    each: int
    total: int


class Inputs:
    """Turns an id, an `image://` URI, a data: URL or an https URL into an owned image."""

    def __init__(self, library: LibraryService, fetcher: Fetcher, rules: InputRules) -> None:
        self._library = library
        self._fetcher = fetcher
        self._rules = rules

    async def references(
        self, caller: Caller, names: tuple[str, ...], origin: Origin
    ) -> tuple[Reference, ...]:
        """One reference a name, in order.

        Raises NotFound, InvalidRequest, InvalidImage or ImageTooLarge.
        """
        found: list[Image] = []
        for name in names:
            found.append(await self._image(caller, name, origin))
            if found[-1].picture.bytes > self._rules.each:
                raise ImageTooLarge(f"An input image has more than {self._rules.each} bytes.")
            if sum(image.picture.bytes for image in found) > self._rules.total:
                raise ImageTooLarge(
                    f"The input images have more than {self._rules.total} bytes in all."
                )
        return tuple(_reference(image) for image in found)

    async def check_mask(self, caller: Caller, mask: Reference) -> None:
        """Raise InvalidImage for a mask that changes nothing, or everything."""
        await self._library.mask(caller.subject, mask.image)

    async def _image(self, caller: Caller, name: str, origin: Origin) -> Image:
        if (known := named_image(name)) is not None:
            return await self._library.get(caller.subject, known)
        if name[:5].lower() == "data:":
            return await self._library.bring_in(caller, self._decode(name), origin)
        if name[:8].lower() == "https://":
            data = await self._fetcher.fetch(name, self._rules.each)
            return await self._library.bring_in(caller, data, origin)
        raise InvalidRequest(
            "The image is not named in a way that is understood.",
            hint="Give an image id (img_…), an image:// URI, a data: URL or an https URL.",
        )

    def _decode(self, url: str) -> bytes:
        head = _DATA.match(url)
        if head is None:
            raise InvalidImage(
                "The data: URL does not hold a base64 image.", hint="Write data:image/png;base64,…"
            )
        if (len(url) - head.end()) * 3 // 4 > self._rules.each + 2:
            raise ImageTooLarge(f"The image has more than {self._rules.each} bytes.")
        try:
            return base64.b64decode(url[head.end() :], validate=True)
        except ValueError as fault:
            raise InvalidImage("The data: URL is not valid base64.") from fault


def _reference(image: Image) -> Reference:
    return Reference(
        image=image.id,
        sha256=image.sha256,
        size=image.picture.size,
        format=image.picture.format,
        alpha=image.picture.alpha,
    )
