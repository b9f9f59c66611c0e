"""Width and height in pixels."""

import re
from dataclasses import dataclass
from math import gcd
from typing import Self

from imagewright.core.errors import InvalidRequest

_WRITTEN = re.compile(r"([1-9][0-9]{0,5})x([1-9][0-9]{0,5})\Z")


@dataclass(frozen=True, slots=True, order=True)
class Size:
    """A size in pixels, written `WIDTHxHEIGHT`."""

    width: int
    height: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `1024x768`. Raises InvalidRequest for anything else."""
        found = _WRITTEN.match(text)
        if found is None:
            raise InvalidRequest(
                "The size is not of the form WIDTHxHEIGHT.", hint="Write it like 1024x1024."
            )
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"

    @property
    def pixels(self) -> int:
        """Width by height."""
        return self.width * self.height

    @property
    def ratio(self) -> str:
        """The aspect ratio in lowest terms, such as `3:2`."""
        common = gcd(self.width, self.height)
        return f"{self.width // common}:{self.height // common}"
