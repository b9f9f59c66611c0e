"""Signed links: whoever holds one may fetch one image until it expires."""

import base64
import hashlib
import hmac
from dataclasses import dataclass

from imagewright.core.caller import Caller
from imagewright.core.errors import InvalidRequest, NotFound
from imagewright.core.ids import Kind, is_id
from imagewright.core.image import Image
from imagewright.core.scope import Scope
from imagewright.ports.clock import Clock
from imagewright.ports.library import Library
from imagewright.services.gate import Gate

_MICRO = 1_000_000
_GONE = "There is no such image."


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkRules:
    """The signing key (32 random bytes), and seconds that a link lasts: by default, and at most."""

    key: bytes
    seconds: int = 3600
    longest: int = 86_400


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A path below the public address, and when it stops working (UTC microseconds)."""

    path: str
    expires_at: int


class LinkService:
    """Makes and reads links; the subject is in the signature, not in the address."""

    def __init__(self, rows: Library, gate: Gate, clock: Clock, rules: LinkRules) -> None:
        self._rows = rows
        self._gate = gate
        self._clock = clock
        self._rules = rules

    def make(self, subject: str, image: Image, seconds: int | None = None) -> Link:
        """A link to the original. Raises InvalidRequest beyond the longest time."""
        lasts = self._rules.seconds if seconds is None else seconds
        if not 1 <= lasts <= self._rules.longest:
            raise InvalidRequest(f"A link lasts from 1 to {self._rules.longest} seconds.")
        expires = self._clock.now() // _MICRO + lasts
        name = f"{image.id}.{image.picture.format.suffix}"
        path = f"/i/{expires}/{self._sign(subject, image.id, expires)}/{name}"
        return Link(path=path, expires_at=expires * _MICRO)

    async def read(self, expires: str, signature: str, name: str) -> tuple[str, Image]:
        """The subject and image of a link. Raises NotFound, in one same sentence, for any other."""
        image = name.partition(".")[0]
        if not is_id(Kind.IMAGE, image) or not (expires.isascii() and expires.isdigit()):
            raise NotFound(_GONE)
        until = int(expires[:12])
        subject = await self._rows.owner(image)
        expected = self._sign(subject or "", image, until)
        genuine = hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace"))
        if subject is None or not genuine or until * _MICRO <= self._clock.now():
            raise NotFound(_GONE)
        caller = Caller(subject=subject)
        if not self._gate.decide(caller, None, Scope.IMAGES_READ).allowed:
            raise NotFound(_GONE)
        return subject, await self._rows.get(subject, image)

    def _sign(self, subject: str, image: str, expires: int) -> str:
        text = f"{len(subject)}:{subject}:{image}:{expires}"
        seal = hmac.digest(self._rules.key, text.encode(), hashlib.sha256)[:24]
        return base64.urlsafe_b64encode(seal).decode()
