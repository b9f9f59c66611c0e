"""Stand-ins for `ports.imaging.Imaging` that draw plain pictures, in this process."""

import hashlib

import pyvips

from imagewright.adapters.imaging import masks
from imagewright.adapters.imaging.faults import fault_of
from imagewright.adapters.imaging.formats import Bounds
from imagewright.adapters.imaging.refusal import Refused
from imagewright.core.errors import ImageTooLarge, InvalidImage, Unavailable
from imagewright.core.picture import Drawing, Format, Picture, PictureLimits, Rendition
from imagewright.core.size import Size
from imagewright.ports.imaging import Inspected, Masked, Preview, Rendered
from tests.fakes.pictures import encoded, facts

UNBOUNDED = Bounds(1 << 30, 1 << 30, 1 << 20, 64)


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

    async def read_mask(self, data: bytes, limits: PictureLimits) -> Masked:
        raise NotImplementedError

    async def alpha_mask(self, mask: bytes) -> bytes:
        return masks.with_alpha(mask, UNBOUNDED)

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


class SeeingImaging(PlainImaging):
    """Also reads and renders PNG, JPEG and WebP, without a jail; of the limits it knows bytes.

    A test may set `down` (everything raises Unavailable) and `blind` (there are no previews).
    """

    def __init__(self) -> None:
        super().__init__()
        self.down = self.blind = False
        self.inspected = 0

    async def inspect(
        self, data: bytes, limits: PictureLimits, preview: Preview | None = None
    ) -> Inspected:
        await self.ping()
        self.inspected += 1
        if len(data) > limits.bytes:
            raise ImageTooLarge("The image has too many bytes.")
        try:
            form, width, height, alpha = facts(data)
        except pyvips.Error as error:
            raise InvalidImage("The bytes are not a picture.") from error
        picture = Picture(
            format=Format(form), size=Size(width, height), frames=1, alpha=alpha, bytes=len(data)
        )
        small = None if preview is None or self.blind else encoded(16, 12, "webp")
        return Inspected(picture=picture, preview=small)

    async def render(self, data: bytes, rendition: Rendition, limits: PictureLimits) -> Rendered:
        seen = (await self.inspect(data, limits)).picture
        form = rendition.format or seen.format
        width, height = rendition.width or seen.size.width, rendition.height or seen.size.height
        made = encoded(width, height, form.value, alpha=seen.alpha)
        return Rendered(data=made, picture=(await self.inspect(made, limits)).picture)

    async def read_mask(self, data: bytes, limits: PictureLimits) -> Masked:
        await self.inspect(data, limits)
        try:
            head, made = masks.read(data, UNBOUNDED)
        except Refused as refused:
            raise fault_of(refused.reason) from None
        return Masked(data=made[0], share=head["share"])

    async def ping(self) -> None:
        if self.down:
            raise Unavailable("No worker answers.")
