"""Sizes and durations as an operator writes them."""

import re

from imagewright.core.errors import InvalidRequest

_SIZE = re.compile(r"([0-9]{1,18}) ?(B|kB|MB|GB|TB|KiB|MiB|GiB|TiB)?\Z")
_DURATION = re.compile(r"([0-9]{1,12}) ?(s|m|h|d)?\Z")

_BYTES = {
    "B": 1,
    "kB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "TB": 1000**4,
    "KiB": 1024,
    "MiB": 1024**2,
    "GiB": 1024**3,
    "TiB": 1024**4,
}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def parse_bytes(value: object) -> int:
    """Bytes from a whole number or a text such as `20MiB` or `200 kB`. Raises InvalidRequest."""
    return _scaled(value, _SIZE, _BYTES, 'Write it like "20MiB", or as a number of bytes.')


def parse_seconds(value: object) -> int:
    """Seconds from a whole number or a text such as `40s`, `10m` or `1h`. Raises InvalidRequest."""
    return _scaled(value, _DURATION, _SECONDS, 'Write it like "10m", or as a number of seconds.')


def bytes_text(count: int) -> str:
    """A number of bytes for people: `2GiB`, `1.5MiB`, `900B`."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if count >= _BYTES[unit]:
            return f"{count / _BYTES[unit]:.1f}".removesuffix(".0") + unit
    return f"{count}B"


def _scaled(value: object, form: re.Pattern[str], units: dict[str, int], hint: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    found = form.match(value) if isinstance(value, str) else None
    if found is None:
        raise InvalidRequest("The amount is not a whole number with a known unit.", hint=hint)
    return int(found[1]) * units.get(found[2], 1)
