"""Names of files and folders that callers may choose, and directories named for subjects."""

import hashlib
import re
import unicodedata

from imagewright.core.errors import InvalidRequest

_MAX_BYTES = 120
_MAX_DEPTH = 8
# Windows' devices: with any ending, with spaces before it, and with superscript digits.
_RESERVED = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3]) *(?:\.|\Z)",
    re.IGNORECASE,
)
# Unassigned ones too: a later Unicode could compose them, and then NFC would name another file.
_UNSEEN = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\/]')
_UNSAFE_SLUG = re.compile(r"[^a-z0-9]+")


def check_name(name: str) -> str:
    """One part of a path: 1 to 120 bytes, no separator, control, reserved or hidden name.

    Returns it in Unicode NFC. Raises InvalidRequest.
    """
    # NFC makes at most four code points one: what is longer than this need not be normalised.
    text = unicodedata.normalize("NFC", name) if len(name) <= 4 * _MAX_BYTES else ""
    if (
        not text
        or len(text.encode("utf-8", "surrogatepass")) > _MAX_BYTES
        or not _UNSEEN.isdisjoint(map(unicodedata.category, text))
        or _FORBIDDEN.search(text)
        or _RESERVED.match(text)
        or text[0] in ".~"
        or text[-1] == "."
        or text != text.strip()
    ):
        raise InvalidRequest(
            "The file or folder name cannot be used.",
            hint="Use 1 to 120 bytes of letters, digits, spaces, - and _, not starting with a dot.",
        )
    return text


def check_folder(folder: str) -> str:
    """A relative folder, parts divided by `/`; empty means the top. Raises InvalidRequest."""
    if not folder:
        return ""
    parts = folder.split("/")
    if len(parts) > _MAX_DEPTH:
        raise InvalidRequest(f"The folder is deeper than {_MAX_DEPTH} levels.")
    return "/".join(check_name(part) for part in parts)


def subject_directory(subject: str) -> str:
    """`<slug>-<hash>`: readable, safe on every file system, and one for each subject."""
    slug = _UNSAFE_SLUG.sub("-", subject.lower()).strip("-")[:40].strip("-") or "subject"
    # A claim of a token may hold a lone surrogate.
    name = subject.encode("utf-8", "surrogatepass")
    return f"{slug}-{hashlib.sha256(name).hexdigest()[:16]}"
