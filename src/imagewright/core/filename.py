"""Names of files and folders that callers may choose, and directories named for subjects."""

import hashlib
import re
import unicodedata

from imagewright.core.errors import InvalidRequest

_MAX_BYTES = 120
_MAX_DEPTH = 8
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|\Z)", re.IGNORECASE)
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\/]')
_UNSAFE_SLUG = re.compile(r"[^a-z0-9]+")


def check_name(name: str) -> str:
    """One part of a path: 1 to 120 bytes, no separator, control, reserved or hidden name.

    Returns it in Unicode NFC. Raises InvalidRequest.
    """
    text = unicodedata.normalize("NFC", name)
    if (
        not text
        or len(text.encode("utf-8", "surrogatepass")) > _MAX_BYTES
        or any(unicodedata.category(char) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} for char in text)
        or _FORBIDDEN.search(text)
        or _RESERVED.match(text)
        or text[0] in ".~ "
        or text[-1] in ". "
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
    return f"{slug}-{hashlib.sha256(subject.encode()).hexdigest()[:16]}"
