"""The placeholder's label: the prompt and a line of facts on a dark panel. Child side."""

from pathlib import Path
from typing import Any, NamedTuple
from unicodedata import category

import pyvips

from imagewright.adapters.imaging.scene import Colour, Scene

_FONT = str(Path(__file__).with_name("font") / "inter.ttf")
# The scripts that the font has, as ranges of code points: Latin, Greek, Cyrillic, signs.
_SCRIPTS = (
    (0x20, 0x52F),
    (0x1E00, 0x1FFF),
    (0x2010, 0x205E),
    (0x2070, 0x20BF),
    (0x2100, 0x22FF),
    (0x25A0, 0x25FF),
)
_WHITE: Colour = (255, 255, 255)
_LINES = 4


class Box(NamedTuple):
    """A part of a picture, in pixels."""

    left: int
    top: int
    width: int
    height: int


class Label(NamedTuple):
    """What is written, where (`rise`: 0 at the foot, 1 at the head), and the panel's colour."""

    prompt: str
    facts: str
    box: Box
    ink: Colour
    rise: float = 0.0
    centred: bool = False


def load_font() -> None:
    """Make the font known to libvips, which opens its file: before the jail, once."""
    pyvips.Image.text("Aé…□", font="Inter 20px", fontfile=_FONT, dpi=72).avg()


def write(scene: Scene, label: Label) -> Scene:
    """Put the label into its box; a box too small for legible words gets none."""
    box = label.box
    short = min(box.width, box.height)
    if short < 96 or box.width < 140:
        return scene
    margin, padding, gap = round(short * 0.05), round(short * 0.04), round(short * 0.022)
    room = min(box.width - 2 * (margin + padding), round(short * (0.6 if label.centred else 1.25)))
    words = _words(label, room, short)
    high = sum(word.height for word in words) + gap * (len(words) - 1) + 2 * padding
    if high > box.height - 2 * margin:
        words, high = words[-1:], words[-1].height + 2 * padding
    wide = max(word.width for word in words) + 2 * padding
    left = box.left + ((box.width - wide) // 2 if label.centred else margin)
    top = box.top + margin + round((box.height - 2 * margin - high) * (1 - label.rise))
    part = scene.part(left, top, wide, high)
    part = part.laid(_panel(wide, high, padding), _dark(label.ink))
    line = padding
    for word in words:
        part = part.laid(word, _WHITE, (padding, line))
        line += word.height + gap
    return scene.put(part, left, top)


def _words(label: Label, room: int, short: int) -> list[Any]:
    facts = _text(label.facts, max(9, round(short * 0.021)), room).linear(0.74, 0, uchar=True)
    prompt = readable(label.prompt)
    if not prompt:
        return [facts.copy_memory()]
    size = max(12, round(short * (0.05 if len(prompt) <= 60 else 0.038)))
    # Few sizes: what is drawn of each letter is kept, for every size that ever was.
    size -= size % 4 if size > 24 else 0
    return [_fitting(prompt, size, room), facts.copy_memory()]


def _fitting(prompt: str, size: int, room: int) -> Any:
    """As much of the prompt as stands on a few lines, whole words if it can be."""
    most = round(size * 1.36 * _LINES)
    kept = prompt[: max(8, 6 * _LINES * room // size)]
    short = len(kept) < len(prompt)
    while True:
        image = _text(kept.rstrip(" ,;:.-") + "…" if short else kept, size, room)
        if image.height <= most or len(kept) < 8:
            return image
        kept, short = kept[: len(kept) * 5 // 6], True
        kept = kept.rsplit(" ", 1)[0] if " " in kept[len(kept) // 2 :] else kept


def _text(words: str, size: int, room: int) -> Any:
    # Pango reads markup, and a prompt is not markup.
    plain = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return pyvips.Image.text(
        plain,
        font=f"Inter {size}px",
        width=room,
        wrap="word-char",
        dpi=72,
        spacing=round(size * 0.12),
    ).copy_memory()


def readable(prompt: str) -> str:
    """The prompt in one line of what the font has; anything else becomes one square a run."""
    shown: list[str] = []
    for letter in " ".join(prompt[:4000].split()):
        if category(letter) in ("Cc", "Cf", "Mn", "Me"):
            continue
        if any(low <= ord(letter) <= high for low, high in _SCRIPTS):
            shown.append(letter)
        elif shown[-1:] != ["□"]:
            shown.append("□")
    text = "".join(shown).strip()
    return text if any(letter.isalnum() for letter in text) else ""


def _panel(width: int, height: int, padding: int) -> Any:
    """A rounded rectangle, drawn at twice its size and halved."""
    wide, high, round_ = 2 * width, 2 * height, min(2 * padding, width, height)
    mask = pyvips.Image.black(wide, high)
    for left, top, w, h in (
        (round_, 0, wide - 2 * round_, high),
        (0, round_, wide, high - 2 * round_),
    ):
        mask = mask.draw_rect(168, left, top, max(1, w), max(1, h), fill=True)
    for x in (round_, wide - 1 - round_):
        for y in (round_, high - 1 - round_):
            mask = mask.draw_circle(168, x, y, round_, fill=True)
    return mask.shrink(2, 2).cast("uchar").copy_memory()


def _dark(ink: Colour) -> Colour:
    red, green, blue = (part * 2 // 5 for part in ink)
    return red, green, blue
