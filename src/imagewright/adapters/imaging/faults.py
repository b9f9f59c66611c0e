"""The sentences for what a worker refuses. Parent side: a worker's own words reach nobody."""

from imagewright.adapters.imaging.refusal import Reason
from imagewright.core.errors import Fault, ImageTooLarge, InvalidImage, InvalidRequest

_MASK = "Make what is to be changed transparent or, in a mask without alpha, white."
_ACCEPTED = "PNG, JPEG, WebP, GIF and AVIF are accepted."
_SENTENCES: dict[str, tuple[type[Fault], str, str]] = {
    "unknown": (InvalidImage, "The file is not a picture of an accepted format.", _ACCEPTED),
    "truncated": (InvalidImage, "The picture is cut off before its end.", "Send the whole file."),
    "broken": (InvalidImage, "The picture cannot be decoded.", "Save it anew and send that."),
    "polyglot": (
        InvalidImage,
        "The picture carries a file of another kind.",
        "Save the picture alone and send that.",
    ),
    "bytes": (ImageTooLarge, "The picture has too many bytes.", "Send a smaller file."),
    "pixels": (ImageTooLarge, "The picture has too many pixels.", "Send a smaller picture."),
    "edge": (ImageTooLarge, "The picture is too wide or too high.", "Send a smaller picture."),
    "frames": (ImageTooLarge, "The animation has too many frames.", "Send fewer, or a still."),
    "memory": (
        ImageTooLarge,
        "The picture needs more memory than it may have.",
        "Send a smaller one.",
    ),
    "processor": (ImageTooLarge, "The picture takes too long to work on.", "Send a smaller one."),
    "unwritable": (
        InvalidRequest,
        "The format cannot hold a picture of this size.",
        "Ask for a smaller size, or for PNG or JPEG.",
    ),
    "mask-empty": (InvalidImage, "The mask changes nothing of the image.", _MASK),
    "mask-full": (
        InvalidImage,
        "The mask changes all of the image.",
        f"Leave the mask out to change all. {_MASK}",
    ),
}


def fault_of(reason: Reason | str) -> Fault:
    """The fault for a reason; a word that is none counts as `broken`."""
    kind, sentence, hint = _SENTENCES.get(reason, _SENTENCES["broken"])
    return kind(sentence, hint=hint)
