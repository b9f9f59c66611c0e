"""The placeholder's scenery: a mesh of colour, a sun with its rings, dunes before it. Child side.

Every choice comes from the dice, so that the same key always makes the same scene.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pyvips

_MASK = (1 << 64) - 1
# Far, middle and near colour of the sky, then the dunes from the far to the near one.
_PALETTES = (
    ("fde2c4", "f6a58f", "8e6bb8", "b4679f", "6c4a94", "33286b"),
    ("ffe9b8", "fbb07a", "e0647a", "c84e72", "8a3268", "471f55"),
    ("d9f3ee", "7fd0cf", "3d8fb5", "3a86a8", "27608c", "14385f"),
    ("e6ecff", "a9b8f5", "7a6fdc", "7566cf", "4d43a3", "2a2568"),
    ("f4f1d0", "b6d99a", "4fa58b", "4b9c7d", "2c6f66", "17424a"),
    ("ffe1e6", "f7a1b5", "b66ad0", "b565bd", "763f9c", "3d2268"),
    ("fff0d9", "f7c98b", "d98a54", "cf7d4f", "94503f", "4f2a33"),
    ("dff1fb", "9ccbf0", "5a83d6", "5b7fca", "3c56a0", "1f2d66"),
)
Colour = tuple[int, int, int]
_LIGHT: Colour = (255, 250, 240)


class Dice:
    """Numbers from a key, by SplitMix64: small, and the same on every system and Python."""

    def __init__(self, key: int) -> None:
        self._state = key & _MASK

    def between(self, low: float, high: float) -> float:
        """Anywhere from `low` up to, not including, `high`."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        mixed = self._state
        mixed = ((mixed ^ mixed >> 30) * 0xBF58476D1CE4E5B9) & _MASK
        mixed = ((mixed ^ mixed >> 27) * 0x94D049BB133111EB) & _MASK
        return low + (high - low) * ((mixed ^ mixed >> 31) >> 11) / (1 << 53)

    def below(self, count: int) -> int:
        return int(self.between(0, count))


class Scene(NamedTuple):
    """A picture in three bands; what of it is not background, in one band, or None for all."""

    colours: Any
    covered: Any

    def laid(self, mask: Any, colour: Colour, at: tuple[int, int] = (0, 0)) -> "Scene":
        """Lay a colour over a part, as strongly as the mask says (255 hides what is below)."""
        covered = None if self.covered is None else self.covered.draw_mask([255], mask, *at)
        return Scene(self.colours.draw_mask(list(colour), mask, *at), covered)

    def part(self, left: int, top: int, width: int, height: int) -> "Scene":
        """A piece to draw on: each drawing copies its picture, and a piece is soon copied."""
        covered = self.covered
        cut = None if covered is None else covered.crop(left, top, width, height).copy_memory()
        return Scene(self.colours.crop(left, top, width, height).copy_memory(), cut)

    def put(self, part: "Scene", left: int, top: int) -> "Scene":
        """The whole with the piece back in its place."""
        covered = None if self.covered is None else self.covered.insert(part.covered, left, top)
        return Scene(self.colours.insert(part.colours, left, top), covered)


def compose(width: int, height: int, dice: Dice, *, sky: bool = True) -> tuple[Scene, Colour]:
    """Lay out and draw everything at its full size; also the darkest colour.

    Without a sky only sun and dunes count as covered, and the sun has a colour that shows on white.
    """
    palette = [_colour(word) for word in _PALETTES[dice.below(len(_PALETTES))]]
    empty = None if sky else pyvips.Image.black(width, height)
    scene = Scene(_sky(width, height, palette[:3], dice), empty)
    scene = _sun(scene, _LIGHT if sky else palette[1], dice)
    for depth, colour in enumerate(palette[3:]):
        scene = _dune(scene, depth, colour, dice)
    return scene, palette[5]


def _colour(word: str) -> Colour:
    red, green, blue = bytes.fromhex(word)
    return red, green, blue


def _sky(width: int, height: int, palette: list[Colour], dice: Dice) -> Any:
    """A few points of colour, blended smoothly.

    Reckoned at a quarter of the size and doubled twice: a step is then at most two levels of 255,
    which nobody sees, at a sixteenth of the work.
    """
    across, down = 4, 4
    lean = dice.between(-0.45, 0.45)
    points = bytearray()
    for row, column in ((row, column) for row in range(down) for column in range(across)):
        place = row / (down - 1) + lean * (column / (across - 1) - 0.5) + dice.between(-0.16, 0.16)
        points += bytes(_blend(palette[::-1], min(1.0, max(0.0, place))))
    small = pyvips.Image.new_from_memory(bytes(points), across, down, 3, "uchar")
    wide, high = (width + 3) // 4, (height + 3) // 4
    sky = small.cast("float").resize(wide / across, vscale=high / down, kernel="cubic")
    sky = sky.crop(0, 0, min(wide, sky.width), min(high, sky.height)).cast("uchar")
    sky = sky.embed(0, 0, wide, high, extend="copy").zoom(4, 4).crop(0, 0, width, height)
    return sky.copy(interpretation="srgb").copy_memory()


def _blend(palette: list[Colour], place: float) -> Iterator[int]:
    first = min(int(place * (len(palette) - 1)), len(palette) - 2)
    part = place * (len(palette) - 1) - first
    for one, other in zip(palette[first], palette[first + 1], strict=True):
        yield round(one + (other - one) * part)


def _sun(scene: Scene, colour: Colour, dice: Dice) -> Scene:
    colours = scene.colours
    short = min(colours.width, colours.height)
    radius = short * dice.between(0.13, 0.18)
    x = round(colours.width * dice.between(0.56, 0.8))
    y = round(colours.height * dice.between(0.24, 0.38))
    rings = ((3.1, 16), (2.35, 26), (1.65, 42), (1.0, 225))
    reach = min(round(radius * rings[0][0]) + 2, 4 * short)
    left, top = max(0, x - reach), max(0, y - reach)
    wide = min(colours.width, x + reach) - left
    high = min(colours.height, y + reach) - top
    # Drawn at twice the size, where a circle has hard edges, and halved.
    mask = pyvips.Image.black(2 * wide, 2 * high)
    for times, strength in rings:
        mask = mask.draw_circle(
            strength, 2 * (x - left), 2 * (y - top), round(2 * radius * times), fill=True
        )
    mask = mask.shrink(2, 2).cast("uchar").copy_memory()
    return scene.laid(mask, colour, (left, top))


def _dune(scene: Scene, depth: int, colour: Colour, dice: Dice) -> Scene:
    width, height = scene.colours.width, scene.colours.height
    crest = height * (0.6 + 0.13 * depth + dice.between(-0.03, 0.03))
    swing = height * dice.between(0.035, 0.065)
    top = max(0, int(crest - 1.6 * swing))
    high = height - top
    if high < 1:
        return scene
    along = pyvips.Image.xyz(width, 1)[0] * (360 / width)
    waves = (along * dice.between(0.5, 0.9) + dice.between(0, 360)).math("sin") * swing
    waves += (along * dice.between(1.3, 2.1) + dice.between(0, 360)).math("sin") * (swing * 0.45)
    line = (waves + (crest - top)).cast("float").copy_memory().replicate(1, high)
    rows = pyvips.Image.xyz(1, high)[1].cast("float").copy_memory().zoom(width, 1)
    mask = (rows - line).linear(210, 105, uchar=True)
    thin = pyvips.Image.identity().linear((0.62, 0.78, 0.9)[depth], 0, uchar=True)
    mask = mask.maplut(thin).copy_memory()
    return scene.laid(mask, colour, (0, top))
