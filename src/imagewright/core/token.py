"""Bearer tokens: a prefix that secret scanners know, 184 random bits and a checksum."""

import base64
import re
import string
import zlib

from imagewright.core.errors import InvalidRequest
from imagewright.core.ids import RandomBytes

PREFIX = "iw_"
_DIGITS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_BODY = 32
_SUM = 6
_TOKEN = re.compile(rf"iw_[0-9A-Za-z]{{{_BODY + _SUM}}}\Z")
_ID = re.compile(r"tok_[a-z0-9_-]{1,40}\Z")
_FOREIGN = re.compile(r"[!-~]{22,512}\Z")


def mint(random: RandomBytes) -> str:
    """A new token: `iw_`, 32 base62 digits, and the CRC-32 of all that in 6 more."""
    text = PREFIX + _base62(int.from_bytes(random(23), "big"), _BODY)
    return text + _checksum(text)


def new_token_id(random: RandomBytes) -> str:
    """A short name for a token that is no secret: `tok_` and 8 letters of base32."""
    return token_id(random(5))


def token_id(data: bytes) -> str:
    """The id made of the first 40 bits of `data`."""
    return f"tok_{base64.b32encode(data[:5]).decode().lower()}"


def is_token_id(text: str) -> bool:
    """Whether a text has the form of an entry's id, one an operator chose among them."""
    return _ID.match(text) is not None


def check_token_id(text: str) -> str:
    """An id as `is_token_id` wants it. Raises InvalidRequest."""
    if not is_token_id(text):
        raise InvalidRequest(
            "An id is tok_ and 1 to 40 of a-z, 0-9, - and _.", hint="Write it like tok_laptop."
        )
    return text


def is_whole(token: str) -> bool:
    """Whether a token of ours has its form and its checksum; says nothing of whose it is."""
    return _TOKEN.match(token) is not None and token[-_SUM:] == _checksum(token[:-_SUM])


def check_token(token: str) -> str:
    """A token that an operator chose, if it cannot be guessed. Raises InvalidRequest.

    One that begins like ours must be whole. Any other is 22 to 512 printable ASCII characters
    without a space, which is 128 bits if they are random.
    """
    if token.startswith(PREFIX):
        if not is_whole(token):
            raise InvalidRequest(
                "The token begins with iw_ and its checksum is wrong: it was cut or mistyped.",
                hint="Copy it again, or make a new one.",
            )
    elif not _FOREIGN.match(token):
        raise InvalidRequest(
            "The token is not 22 to 512 printable ASCII characters, so it can be guessed.",
            hint="Make one with: openssl rand -base64 33",
        )
    return token


def _checksum(text: str) -> str:
    return _base62(zlib.crc32(text.encode()), _SUM)


def _base62(number: int, width: int) -> str:
    digits = ""
    for _ in range(width):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
