"""The placeholder picture: scenery and label, over a reference if there is one. Child side."""

from typing import Any, NamedTuple

from imagewright.adapters.imaging import masks, pictures, scene
from imagewright.adapters.imaging.caption import Box, Label, write
from imagewright.adapters.imaging.scene import Scene


class Sheet(NamedTuple):
    """A Drawing as the worker gets it; `key` is what decides every choice of the scenery."""

    prompt: str
    width: int
    height: int
    format: str
    transparent: bool
    compression: int | None
    facts: str
    key: int
    fraction: float
    strength: float | None

    @classmethod
    def sample(cls, kind: str) -> "Sheet":
        """A small one that uses everything there is."""
        return cls("Aé…", 160, 120, kind, kind in ("png", "webp"), None, "· 1", 1, 0.5, None)


def draw(sheet: Sheet, reference: Any, mask: Any) -> bytes:
    """The encoded picture, of exactly the size asked."""
    made = _edited(sheet, reference, mask) if reference is not None else _fresh(sheet)
    if sheet.fraction < 1:
        made = _partial(made, sheet.fraction)
    return pictures.encode(made, sheet.format, sheet.compression)


def _fresh(sheet: Sheet) -> Any:
    bare = sheet.transparent and sheet.format != "jpeg"
    dice = scene.Dice(sheet.key)
    drawn, ink = scene.compose(sheet.width, sheet.height, dice, sky=not bare)
    box = Box(0, 0, sheet.width, sheet.height)
    made = write(drawn, Label(sheet.prompt, sheet.facts, box, ink))
    return made.colours if made.covered is None else made.colours.bandjoin(made.covered)


def _edited(sheet: Sheet, reference: Any, mask: Any) -> Any:
    """The reference, cut to the size asked, with the scenery shining over what may be changed."""
    below = _cover(reference, sheet.width, sheet.height)
    plain, alpha = below.extract_band(0, n=3), below[3] if below.bands == 4 else None
    where = None if mask is None else _changed(mask, sheet.width, sheet.height)
    drawn, ink = scene.compose(sheet.width, sheet.height, scene.Dice(sheet.key))
    usual = 0.42 if where is None else 0.8
    share = usual if sheet.strength is None else sheet.strength
    tinted = (drawn.colours * share + plain * (1 - share)).cast("uchar")
    tinted = Scene(tinted.copy(interpretation="srgb").copy_memory(), None)
    if where is None:
        # At the head, for a placeholder that is edited has its own label at the foot.
        box = Box(0, 0, sheet.width, sheet.height)
        made = write(tinted, Label(sheet.prompt, sheet.facts, box, ink, rise=1.0)).colours
    else:
        label = Label(sheet.prompt, sheet.facts, _bounds(where), ink, rise=0.5, centred=True)
        made = where.ifthenelse(write(tinted, label).colours, plain)
        alpha = None if alpha is None else where.ifthenelse(255, alpha)
    if alpha is None:
        return made
    return made.bandjoin(alpha) if sheet.format != "jpeg" else made.bandjoin(alpha).flatten()


def _cover(image: Any, width: int, height: int) -> Any:
    """In sRGB, resized and cut around its middle; left as it is where the size is right."""
    image = pictures.shown(image, image.width, image.height)
    if (image.width, image.height) != (width, height):
        image = image.thumbnail_image(width, height=height, size="both", crop="centre")
    return image.copy_memory()


def _changed(mask: Any, width: int, height: int) -> Any:
    """255 where the picture may change."""
    return (masks.changed(_cover(mask, width, height)) >= 128).copy_memory()


def _bounds(where: Any) -> Box:
    left, top, width, height = where.find_trim(background=[0], threshold=1)
    return Box(left, top, width, height)


def _partial(image: Any, fraction: float) -> Any:
    """Rows that are done, a bright line, and coarse tiles for what is still to come."""
    image = image.copy_memory()
    done = min(image.height - 1, round(image.height * fraction))
    tile = max(2, min(image.width, image.height) // 24)
    across, down = -(-image.width // tile), -(-image.height // tile)
    padded = image.embed(0, 0, across * tile, down * tile, extend="copy")
    coarse = padded.shrink(tile, tile).cast("uchar").zoom(tile, tile)
    coarse = coarse.crop(0, 0, image.width, image.height).linear(
        [0.86] * 3 + [1] * (image.bands - 3), 0, uchar=True
    )
    made = coarse.insert(image.crop(0, 0, image.width, done), 0, 0) if done else coarse
    thick = max(1, image.height // 340)
    line = made.crop(0, done, image.width, min(thick, image.height - done)) * 0 + 255
    return made.insert(line.cast("uchar"), 0, done).copy(interpretation="srgb")
