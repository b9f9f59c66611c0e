"""The imaging port through libvips. Parent side: cheap checks here, decoding in the workers."""

import hashlib
import json
import sys
from typing import Any, Self

from imagewright.adapters.imaging import formats
from imagewright.adapters.imaging.config import ImagingConfig
from imagewright.adapters.imaging.faults import fault_of
from imagewright.adapters.imaging.refusal import Refused
from imagewright.adapters.imaging.workers import Workers
from imagewright.core.errors import ImageTooLarge, InvalidRequest, Unavailable
from imagewright.core.picture import Drawing, Format, Picture, PictureLimits, Rendition
from imagewright.core.size import Size
from imagewright.ports.imaging import Inspected, Masked, Preview, Rendered

_GIVEN = PictureLimits(bytes=50 << 20)


class VipsImaging:
    """See ports.imaging.Imaging.

    An inspected size is the header's; previews and renditions are turned upright as EXIF says, so
    theirs may have the sides exchanged.
    """

    def __init__(self, config: ImagingConfig) -> None:
        self._config = config
        self.workers = Workers(config)

    async def open(self) -> None:
        """Start the first worker. Raises Unavailable if it cannot be jailed."""
        await self.workers.open()

    async def close(self) -> None:
        """End every worker."""
        await self.workers.close()

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def inspect(
        self, data: bytes, limits: PictureLimits, preview: Preview | None = None
    ) -> Inspected:
        """See the port."""
        _glance(data, limits)
        asked = {"edge": preview.edge, "most": preview.bytes} if preview else {"edge": 0, "most": 0}
        head, made = await self.workers.call(
            {"task": "inspect", "bounds": _bounds(limits), **asked}, (data,)
        )
        small = made[0] if made else None
        if small is not None and (preview is None or not _is(small, Format.WEBP)):
            raise Unavailable("Imaging gave a wrong answer.")
        return Inspected(picture=_picture(head, len(data)), preview=small)

    async def render(self, data: bytes, rendition: Rendition, limits: PictureLimits) -> Rendered:
        """See the port."""
        self._keep(rendition)
        _glance(data, limits)
        asked = [rendition.width or 0, rendition.height or 0, rendition.format, rendition.quality]
        head, made = await self.workers.call(
            {"task": "render", "bounds": _bounds(limits), "asked": asked}, (data,)
        )
        picture = _picture(head, len(made[0]) if made else 0)
        if not made or not _is(made[0], picture.format):
            raise Unavailable("Imaging gave a wrong answer.")
        return Rendered(data=made[0], picture=picture)

    async def read_mask(self, data: bytes, limits: PictureLimits) -> Masked:
        """See the port."""
        _glance(data, limits)
        head, made = await self.workers.call({"task": "mask", "bounds": _bounds(limits)}, (data,))
        share = head.get("share")
        if not made or not _is(made[0], Format.PNG) or not isinstance(share, float):
            raise Unavailable("Imaging gave a wrong answer.")
        return Masked(data=made[0], share=share)

    async def alpha_mask(self, mask: bytes) -> bytes:
        """See the port."""
        _glance(mask, _GIVEN)
        _, made = await self.workers.call({"task": "alpha", "bounds": _bounds(_GIVEN)}, (mask,))
        if not made or not _is(made[0], Format.PNG):
            raise Unavailable("Imaging gave a wrong answer.")
        return made[0]

    async def draw(self, drawing: Drawing) -> bytes:
        """See the port.

        Raises InvalidRequest for a mask without a reference, ImageTooLarge beyond the longest side.
        """
        if max(drawing.size.width, drawing.size.height) > self._config.edge:
            raise ImageTooLarge(
                f"A picture drawn here has at most {self._config.edge} pixels a side."
            )
        if drawing.mask is not None and drawing.reference is None:
            raise InvalidRequest("A mask needs a picture that it masks.")
        given = [blob for blob in (drawing.reference, drawing.mask) if blob is not None]
        for blob in given:
            _glance(blob, _GIVEN)
        head = {"task": "draw", "bounds": _bounds(_GIVEN), "sheet": _sheet(drawing)}
        _, made = await self.workers.call(head, given)
        if not made or not _is(made[0], drawing.format):
            raise Unavailable("Imaging gave a wrong answer.")
        return made[0]

    async def ping(self) -> None:
        """See the port."""
        await self.workers.call({"task": "ping"})

    def confinement(self) -> dict[str, str]:
        """See the port. The worker tells what it could put in force when it starts."""
        ours = {
            "process": "pictures are decoded in processes of their own, with no secret in them",
            "time": f"a call that takes {self._config.deadline:g} s is ended with its process",
            "workers": f"at most {self._config.workers}",
        }
        return {**ours, **(self.workers.held or {"system": f"not started yet on {sys.platform}"})}

    def _keep(self, rendition: Rendition) -> None:
        for side in (rendition.width, rendition.height):
            if side is not None and side > self._config.edge:
                raise ImageTooLarge(
                    f"A rendition has at most {self._config.edge} pixels a side.",
                    hint="Ask for a smaller one.",
                    details={"edge": self._config.edge},
                )


def _glance(data: bytes, limits: PictureLimits) -> None:
    """What the first bytes tell costs no worker."""
    try:
        formats.check(data, formats.Bounds(*_bounds(limits)), formats.FEW)
    except Refused as refused:
        raise fault_of(refused.reason) from None


def _bounds(limits: PictureLimits) -> tuple[int, int, int, int]:
    return limits.bytes, limits.pixels, limits.edge, limits.frames


def _is(data: bytes, kind: Format) -> bool:
    try:
        found = formats.check(data, formats.Bounds(1 << 40, 1 << 40, 1 << 30, 1 << 30), 64)
    except Refused:
        return False
    return found.format == kind.value


def _picture(head: dict[str, Any], size: int) -> Picture:
    try:
        return Picture(
            format=Format(head["format"]),
            size=Size(int(head["width"]), int(head["height"])),
            frames=int(head["frames"]),
            alpha=bool(head["alpha"]),
            bytes=size,
        )
    except (KeyError, TypeError, ValueError):
        raise Unavailable("Imaging gave a wrong answer.") from None


def _sheet(drawing: Drawing) -> list[object]:
    """In the order of the worker's Sheet."""
    decides = json.dumps([drawing.prompt, drawing.seed, drawing.index])
    key = hashlib.sha256(decides.encode()).digest()
    facts = [
        "placeholder",
        str(drawing.size).replace("x", "\N{MULTIPLICATION SIGN}"),
        f"seed {drawing.seed}",
    ]
    if drawing.index:
        facts.append(f"no. {drawing.index + 1}")
    if drawing.reference is not None:
        facts[0] = "placeholder edit"
    if drawing.fraction < 1:
        facts.append(f"{round(100 * drawing.fraction)} %")
    return [
        drawing.prompt[:4000],
        drawing.size.width,
        drawing.size.height,
        drawing.format.value,
        drawing.transparent,
        drawing.compression,
        " · ".join(facts),
        int.from_bytes(key[:8], "big"),
        drawing.fraction,
        drawing.strength,
    ]
