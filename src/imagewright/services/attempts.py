"""Sign-ins under way: each belongs to the browser that began it."""

import base64
import hmac
import json
from dataclasses import dataclass, field

from imagewright.core.ids import RandomBytes
from imagewright.core.local_path import local_path
from imagewright.ports.clock import Clock
from imagewright.ports.sign_in import Binding

SECONDS = 900
_MICRO = 1_000_000
_LONGEST = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One sign-in: the sealed cookie of its browser, and what is derived from it.

    `form` is what the sign-in form sends back, `next` the page to go to afterwards.
    """

    cookie: str = field(repr=False)
    next: str
    form: str = field(repr=False)
    binding: Binding


class Attempts:
    """Keeps nothing: a cookie holds a time, 256 random bits and a page, under a seal.

    State, nonce and verifier follow from the cookie and from a key of ours, so that they are
    good in that browser only, each for one purpose, and until the time is over.
    """

    def __init__(self, key: bytes, clock: Clock, random: RandomBytes) -> None:
        self._key = key
        self._clock = clock
        self._random = random

    def begin(self, path: str) -> Attempt:
        """A new attempt that leads to a page of ours, whatever `path` is."""
        body = json.dumps([self._clock.now(), self._random(32).hex(), local_path(path)])
        text = base64.urlsafe_b64encode(body.encode()).decode()
        return self._attempt(f"{text}.{self._derive('seal', text)}", local_path(path))

    def read(self, cookie: str) -> Attempt | None:
        """The attempt of a cookie, or None for one that is not ours or too old."""
        text, _, seal = cookie[:_LONGEST].partition(".")
        if not same(self._derive("seal", text), seal):
            return None
        began, _, path = json.loads(base64.urlsafe_b64decode(text))
        if not 0 <= self._clock.now() - began < SECONDS * _MICRO:
            return None
        return self._attempt(cookie, local_path(path))

    def _attempt(self, cookie: str, path: str) -> Attempt:
        return Attempt(
            cookie=cookie,
            next=path,
            form=self._derive("form", cookie),
            binding=Binding(
                state=self._derive("state", cookie),
                nonce=self._derive("nonce", cookie),
                verifier=self._derive("verifier", cookie),
            ),
        )

    def _derive(self, purpose: str, text: str) -> str:
        data = f"{purpose}:{text}".encode("utf-8", "replace")
        return base64.urlsafe_b64encode(hmac.digest(self._key, data, "sha256")).decode()[:43]


def same(ours: str, given: str) -> bool:
    """Whether two texts are the same, in a time that tells nothing of ours."""
    return hmac.compare_digest(ours.encode(), given.encode("utf-8", "replace"))
