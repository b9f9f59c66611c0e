"""A JWT taken apart, strictly, before anybody trusts a word of it."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LONGEST = 16_384
"""Characters of a token; more is none."""
_FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\Z")


class BadToken(Exception):
    """Why a token is refused: one word for the log, never for whoever sent it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a token says of itself, not yet verified."""

    token: str = field(repr=False)
    header: Mapping[str, Any] = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)


def is_compact(token: str) -> bool:
    """Whether the text has the form of a signed JWT (RFC 7515 3.1)."""
    return len(token) <= LONGEST and _FORM.match(token) is not None


def parse(token: str) -> Parsed:
    """Header and claims of a text of that form. Raises BadToken.

    Each part is the one way to write its bytes; each member of an object is named once; there
    are no numbers that JSON does not have. A library that read it otherwise could be shown
    another token than we were.
    """
    header, claims, signature = (_bytes(part) for part in token.split("."))
    if not signature:
        raise BadToken("signature")
    return Parsed(token, parse_object(header), parse_object(claims))


def _bytes(part: str) -> bytes:
    try:
        data = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (ValueError, binascii.Error):
        raise BadToken("base64") from None
    if base64.urlsafe_b64encode(data).rstrip(b"=").decode() != part:
        raise BadToken("base64")
    return data


def parse_object(data: bytes) -> Mapping[str, Any]:
    """A JSON object in which nothing is named twice. Raises BadToken."""
    try:
        found = json.loads(
            data.decode("utf-8"), object_pairs_hook=_once, parse_constant=_no_constant
        )
    except (ValueError, RecursionError):
        raise BadToken("json") from None
    if not isinstance(found, dict):
        raise BadToken("json")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadToken("duplicate")
    return found


def _no_constant(_: str) -> None:
    raise BadToken("json")
