"""Why a picture is refused, as a code: the worker sends codes only, the parent has the sentences."""

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
]


class Refused(Exception):
    """A picture, or what was asked of it, is refused."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason: Reason = reason
