"""Why a picture is refused, as a word: the worker sends words only, the parent has sentences."""

from typing import Literal

Reason = Literal[
    "unknown",
    "truncated",
    "broken",
    "polyglot",
    "bytes",
    "pixels",
    "edge",
    "frames",
    "memory",
    "processor",
    "unwritable",
    "mask-empty",
    "mask-full",
]


class Refused(Exception):
    """A picture, or what was asked of it, is refused."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason
