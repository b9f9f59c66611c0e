"""Signed links: whoever holds one may fetch one image until it expires."""

import base64
import hashlib
import hmac
import json
from collections.abc import Collection
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
    """Makes and reads links; the subject is in the signature, not in the address.

    So is the group that let the subject read, where that was not its own entry: a link is good
    for as long as that grant is.
    """

    def __init__(self, rows: Library, gate: Gate, clock: Clock, rules: LinkRules) -> None:
        self._rows = rows
        self._gate = gate
        self._clock = clock
        self._rules = rules

    def make(
        self,
        subject: str,
        image: Image,
        seconds: int | None = None,
        groups: Collection[str] = (),
    ) -> Link:
        """A link to the original. `groups` are the subject's. Raises InvalidRequest."""
        lasts = self._rules.seconds if seconds is None else seconds
        if not 1 <= lasts <= self._rules.longest:
            raise InvalidRequest(f"A link lasts from 1 to {self._rules.longest} seconds.")
        expires = self._clock.now() // _MICRO + lasts
        group = next((each for each in ("", *sorted(groups)) if self._reads(subject, each)), "")
        path = f"/i/{expires}/{self._sign(subject, group, image.id, expires)}/{_name(image)}"
        return Link(path=path, expires_at=expires * _MICRO)

    async def read(self, expires: str, signature: str, name: str) -> tuple[Caller, Image]:
        """Whose link it is, by which group, and its image.

        Raises NotFound, in one same sentence, for any other.
        """
        image = name.partition(".")[0]
        if not is_id(Kind.IMAGE, image) or not (expires.isascii() and expires.isdigit()):
            raise NotFound(_GONE)
        until = int(expires[:12])
        subject = await self._rows.owner(image)
        if subject is None or until * _MICRO <= self._clock.now():
            raise NotFound(_GONE)
        given = signature.encode("utf-8", "replace")
        for group in ("", *self._gate.groups()):
            expected = self._sign(subject, group, image, until).encode()
            if hmac.compare_digest(expected, given) and self._reads(subject, group):
                found = await self._rows.get(subject, image)
                if (name, expires) == (_name(found), str(until)):
                    return _caller(subject, group), found
        raise NotFound(_GONE)

    def _reads(self, subject: str, group: str) -> bool:
        return self._gate.decide(_caller(subject, group), None, Scope.IMAGES_READ).allowed

    def _sign(self, subject: str, group: str, image: str, expires: int) -> str:
        text = json.dumps([subject, group, image, expires])
        seal = hmac.digest(self._rules.key, text.encode(), hashlib.sha256)[:24]
        return base64.urlsafe_b64encode(seal).decode()


def _caller(subject: str, group: str) -> Caller:
    return Caller(subject=subject, groups=frozenset({group} - {""}))


def _name(image: Image) -> str:
    return f"{image.id}.{image.picture.format.suffix}"
