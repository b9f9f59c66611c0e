"""A stand-in for `ports.imaging.Imaging` that draws plain pictures, in this process."""

import hashlib

from imagewright.core.picture import Drawing, PictureLimits, Rendition
from imagewright.ports.imaging import Inspected, Preview, Rendered
from tests.fakes.pictures import encoded


class PlainImaging:
    """Draws one shade, which follows from the drawing's values; it can do nothing else."""

    def __init__(self) -> None:
        self.drawn: list[Drawing] = []

    async def inspect(
        self, data: bytes, limits: PictureLimits, preview: Preview | None = None
    ) -> Inspected:
        raise NotImplementedError

    async def render(self, data: bytes, rendition: Rendition, limits: PictureLimits) -> Rendered:
        raise NotImplementedError

    async def draw(self, drawing: Drawing) -> bytes:
        self.drawn.append(drawing)
        shade = hashlib.sha256(repr(drawing).encode()).digest()[0]
        size = drawing.size
        form = drawing.format.value
        return encoded(size.width, size.height, form, alpha=drawing.transparent, shade=shade)

    async def ping(self) -> None:
        pass

    def confinement(self) -> dict[str, str]:
        return {}
